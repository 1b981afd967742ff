/**
 * Links that outlive their connections: a small session over a line that is cut, changed, held up, at every place. What was said arrives,
 * once, in order, and what was counted is what an undisturbed session counts.
 */
import { connect as connectTcp } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Link, PeerName, Traffic } from '../../src/channel/channel.ts';
import { openListener, type Listener } from '../../src/channel/listener.ts';
import type { Mesh, MeshOptions } from '../../src/channel/mesh.ts';
import { tlsOf } from './certificates.ts';
import { cutAfter, flipAt, Line, type From, type Treatment } from './line.ts';
import { endAll, HOST, join, listeners, messageOf, opened } from './session.ts';

afterEach(endAll);

/** With a peer that comes back: no test waits for it to end. */
const PATIENCE = 60_000;
const MESSAGES = 4;
const SIDES: From[] = ['dialler', 'listener'];

interface Session {
  readonly listener: Listener;
  readonly line: Line;
  readonly p0: Promise<Mesh>;
  readonly p1: Promise<Mesh>;
}

/** P1 dials P0 over a line. */
async function session(
  tls: boolean,
  treatment?: (connection: number) => Treatment,
  change: Partial<MeshOptions> = {},
  livenessMs = 10_000,
): Promise<Session> {
  const listener = await openListener({ host: HOST, port: 0, livenessMs, ...(tls ? { tls: tlsOf('P0') } : {}) });
  const line = await Line.open(listener.port, treatment);
  opened.push({ end: () => (line.close(), listener.close()) });
  const common = { linkPatienceMs: PATIENCE, socket: { livenessMs }, ...change };
  const ports = { P0: listener } as Parameters<typeof join>[1];
  const url = `${tls ? 'wss' : 'ws'}://${HOST}:${line.port}`;
  return {
    line,
    listener,
    p0: join('P0', ports, ['P0', 'P1'], { ...common, ...(tls ? { tls: tlsOf('P0') } : {}) }),
    p1: join('P1', ports, ['P0', 'P1'], { ...common, dial: { P0: url }, ...(tls ? { tls: tlsOf('P1') } : {}) }),
  };
}

type Counts = readonly [sent: Traffic, received: Traffic];

/** Says and hears a few messages in turns, and ends in order. */
async function talk(link: Link, salt: number): Promise<Counts> {
  for (let i = 0; i < MESSAGES; i++) {
    await link.send(`m${i}`, BigUint64Array.of(BigInt(salt), BigInt(i)), 1);
    const { data } = await link.receive(`m${i}`, 'u64', 2);
    if (data[0] !== BigInt(1 - salt) || data[1] !== BigInt(i)) throw new Error(`m${i} is wrong: ${data.join()}`);
  }
  await link.close();
  return [link.sent, link.received];
}

async function whole({ line, p0, p1 }: Session): Promise<[Counts, Counts]> {
  const [a, b] = await Promise.all([p0, p1]);
  expect(a.pairKeys.get('P1')).toEqual(b.pairKeys.get('P0'));
  const counts = await Promise.all([talk(a.links.get('P1')!, 0), talk(b.links.get('P0')!, 1)]);
  line.close();
  return counts;
}

/** Runs some sessions at a time. */
async function each<T>(items: readonly T[], atOnce: number, run: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of left) await run(item);
    }),
  );
}

/** Of so many bytes; every one of them with EVERY_BYTE set. */
function places(total: number): number[] {
  const step = process.env['EVERY_BYTE'] === undefined ? 37 : 1;
  return Array.from({ length: Math.ceil(total / step) }, (_, i) => i * step + 1).filter((place) => place < total);
}

describe.each([
  ['TLS', true],
  ['plain WebSockets', false],
])('over %s', (_name, tls) => {
  it.each(SIDES)(
    'a session survives a cut after each byte of the %s',
    async (side) => {
      const first = await session(tls);
      const undisturbed = await whole(first);
      const total = first.line.passed[0][side];
      await each(places(total), 16, async (place) => {
        const counts = await whole(await session(tls, cutAfter(place, side))).catch((error: unknown) => {
          throw new Error(`cut after ${place} of ${total} bytes of the ${side}`, { cause: error });
        });
        expect(counts, `cut after ${place} bytes`).toEqual(undisturbed);
      });
    },
    600_000,
  );

  it.each(SIDES)('one end closing its half (%s) is a cut', async (side) => {
    const one = await session(tls);
    const [a, b] = await Promise.all([one.p0, one.p1]);
    await a.links.get('P1')!.send('x', Uint8Array.of(1), 1);
    one.line.halfClose(side);
    await b.links.get('P0')!.send('y', Uint8Array.of(2), 1);
    expect((await b.links.get('P0')!.receive('x', 'u8', 1)).data).toEqual(Uint8Array.of(1));
    expect((await a.links.get('P1')!.receive('y', 'u8', 1)).data).toEqual(Uint8Array.of(2));
    await Promise.all([a.close(), b.close()]);
    expect(one.line.connections).toBe(2);
  });

  it('a busy line is not taken for a broken one, and little is kept', async () => {
    const one = await session(tls);
    const meshes = await Promise.all([one.p0, one.p1]);
    const links = [meshes[0].links.get('P1')!, meshes[1].links.get('P0')!];
    const blocks = 300;
    await Promise.all(
      links.map(async (link, which) => {
        const sending = (async () => {
          for (let i = 0; i < blocks; i++) await link.send(`b${i}`, new Uint8Array(2 ** 19).fill(i + which), 1);
        })();
        for (let i = 0; i < blocks; i++) {
          const { data } = await link.receive(`b${i}`, 'u8', 2 ** 19);
          expect([data[0], data[data.length - 1]]).toEqual([(i + 1 - which) & 255, (i + 1 - which) & 255]);
        }
        await sending;
        await link.close();
      }),
    );
    // Acknowledgements go out for each mebibyte: more of them than `ws` lets answers to pings pile up.
    expect(one.line.connections).toBe(1);
  });

  it('a line that carries nothing more, without a word, is given up and another one found', async () => {
    const one = await session(tls, undefined, {}, 200);
    const [a, b] = await Promise.all([one.p0, one.p1]);
    one.line.hold();
    await a.links.get('P1')!.send('x', new Uint8Array(100_000).fill(5), 1);
    const { data } = await b.links.get('P0')!.receive('x', 'u8', 100_000);
    expect(data.every((byte) => byte === 5)).toBe(true);
    await Promise.all([a.close(), b.close()]);
  });

  it('whatever is said at any time over a line that breaks again and again arrives once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(400_000), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(60_000), { minLength: 1, maxLength: 20 }),
        async (cuts, sizes) => {
          const one = await session(tls, (connection) => ({
            pass: (bytes, at) => {
              const cut = cuts[connection] ?? Infinity;
              return at + bytes.length > cut ? { last: bytes.subarray(0, Math.max(0, cut - at)) } : bytes;
            },
          }));
          const meshes = await Promise.all([one.p0, one.p1]);
          const links = [meshes[0].links.get('P1')!, meshes[1].links.get('P0')!];
          await Promise.all(
            links.map(async (link, which) => {
              for (const [i, size] of sizes.entries())
                void link.send(`m${i}`, new Uint8Array(size).fill(10 * i + which), 1);
              for (const [i, size] of sizes.entries()) {
                const { data } = await link.receive(`m${i}`, 'u8', size);
                expect(data.every((byte) => byte === ((10 * i + 1 - which) & 255))).toBe(true);
              }
              await link.close();
            }),
          );
          const payload = sizes.reduce((sum, size) => sum + size, 0);
          for (const { sent, received } of links)
            for (const counts of [sent, received])
              expect([counts.messages, counts.payloadBytes]).toEqual([sizes.length, payload]);
          one.line.close();
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('over TLS', () => {
  it.each(SIDES)(
    'each changed byte of the %s is noticed, and costs a connection',
    async (side) => {
      const first = await session(true);
      const undisturbed = await whole(first);
      const total = first.line.passed[0][side];
      await each(places(total), 16, async (place) => {
        const counts = await whole(await session(true, flipAt(place, side))).catch((error: unknown) => {
          throw new Error(`byte ${place} of ${total} of the ${side} changed`, { cause: error });
        });
        expect(counts, `byte ${place} changed`).toEqual(undisturbed);
      });
    },
    600_000,
  );
});

describe('while a link is apart', () => {
  it('no wait ends, not even of a third party, and it is told who is expected', async () => {
    const expecting: string[] = [];
    const timeoutMs = 1000;
    const members = ['P0', 'P1', 'P2'] as const;
    const ports = await listeners(tlsOf);
    const line = await Line.open(ports.P0.port);
    opened.push({ end: () => line.close() });
    const [p0, p1, p2] = await Promise.all(
      members.map((name) =>
        join(name, ports, members, {
          ...{ tls: tlsOf(name), linkPatienceMs: PATIENCE, link: { timeoutMs } },
          ...(name === 'P0' && { onExpecting: (peers: readonly PeerName[]) => void expecting.push(peers.join('+')) }),
          ...(name === 'P1' && { dial: { P0: `wss://${HOST}:${line.port}` } }),
        }),
      ),
    );
    expect(expecting.at(-1)).toBe('');
    line.down();
    await expect.poll(() => p0.expecting).toEqual(['P1']);
    const atP2 = p2.links.get('P0')!.receive('late', 'u8', 1);
    const atP0 = p0.links.get('P1')!.receive('x', 'u8', 1);
    void p1.links.get('P0')!.send('x', Uint8Array.of(9), 1);
    await new Promise((resolve) => setTimeout(resolve, 4 * timeoutMs));
    line.up();
    expect((await atP0).data).toEqual(Uint8Array.of(9));
    await p0.links.get('P2')!.send('late', Uint8Array.of(8), 1);
    expect((await atP2).data).toEqual(Uint8Array.of(8));
    expect(expecting.slice(-3)).toEqual(['', 'P1', '']);
    // Now that nobody is away, a message that does not come is missed as ever.
    expect(await messageOf(p2.links.get('P0')!.receive('never', 'u8', 1))).toMatch(/^P2 waited 1 s for "never"/);
  });

  it('who stays away is named, at both ends, and for how long', async () => {
    const one = await session(true, undefined, { linkPatienceMs: 1000 });
    const [a, b] = await Promise.all([one.p0, one.p1]);
    one.line.down();
    const [atP0, atP1] = await Promise.all([a.failed, b.failed]);
    const broken = '(the connection broke \\(code 1006\\)|read ECONNRESET)';
    expect(atP0.message).toMatch(new RegExp(`^P0 lost P1: it has been away for 1 s \\(${broken}\\)$`));
    expect(atP1.message).toMatch(new RegExp(`^P1 lost P0: it has been away for 1 s \\(${broken}; last try: .+\\)$`));
    expect(a.expecting).toEqual([]);
  });

  it('a link that comes back only to break again has not come back', async () => {
    const one = await session(true, undefined, { linkPatienceMs: 1500 });
    const [a, b] = await Promise.all([one.p0, one.p1]);
    const flapping = setInterval(() => one.line.cut(), 50);
    opened.push({ end: () => clearInterval(flapping) });
    const { message } = await Promise.race([a.failed, b.failed]);
    expect(message).toMatch(/it has been away for 1\.5 s/);
    expect(one.line.connections).toBeGreaterThan(3);
  });

  it('a crowd of strangers that comes again and again does not keep the peer from coming back', async () => {
    const one = await session(true);
    const [a, b] = await Promise.all([one.p0, one.p1]);
    one.line.down();
    await expect.poll(() => a.expecting).toEqual(['P1']);
    let over = false;
    let came = 0;
    const come = (): void => {
      if (over) return;
      came++;
      const stranger = connectTcp(one.listener.port, HOST);
      stranger.on('error', () => undefined).on('close', () => setImmediate(come));
      opened.push({ end: () => stranger.destroy() });
    };
    for (let i = 0; i < 128; i++) come();
    opened.push({ end: () => (over = true) });
    await expect.poll(() => came).toBeGreaterThanOrEqual(128);
    one.line.up();
    await b.links.get('P0')!.send('x', Uint8Array.of(1), 1);
    await a.links.get('P1')!.receive('x', 'u8', 1);
    over = true;
    await Promise.all([a.close(), b.close()]);
  });

  it('a peer that has ended the session no longer has the link, and says so', async () => {
    const one = await session(true);
    const [a, b] = await Promise.all([one.p0, one.p1]);
    // P0 stops while nothing can be said to P1.
    one.line.down();
    await expect.poll(() => a.expecting).toEqual(['P1']);
    a.abortAll('over');
    await a.failed;
    one.line.up();
    expect((await b.failed).message).toBe('P1 lost P0: P0 no longer has this link');
  });
});
