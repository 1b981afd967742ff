/** Whoever has not proved who it is learns nothing, costs little and keeps nobody out. */
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { PeerName } from '../../src/channel/channel.ts';
import { introduceTo, welcome, type HandshakeSide } from '../../src/channel/handshake.ts';
import type { Listener } from '../../src/channel/listener.ts';
import { memoryTransports } from '../../src/channel/memory.ts';
import { dial } from '../../src/channel/dial.ts';
import { agreementsWith, keyAgreement } from '../../src/random/agreement.ts';
import { KeyPair } from '../../src/random/keys.ts';
import { CONFIG, endAll, HOST, identities, join, listeners, messageOf, opened, publicKeys } from './session.ts';

afterEach(endAll);

const json = (message: unknown) => Buffer.from(JSON.stringify(message));
const hello = {
  protocol: '3',
  role: 'P1',
  peer: 'P0',
  publicKey: Buffer.from(KeyPair.generate().publicKey).toString('hex'),
};

describe('strangers are turned away and the party waits on', () => {
  /** P0 waits for P1 while someone else tries; then P1 comes. */
  async function withStranger(
    approach: (url: string, ports: Record<PeerName, Listener>) => Promise<unknown>,
  ): Promise<string[]> {
    const ports = await listeners();
    const refused: string[] = [];
    const p0 = join('P0', ports, ['P0', 'P1'], {
      onRefused: (reason) => void refused.push(reason.replace(/^127\.0\.0\.1:\d+: /, '')),
    });
    await approach(`ws://${HOST}:${ports.P0.port}`, ports);
    const [a, b] = await Promise.all([p0, join('P1', ports, ['P0', 'P1'])]);
    await Promise.all([a.close(), b.close()]);
    return refused;
  }

  const say =
    (...messages: (Uint8Array | string)[]) =>
    async (url: string) => {
      const client = new WebSocket(url);
      client.on('error', () => undefined);
      client.on('open', () => messages.forEach((message) => client.send(message)));
      await new Promise((resolve) => client.on('close', resolve));
    };
  it.each<[string, (url: string) => Promise<void>, string]>([
    [
      'version 1 of the protocol',
      say(json({ ...hello, protocol: '1', session: 'session-1', keys: 'fresh', config: CONFIG })),
      'a stranger speaks protocol version 1, P0 speaks 3: install the same version of securenn at all parties',
    ],
    ['random bytes', say(Uint8Array.of(1, 2, 3)), 'a stranger: not a message of the handshake'],
    ['text', say('hello'), 'a stranger hung up in the handshake: a text message, where only binary ones are allowed'],
    ['a long message', say(new Uint8Array(70_000)), 'a stranger: a message of 70000 bytes in the handshake'],
    ['JSON of another kind', say(json({ a: 1 })), 'a stranger sent no proper hello'],
    ['null', say(json(null)), 'a stranger: not a message of the handshake'],
    ['a refusal', say(json({ refused: 'go away' })), 'a stranger sent no proper hello'],
    ['a role that is none', say(json({ ...hello, role: 'P3' })), 'a stranger sent no proper hello'],
    ['a role not awaited', say(json({ ...hello, role: 'P2' })), 'a stranger, as P2: P0 does not accept this role'],
    ['another addressee', say(json({ ...hello, peer: 'P2' })), 'a stranger, as P1: P0 listens here, not P2'],
    [
      'a null key',
      say(json({ ...hello, publicKey: '00'.repeat(32) })),
      'a stranger, as P1: public key: of small order, refused',
    ],
    [
      'a short key',
      say(json({ ...hello, publicKey: 'ab' })),
      'a stranger, as P1: public key: expected 32 bytes, found 1',
    ],
    [
      'no proof',
      say(json(hello), json({ proof: '' })),
      'a stranger, as P1: it did not prove that it has the identity key of this role',
    ],
    [
      'a false proof',
      say(json(hello), json({ proof: '00'.repeat(32) })),
      'a stranger, as P1: it did not prove that it has the identity key of this role',
    ],
  ])('%s', async (_what, approach, text) => {
    expect(await withStranger(approach)).toEqual([text]);
  });

  it('the right role with the wrong identity key', async () => {
    const refused = await withStranger(async (_url, ports) => {
      const impostor = join('P1', ports, ['P0', 'P1'], { identity: KeyPair.generate() });
      expect(await messageOf(impostor)).toBe(
        'P0 refused the connection: a stranger, as P1: it did not prove that it has the identity key of this role',
      );
    });
    expect(refused).toEqual(['a stranger, as P1: it did not prove that it has the identity key of this role']);
  });

  it('the true peer of another session', async () => {
    const refused = await withStranger(async (_url, ports) => {
      const text = 'P0 has session session-1, P1 has session-0: start all parties with the same configuration';
      expect(await messageOf(join('P1', ports, ['P0', 'P1'], { sessionId: 'session-0' }))).toBe(text);
    });
    expect(refused).toEqual([
      'P1 has session session-0, P0 has session-1: start all parties with the same configuration',
    ]);
  });

  it('a peer that is there already', async () => {
    const ports = await listeners();
    const refused: string[] = [];
    const members = ['P0', 'P1', 'P2'] as const;
    const p0 = join('P0', ports, members, { onRefused: (reason) => void refused.push(reason) });
    const [first, second] = [join('P1', ports, ['P0', 'P1']), join('P1', ports, ['P0', 'P1'])];
    const texts = await Promise.all([first, second].map(messageOf));
    expect(texts.filter((text) => text === 'no error')).toHaveLength(1);
    expect(texts.join()).toContain('P0 refused the connection: a stranger, as P1: this role is connected already');
    expect(refused.join()).toContain('this role is connected already');
    await join('P2', ports, ['P0', 'P2']);
    await p0;
  });
});

/** A server at which a dialler finds somebody else. */
async function falseListener(onConnection: (client: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ host: HOST, port: 0 });
  server.on('connection', (client) => {
    client.on('error', () => undefined);
    onConnection(client);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  opened.push({
    end: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  });
  return `ws://${HOST}:${(server.address() as AddressInfo).port}`;
}

/** Passes bytes on in both directions, changed by `change`. */
async function relay(port: number, change: (bytes: Buffer, from: 'client' | 'server') => Buffer): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const other = connectTcp(port, HOST);
    sockets.push(client, other);
    client.on('data', (data) => other.write(change(data, 'client'))).on('error', () => undefined);
    other.on('data', (data) => client.write(change(data, 'server'))).on('error', () => undefined);
    client.on('close', () => other.destroy());
    other.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  opened.push({ end: () => (server.close(), sockets.forEach((socket) => socket.destroy())) });
  return `ws://${HOST}:${(server.address() as AddressInfo).port}`;
}

describe('before the proof', () => {
  it('who dials reads a role, a version and a fresh key', async () => {
    const ports = await listeners();
    const p0 = join('P0', ports, ['P0', 'P1']);
    const client = new WebSocket(`ws://${HOST}:${ports.P0.port}`);
    const said = new Promise<object>((resolve) =>
      client.on('message', (data) => resolve(JSON.parse((data as Buffer).toString()) as object)),
    );
    client.on('open', () => client.send(json(hello)));
    const { publicKey, ...rest } = (await said) as { publicKey: string };
    expect(rest).toEqual({ protocol: '3', role: 'P0', peer: 'P1' });
    expect(publicKey).toMatch(/^[0-9a-f]{64}$/);
    client.terminate();
    await Promise.all([p0, join('P1', ports, ['P0', 'P1'])]);
  });

  it('who listens or reads the line finds neither session nor configuration', async () => {
    const ports = await listeners();
    const line: Buffer[] = [];
    const url = await relay(ports.P0.port, (bytes) => (line.push(bytes), bytes));
    await Promise.all([join('P0', ports, ['P0', 'P1']), join('P1', ports, ['P0', 'P1'], { dial: { P0: url } })]);
    const text = Buffer.concat(line).toString('latin1');
    expect(text).toContain('"protocol":"3"');
    for (const secret of ['session', 'fresh', ...CONFIG.flat().filter((word) => word.length > 2)]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, -2));
    }
  });

  it.each(['client', 'server'] as const)('terms that were changed on the way from the %s are refused', async (side) => {
    const ports = await listeners();
    const url = await relay(ports.P0.port, (bytes, from) => {
      const at = bytes.indexOf('"terms":"');
      if (from === side && at >= 0) bytes[at + 40] ^= 1;
      return bytes;
    });
    const refused: string[] = [];
    const p0 = join('P0', ports, ['P0', 'P1'], { onRefused: (reason) => void refused.push(reason), timeoutMs: 3000 });
    const p1 = join('P1', ports, ['P0', 'P1'], { dial: { P0: url } });
    const changed = 'its terms are missing or were changed on the way';
    if (side === 'server') {
      expect(await messageOf(p1)).toBe(`P0: ${changed}`);
      // P1 was not ready for it: the link has not opened at P0 either.
      expect(await messageOf(p0)).toMatch(/^P0 waited 3 s for P1 to connect/);
    } else {
      expect(await messageOf(p1)).toBe(`P0 refused the connection: P1: ${changed}`);
      expect(await messageOf(p0)).toBe('P0 waited 3 s for P1 to connect');
      expect(refused.join()).toContain(`P1: ${changed}`);
    }
  });

  it.each([4, 5])('terms that read the same and are not (message %d) open no link', async (which) => {
    let index = 0;
    const [atP0, atP1] = memoryTransports('P0', 'P1', {
      tamper: (_n, bytes) => {
        if (index++ !== which) return [bytes];
        // Whoever reads base64 passes over what is none.
        return [Buffer.from(Buffer.from(bytes).toString('latin1').replace('"terms":"', '"terms":".'), 'latin1')];
      },
    });
    const sideOf = (self: 'P0' | 'P1'): HandshakeSide => ({
      ...{ self, sessionId: 'session-1', config: CONFIG },
      agreement: agreementsWith({ self, identity: identities[self], publicKeys }),
    });
    const door = {
      accepts: () => true,
      resumption: () => undefined,
      isConnected: () => false,
      begin: () => () => true,
    };
    const both = { timeoutMs: 30_000, onProved: () => undefined };
    const [welcomed, introduced] = await Promise.all([
      messageOf(welcome(atP0, sideOf('P0'), door, both)),
      messageOf(introduceTo(atP1, sideOf('P1'), 'P0', both)),
    ]);
    expect(welcomed).toBe('P1: terms were changed on the way');
    expect(introduced).toBe('P0 refused the connection: P1: terms were changed on the way');
    expect(index).toBeGreaterThan(6);
  });

  it('a listener of version 1 is named as such', async () => {
    const ports = await listeners();
    const versions = 'P0 speaks protocol version 1, P1 speaks 3: install the same version of securenn at all parties';
    // It takes our hello for none; or, one day, answers with its own.
    for (const answer of [
      { refused: 'a stranger sent no proper hello' },
      { ...hello, role: 'P0', peer: 'P1', protocol: '1' },
    ]) {
      const url = await falseListener((client) => client.on('message', () => client.send(json(answer))));
      expect(await messageOf(join('P1', ports, ['P0', 'P1'], { dial: { P0: url } }))).toBe(versions);
    }
  });

  it('a peer that proves itself and says nonsense is refused', async () => {
    const ports = await listeners();
    const { P0, P1 } = identities;
    const nonsense = ['', '[]', '{}', '{"session":"session-1","keys":"fresh","config":[["a"]]}'];
    for (const text of nonsense) {
      const url = await falseListener((client) => {
        const agreement = keyAgreement({ self: 'P0', peer: 'P1', identity: P0, peerIdentity: P1.publicKey });
        const messages: Buffer[] = [];
        client.on('message', (data) => {
          messages.push(data as Buffer);
          const mine = json({
            ...hello,
            role: 'P0',
            peer: 'P1',
            publicKey: Buffer.from(agreement.publicKey).toString('hex'),
          });
          if (messages.length === 1) return client.send(mine);
          const { publicKey } = JSON.parse(messages[0].toString()) as { publicKey: string };
          const lengths = [messages[0], mine].map(({ length }) => Buffer.from([0, 0, length >> 8, length & 255]));
          const hellos = Buffer.concat([lengths[0], messages[0], lengths[1], mine]);
          const secrets = agreement.derive(hellos, new Uint8Array(Buffer.from(publicKey, 'hex')));
          if (messages.length === 2)
            return client.send(json({ proof: Buffer.from(secrets.proofOf('P0')).toString('hex') }));
          client.send(json({ terms: Buffer.from(secrets.seal('P0', Buffer.from(text))).toString('base64') }));
        });
      });
      const joining = join('P1', ports, ['P0', 'P1'], { dial: { P0: url } });
      expect(await messageOf(joining)).toBe('P0 sent no proper terms');
    }
  });
});

describe('what a stranger costs', () => {
  it.each<[string, number, number, string]>([
    ['messages', 3, 10, 'more than 2 messages before it proved who it is'],
    ['many messages', 5000, 1, 'more than 2 messages before it proved who it is'],
    ['a long message', 1, 50_000_000, 'more than 131072 bytes before it proved who it is'],
    ['long messages', 20, 2_000_000, 'more than 131072 bytes before it proved who it is'],
  ])('%s of a false listener end the connection, and at most two are kept', async (_what, count, bytes, reason) => {
    const url = await falseListener((client) => {
      for (let i = 0; i < count; i++) client.send(new Uint8Array(bytes));
    });
    const connection = await dial(url, { timeoutMs: 30_000 });
    opened.push({ end: () => connection.destroy() });
    await connection.closed;
    let kept = 0;
    const ended = await new Promise<string>((resolve) => {
      connection.attach({
        onFrame: (parts) => (kept += parts.reduce((sum, part) => sum + part.length, 0)),
        onClose: resolve,
      });
    });
    expect(ended).toBe(reason);
    expect(kept).toBeLessThanOrEqual(131_072);
  });

  it('a false listener is named when time is over', async () => {
    const ports = await listeners();
    const url = await falseListener((client) => client.send(new Uint8Array(1_000_000)));
    const joining = join('P1', ports, ['P0', 'P1'], { dial: { P0: url }, timeoutMs: 2000 });
    expect(await messageOf(joining)).toBe(
      'P1 waited 2 s for P0 to connect (P0 hung up in the handshake: more than 131072 bytes before it proved who it is)',
    );
  });
});

describe('a crowd', () => {
  /** Keeps `size` connections to a port open, whatever becomes of each. */
  function crowd(
    size: number,
    connect: () => { on(event: 'close', listener: () => void): unknown; end: () => void },
  ): void {
    let over = false;
    const members = new Set<{ end: () => void }>();
    const come = (): void => {
      if (over) return;
      const member = connect();
      members.add(member);
      member.on('close', () => {
        members.delete(member);
        setImmediate(come);
      });
    };
    for (let i = 0; i < size; i++) come();
    opened.push({
      end: () => {
        over = true;
        for (const member of members) member.end();
      },
    });
  }

  const idle = {
    'idle WebSockets': (port: number) => {
      const client = new WebSocket(`ws://${HOST}:${port}`);
      client.on('error', () => undefined);
      return Object.assign(client, { end: () => client.terminate() });
    },
    'idle sockets': (port: number) => {
      const socket = connectTcp(port, HOST);
      socket.on('error', () => undefined);
      return Object.assign(socket, { end: () => void socket.destroy() });
    },
    'WebSockets that say a hello': (port: number) => {
      const client = new WebSocket(`ws://${HOST}:${port}`);
      client.on('error', () => undefined).on('open', () => client.send(json(hello)));
      return Object.assign(client, { end: () => client.terminate() });
    },
  };

  it.each(Object.entries(idle))('of %s that come again at once keeps nobody out', async (_what, connect) => {
    const ports = await listeners();
    let came = 0;
    crowd(128, () => {
      came++;
      return connect(ports.P0.port);
    });
    await expect.poll(() => came).toBeGreaterThanOrEqual(128);
    const members = ['P0', 'P1', 'P2'] as const;
    const meshes = await Promise.all(members.map((name) => join(name, ports, members, { timeoutMs: 60_000 })));
    await Promise.all(meshes.map((mesh) => mesh.close()));
  });
});
