import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { PeerName } from '../../src/channel/channel.ts';
import { openListener, type Listener } from '../../src/channel/listener.ts';
import { openMesh, type Mesh, type MeshOptions } from '../../src/channel/mesh.ts';
import { agreementsWith, insecurePairKey } from '../../src/random/agreement.ts';
import { KeyPair } from '../../src/random/keys.ts';

const HOST = '127.0.0.1';
const NAMES = ['P0', 'P1', 'P2', 'owner'] as const satisfies PeerName[];
const identities = Object.fromEntries(NAMES.map((name) => [name, KeyPair.generate()])) as Record<PeerName, KeyPair>;
const publicKeys = Object.fromEntries(NAMES.map((name) => [name, identities[name].publicKey])) as Record<
  PeerName,
  Uint8Array
>;
const CONFIG: [string, string][] = [
  ['suite', 'direct'],
  ['fractionBits', '16'],
  ['model', 'A'],
];

const opened: { end: () => unknown }[] = [];
afterEach(async () => {
  for (const { end } of opened.splice(0).reverse()) await end();
});

async function listeners(): Promise<Record<PeerName, Listener>> {
  const all = await Promise.all(
    NAMES.map(async (name) => [name, await openListener({ host: HOST, port: 0 })] as const),
  );
  for (const [, listener] of all) opened.push({ end: () => listener.close() });
  return Object.fromEntries(all) as Record<PeerName, Listener>;
}

interface Change extends Partial<MeshOptions> {
  readonly identity?: KeyPair;
  readonly insecureSeed?: number;
}

/** One party among `members`, by the convention: later ones dial earlier ones. */
function join(
  self: PeerName,
  ports: Record<PeerName, Listener>,
  members: readonly PeerName[],
  change: Change = {},
): Promise<Mesh> {
  const { identity = identities[self], insecureSeed, ...options } = change;
  const rank = NAMES.indexOf(self);
  const mesh = openMesh({
    self,
    agreement: agreementsWith({ self, identity, publicKeys, insecureSeed }),
    sessionId: 'session-1',
    config: CONFIG,
    listener: ports[self],
    dial: Object.fromEntries(
      members.filter((name) => NAMES.indexOf(name) < rank).map((name) => [name, `ws://${HOST}:${ports[name].port}`]),
    ),
    accept: members.filter((name) => NAMES.indexOf(name) > rank),
    timeoutMs: 5000,
    ...options,
  });
  void mesh.then(
    (m) => opened.push({ end: () => m.abortAll('the test is over') }),
    () => undefined,
  );
  return mesh;
}

const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('a mesh', () => {
  it('of three parties and an owner: links, keys, orderly end', async () => {
    const ports = await listeners();
    const meshes = await Promise.all(NAMES.map((name) => join(name, ports, NAMES)));
    for (const [i, self] of NAMES.entries()) {
      const peers = NAMES.filter((name) => name !== self);
      expect([...meshes[i].links.keys()].sort()).toEqual([...peers].sort());
      for (const peer of peers) {
        const other = meshes[NAMES.indexOf(peer)];
        expect(meshes[i].pairKeys.get(peer)).toHaveLength(16);
        expect(meshes[i].pairKeys.get(peer)).toEqual(other.pairKeys.get(self));
        await meshes[i].links.get(peer)!.send(`from ${self}`, Uint8Array.of(i), 1);
        expect((await other.links.get(self)!.receive(`from ${self}`, 'u8', 1)).data).toEqual(Uint8Array.of(i));
      }
    }
    const keys = meshes.flatMap((mesh) => [...mesh.pairKeys.values()].map((key) => Buffer.from(key).toString('hex')));
    expect(new Set(keys).size).toBe(6);
    for (const shown of [inspect(meshes[0], { depth: 20 }), JSON.stringify(meshes[0])]) {
      for (const key of meshes[0].pairKeys.values()) {
        expect(shown).not.toContain(Buffer.from(key).toString('hex'));
        expect(shown).not.toContain([...key].join(', '));
      }
    }
    await Promise.all(meshes.map((mesh) => mesh.close()));
  });

  it('forms in any order, and has other keys in every session', async () => {
    const ports = await listeners();
    const keys: string[] = [];
    for (const order of [
      ['P2', 'P1', 'P0'],
      ['P1', 'P0', 'P2'],
    ] as const) {
      const joining: Promise<Mesh>[] = [];
      for (const name of order) {
        joining.push(join(name, ports, ['P0', 'P1', 'P2']));
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      const meshes = await Promise.all(joining);
      keys.push(Buffer.from(meshes[0].pairKeys.get('P1') ?? meshes[0].pairKeys.get('P2')!).toString('hex'));
      await Promise.all(meshes.map((mesh) => mesh.close()));
    }
    expect(keys[0]).not.toBe(keys[1]);
  });

  it('tells everybody when one party stops', async () => {
    const ports = await listeners();
    const [p0, p1, p2] = await Promise.all(
      (['P0', 'P1', 'P2'] as const).map((n) => join(n, ports, ['P0', 'P1', 'P2'])),
    );
    const pending = p1.links.get('P2')!.receive('x', 'u64', 1);
    p2.abortAll('out of memory');
    expect((await p0.failed).message).toBe('P2 stopped: out of memory');
    expect((await p1.failed).message).toBe('P2 stopped: out of memory');
    expect(await messageOf(pending)).toBe('P2 stopped: out of memory');
    expect(await messageOf(p1.close())).toBe('P2 stopped: out of memory');
  });

  it('leaves nothing open behind', async () => {
    const sockets = () =>
      process
        .getActiveResourcesInfo()
        .filter((name) => /TCP|Timeout|Immediate/.test(name))
        .sort();
    const before = sockets();
    const ports = await listeners();
    const meshes = await Promise.all(NAMES.map((name) => join(name, ports, NAMES)));
    expect(sockets().length).toBeGreaterThan(before.length);
    await Promise.all(meshes.map((mesh) => mesh.close()));
    await Promise.all(Object.values(ports).map((listener) => listener.close()));
    await expect.poll(sockets, { timeout: 1000 }).toEqual(before);
  });

  it('insecure keys are the fixed ones', async () => {
    const ports = await listeners();
    const [p0, p1] = await Promise.all(
      (['P0', 'P1'] as const).map((n) => join(n, ports, ['P0', 'P1'], { insecureSeed: 5 })),
    );
    expect(p0.pairKeys.get('P1')).toEqual(insecurePairKey(5, 'P0-P1'));
    expect(p1.pairKeys.get('P0')).toEqual(insecurePairKey(5, 'P0-P1'));
    await Promise.all([p0.close(), p1.close()]);
  });
});

describe('differences end the session at both ends', () => {
  const advice = ': start all parties with the same configuration';
  it.each<[what: string, change: Change, atP0: string, atP1: string]>([
    [
      'a value',
      {
        config: [
          ['suite', 'direct'],
          ['fractionBits', '13'],
          ['model', 'B'],
        ],
      },
      'P1 has fractionBits 13, P0 has 16',
      'P0 has fractionBits 16, P1 has 13',
    ],
    [
      'a name',
      {
        config: [
          ['suite', 'direct'],
          ['prime', '17'],
          ['model', 'A'],
        ],
      },
      'P1 has prime 17 where P0 has fractionBits 16',
      'P0 has fractionBits 16 where P1 has prime 17',
    ],
    [
      'a field too few',
      { config: CONFIG.slice(0, 2) },
      'P1 has no model where P0 has model A',
      'P0 has model A where P1 has no model',
    ],
    [
      'pair keys',
      { insecureSeed: 3 },
      'P1 has pair keys insecure, seed 3, P0 has fresh',
      'P0 has pair keys fresh, P1 has insecure, seed 3',
    ],
  ])('%s', async (_what, change, atP0, atP1) => {
    const ports = await listeners();
    const members = ['P0', 'P1', 'P2'] as const;
    const [p0, p1, p2] = [join('P0', ports, members), join('P1', ports, members, change), join('P2', ports, members)];
    const texts = await Promise.all([p0, p1, p2].map(messageOf));
    // P1 differs from both others, and notices with whichever comes first; they may learn from each other.
    expect(texts[0]).toMatch(new RegExp(`^(P2 stopped: )?${atP0}${advice}$`.replace('P0 ', 'P[02] ')));
    expect(texts[1]).toMatch(new RegExp(`^${atP1}${advice}$`.replace('P0 ', 'P[02] ')));
    expect(texts[2]).toMatch(new RegExp(`(^P2 cannot reach P1: |${advice}$)`));
  });
});

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
  const json = (message: unknown) => Buffer.from(JSON.stringify(message));
  const hello = {
    protocol: '1',
    session: 'session-1',
    role: 'P1',
    peer: 'P0',
    keys: 'fresh',
    publicKey: Buffer.from(KeyPair.generate().publicKey).toString('hex'),
    config: CONFIG,
  };

  it.each<[string, (url: string) => Promise<void>, string]>([
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
    ['a bad config', say(json({ ...hello, config: [['a']] })), 'a stranger sent no proper hello'],
    [
      'no proof',
      say(json(hello), json({ proof: '' })),
      'a stranger, as P1: it did not prove that it has the identity key of this role',
    ],
    [
      'a wrong configuration without proof',
      say(json({ ...hello, config: [] }), json({ proof: '00'.repeat(32) })),
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

describe('time-outs and impostors', () => {
  it('names who did not come', async () => {
    const ports = await listeners();
    const p0 = join('P0', ports, NAMES, { timeoutMs: 300 });
    const p2 = join('P2', ports, ['P0', 'P2']);
    expect(await messageOf(p0)).toBe('P0 waited 0.3 s for P1 and owner to connect');
    // P2 had connected and learns why there is no session.
    expect((await (await p2).failed).message).toBe('P0 stopped: P0 waited 0.3 s for P1 and owner to connect');
    await ports.P0.close();
    expect(await messageOf(join('P1', ports, ['P0', 'P1'], { timeoutMs: 300 }))).toMatch(
      /^P1 cannot reach P0: no answer from ws:\/\/127\.0\.0\.1:\d+ for 0\.3 s: .*ECONNREFUSED/,
    );
  });

  it('a listener that is not who it should be', async () => {
    const ports = await listeners();
    const impostor = join('P0', ports, ['P0', 'P1'], { identity: KeyPair.generate(), timeoutMs: 400 });
    expect(await messageOf(join('P1', ports, ['P0', 'P1']))).toBe(
      'P0 refused the connection: a stranger, as P1: it did not prove that it has the identity key of this role',
    );
    await messageOf(impostor);
    const swapped = { ...ports, P0: ports.P2 };
    const p2 = join('P2', ports, ['P2', 'owner'], { timeoutMs: 400 });
    expect(await messageOf(join('P1', swapped, ['P0', 'P1']))).toBe(
      'P0 refused the connection: a stranger, as P1: P2 listens here, not P0',
    );
    await messageOf(p2);
  });

  it('a party that accepts needs a listener and a known identity key', async () => {
    const ports = await listeners();
    expect(await messageOf(join('P0', ports, ['P0', 'P1'], { listener: undefined }))).toBe(
      'P0 cannot accept P1 without a listener',
    );
    const agreement = agreementsWith({ self: 'P1', identity: identities.P1, publicKeys: {} });
    expect(await messageOf(join('P1', ports, ['P0', 'P1'], { agreement }))).toBe('no identity key of P0 is known');
  });
});
