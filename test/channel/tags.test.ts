/** Tags of frames: whoever stands between two parties, with all that it knows of the format, can change, make, repeat or turn round nothing. */
import { createDecipheriv, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Link } from '../../src/channel/channel.ts';
import { decodeFrame, encodeFrame, headerBytes, TAG_BYTES, type Frame } from '../../src/channel/frame.ts';
import { openListener } from '../../src/channel/listener.ts';
import { FrameLink } from '../../src/channel/link.ts';
import { memoryTransports } from '../../src/channel/memory.ts';
import { FrameTags } from '../../src/channel/tags.ts';
import { meshOptions } from '../../src/server/neighbours.ts';
import { WaitMeter } from '../../src/server/wait-meter.ts';
import { DIRECT_SUITE } from '../training.ts';
import { cutAfter, Line } from './line.ts';
import { endAll, HOST, join, messageOf, opened } from './session.ts';

afterEach(endAll);

const frameOf = (frame: Partial<Frame>): Uint8Array[] => {
  const full: Frame = { kind: 'u8', sequence: 0, depth: 1, label: 'a', data: Uint8Array.of(1, 2, 3), ...frame };
  const { header, payload } = encodeFrame(full);
  return payload.length === 0 ? [header] : [header, payload];
};

function ends(): [FrameTags, FrameTags] {
  const [a, b] = [randomBytes(32), randomBytes(32)];
  return [new FrameTags({ own: a, peer: b }), new FrameTags({ own: b, peer: a })];
}

describe('a tag', () => {
  it('is GMAC of the frame, under the key of its direction and its number', () => {
    const [own, peer] = [randomBytes(32), randomBytes(32)];
    const frame = frameOf({ data: randomBytes(1000) });
    const sealed = Buffer.concat(new FrameTags({ own, peer }).seal(0x01020304, frame));
    expect(sealed.subarray(TAG_BYTES)).toEqual(Buffer.concat(frame));
    const check = (key: Uint8Array, nonce: string): Buffer => {
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'hex'), { authTagLength: TAG_BYTES });
      return decipher.setAAD(Buffer.concat(frame)).setAuthTag(sealed.subarray(0, TAG_BYTES)).final();
    };
    expect(check(own, '040302010000000000000000')).toHaveLength(0);
    expect(() => check(own, '050302010000000000000000')).toThrow();
    expect(() => check(peer, '040302010000000000000000')).toThrow();
  });

  it('is taken however the pieces come, and gives the frame', () => {
    const [a, b] = ends();
    const sealed = Buffer.concat(a.seal(7, frameOf({ data: randomBytes(300) })));
    for (const cuts of [[], [5], [16], [17], [5, 16], [40], [16, 40], [sealed.length - 1], [3, 9, 200]]) {
      const places = [0, ...cuts, sealed.length];
      const parts = places.slice(1).map((to, i) => sealed.subarray(places[i], to));
      expect(Buffer.concat(b.open(7, parts)), cuts.join()).toEqual(sealed.subarray(TAG_BYTES));
    }
  });

  it('is of one number, one direction and one link', () => {
    const [a, b] = ends();
    const sealed = a.seal(3, frameOf({}));
    expect(b.open(3, sealed)).toHaveLength(2);
    expect(() => b.open(4, sealed)).toThrow(/frame 4 is missing or was changed/);
    expect(() => a.open(3, sealed)).toThrow(/was changed/);
    expect(() => ends()[1].open(3, sealed)).toThrow(/was changed/);
  });

  it('misses no bit of a frame or of itself', () => {
    const [a, b] = ends();
    const sealed = Buffer.concat(a.seal(0, frameOf({})));
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] ^= 1 << (bit & 7);
      expect(() => b.open(0, [changed]), `bit ${bit}`).toThrow(/was changed/);
    }
    for (let length = 0; length < sealed.length; length++)
      expect(() => b.open(0, [sealed.subarray(0, length)]), `${length} bytes`).toThrow(/tag/);
    expect(() => b.open(0, [sealed, Buffer.alloc(1)])).toThrow(/was changed/);
    expect(() => b.open(0, [])).toThrow('a frame without its tag');
  });
});

const ROUNDS = 6;

async function party(link: Link, base: number, heard: number[]): Promise<void> {
  for (let i = 0; i < ROUNDS; i++) {
    await link.send(`r${i}`, BigUint64Array.of(BigInt(base + i)), i + 1);
    const { data, depth } = await link.receive(`r${i}`, 'u64', 1);
    expect(depth).toBe(i + 1);
    heard.push(Number(data[0]));
  }
  await link.close();
}

/** What a man in the middle makes of the n-th frame of P0 to P1. */
type Attack = (n: number) => (index: number, bytes: Uint8Array) => Uint8Array[];

interface Outcome {
  /** What each party took for its peer's words. */
  readonly heard: readonly [number[], number[]];
  readonly ends: readonly [string, string];
}

async function run(attack: (index: number, bytes: Uint8Array, from: string) => Uint8Array[]): Promise<Outcome> {
  const [atP0, atP1] = memoryTransports('P0', 'P1', { tamper: attack });
  const [tags0, tags1] = ends();
  const options = { timeoutMs: 500 };
  const links = [
    new FrameLink('P0', 'P1', atP0, { ...options, tags: tags0 }),
    new FrameLink('P1', 'P0', atP1, { ...options, tags: tags1 }),
  ];
  const heard: [number[], number[]] = [[], []];
  const results = await Promise.allSettled([party(links[0], 0, heard[0]), party(links[1], 100, heard[1])]);
  const texts = results.map((result) => (result.status === 'fulfilled' ? 'well' : (result.reason as Error).message));
  return { heard, ends: texts as [string, string] };
}

const onFrame =
  (change: (bytes: Uint8Array) => Uint8Array[]): Attack =>
  (n) =>
  (index, bytes) =>
    index === n ? change(bytes) : [bytes];

const flip = (at: number): Attack =>
  onFrame((bytes) => [bytes.map((byte, place) => (place === (at + bytes.length) % bytes.length ? byte ^ 1 : byte))]);

/** It knows the format and computes the header's check anew. */
const rewrite = (change: (frame: Frame) => Partial<Frame>): Attack =>
  onFrame((bytes) => {
    const frame = decodeFrame([bytes.subarray(TAG_BYTES)]);
    const { header, payload } = encodeFrame({ ...frame, ...change(frame) });
    return [new Uint8Array(Buffer.concat([bytes.subarray(0, TAG_BYTES), header, payload]))];
  });

const swapped: Attack = (n) => {
  let held: Uint8Array[] = [];
  return (index, bytes) => {
    const late = held;
    held = index === n ? [bytes] : [];
    return index === n ? [] : [bytes, ...late];
  };
};

const replaced: Attack = (n) => {
  let before: Uint8Array | undefined;
  return (index, bytes) => {
    const instead = index === n && before !== undefined ? before : bytes;
    before = bytes;
    return [index === n && n === 0 ? Uint8Array.from(bytes, (byte) => byte ^ 255) : instead];
  };
};

const made = (kind: 'abort' | 'bye'): Attack =>
  onFrame((bytes) => {
    const { sequence } = decodeFrame([bytes.subarray(TAG_BYTES)]);
    const data = Buffer.from(kind === 'abort' ? 'give up' : '');
    const { header, payload } = encodeFrame({ kind, sequence, depth: 0, label: '', data });
    return [new Uint8Array(Buffer.concat([randomBytes(TAG_BYTES), header, payload])), bytes];
  });

describe('a man in the middle', () => {
  it('that changes nothing changes nothing', async () => {
    const { heard, ends } = await run((_, bytes) => [bytes]);
    expect(ends).toEqual(['well', 'well']);
    expect(heard[1]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  const header = headerBytes(2);
  const frameEnds = /frame \d+ is missing or was changed on the way: its tag differs/;
  const refused = new RegExp(`${frameEnds.source}|a frame without its tag|^P1 waited 0\\.5 s`);
  const attacks: [string, Attack][] = [
    ...[0, 15].map((at) => [`flips byte ${at} of a tag`, flip(at)] as [string, Attack]),
    ...(Array.from({ length: header + 8 }, (_, at) => [`flips byte ${at} of a frame`, flip(TAG_BYTES + at)]).filter(
      (_, at) => at % 4 === 0 || at >= header,
    ) as [string, Attack][]),
    ['relabels', rewrite(() => ({ label: 'q9' }))],
    ['says another depth', rewrite(({ depth }) => ({ depth: depth + 1 }))],
    ['gives other values', rewrite(() => ({ data: BigUint64Array.of(77n) }))],
    ['numbers otherwise', rewrite(({ sequence }) => ({ sequence: sequence + 1 }))],
    ['cuts the tag off', onFrame((bytes) => [bytes.slice(TAG_BYTES)])],
    ['cuts the end off', onFrame((bytes) => [bytes.slice(0, -1)])],
    ['adds a byte', onFrame((bytes) => [new Uint8Array([...bytes, 0])])],
    ['repeats', onFrame((bytes) => [bytes, bytes.slice()])],
    ['swaps with the next', swapped],
    ['puts the one before in its place', replaced],
    ['makes an abort', made('abort')],
    ['makes a goodbye', made('bye')],
  ];

  it.each(attacks)('%s: refused, whichever frame', async (_, attack) => {
    const outcomes = await Promise.all(
      Array.from({ length: ROUNDS }, async (__, n) => {
        const fault = attack(n);
        return run((index, bytes, from) => (from === 'P0' ? fault(index, bytes) : [bytes]));
      }),
    );
    for (const [n, { heard, ends }] of outcomes.entries()) {
      // Nothing but P0's own words, in order.
      expect(heard[1], `frame ${n}`).toEqual(Array.from({ length: heard[1].length }, (__, i) => i));
      expect(heard[0], `frame ${n}`).toEqual(Array.from({ length: heard[0].length }, (__, i) => 100 + i));
      expect(ends[1], `frame ${n}`).toMatch(refused);
      expect(ends[0], `frame ${n}`).toMatch(/^P[01] stopped: |^P0 waited 0\.5 s/);
    }
  });

  it('that drops a frame is found out', async () => {
    for (let n = 0; n <= ROUNDS; n++) {
      const { heard, ends } = await run((index, bytes, from) => (from === 'P0' && index === n ? [] : [bytes]));
      expect(heard[1]).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(ends[1]).toMatch(/was changed on the way|^P1 waited 0\.5 s|^P1 lost P0/);
    }
  });

  it('that sends a party its own words back is found out', async () => {
    const kept: Uint8Array[] = [];
    const { heard, ends } = await run((index, bytes, from) => {
      if (from === 'P0') kept[index] = bytes;
      return [from === 'P1' && kept[index] !== undefined ? kept[index] : bytes];
    });
    expect(heard[0]).toEqual([]);
    expect(ends[0]).toMatch(frameEnds);
  });
});

/** P1 dials P0 over a line that a test treats; without TLS, so that the line reads and writes as it likes. */
async function session(line: Line, listener: Awaited<ReturnType<typeof openListener>>, tags: [boolean, boolean]) {
  const ports = { P0: listener } as Parameters<typeof join>[1];
  const common = { linkPatienceMs: 60_000 };
  return Promise.all([
    join('P0', ports, ['P0', 'P1'], { ...common, tags: tags[0] }),
    join('P1', ports, ['P0', 'P1'], { ...common, tags: tags[1], dial: { P0: `ws://${HOST}:${line.port}` } }),
  ]);
}

describe('the links of a party', () => {
  const address = { host: HOST, port: 1, publicKey: 'ab'.repeat(32), ranks: [{ host: HOST, port: 2 }] };
  const order = {
    parties: { P0: address, P1: address, P2: address },
    timeoutMs: 1000,
    compute: { backend: 'wasm', fallbackAdapter: false, workers: 1 },
  } as const;
  const job = { kind: 'micro', sessionId: 's', ...DIRECT_SUITE, operations: [], repetitions: 1 } as const;

  it.each([0, 1])('have tags in a private session, and in no other: rank %i', (rank) => {
    const tagsOf = (security: 'private' | undefined): boolean | undefined =>
      meshOptions('P1', { ...order, job: { ...job, security } }, new WaitMeter(), rank).tags;
    expect(tagsOf('private')).toBe(true);
    expect(tagsOf(undefined)).toBe(false);
  });
});

describe('over a line', () => {
  async function open(treatment?: Parameters<typeof Line.open>[1]) {
    const listener = await openListener({ host: HOST, port: 0 });
    const line = await Line.open(listener.port, treatment);
    opened.push({ end: () => (line.close(), listener.close()) });
    return { listener, line };
  }

  async function talk(link: Link, salt: bigint): Promise<void> {
    for (let i = 0; i < 4; i++) {
      await link.send(`m${i}`, new BigUint64Array(3000).fill(salt), 1);
      expect((await link.receive(`m${i}`, 'u64', 3000)).data).toEqual(new BigUint64Array(3000).fill(1n - salt));
    }
    await link.close();
  }

  it('a link goes on over another connection with the tags that it had, and counts them', async () => {
    const { listener, line } = await open(cutAfter(60_000, 'dialler'));
    const [a, b] = await session(line, listener, [true, true]);
    const [atP0, atP1] = [a.links.get('P1')!, b.links.get('P0')!];
    await Promise.all([talk(atP0, 0n), talk(atP1, 1n)]);
    expect(line.connections).toBeGreaterThan(1);
    const { messages, payloadBytes, frameBytes } = atP0.sent;
    expect([messages, frameBytes - payloadBytes]).toEqual([4, 4 * (headerBytes(2) + TAG_BYTES)]);
    expect(atP1.received).toEqual(atP0.sent);
  });

  it('a changed byte of a payload ends the link at both ends, and nobody takes it', async () => {
    let seen = 0;
    const { listener, line } = await open(() => ({
      pass: (bytes, _at, from) => {
        // A long run of equal words is P1's payload.
        const place = from === 'dialler' && seen === 0 ? bytes.indexOf(Buffer.alloc(64, 'abcdefgh')) : -1;
        if (place >= 0) {
          seen++;
          bytes[place + 13] ^= 4;
        }
        return bytes;
      },
    }));
    const [a, b] = await session(line, listener, [true, true]);
    const told = messageOf(a.links.get('P1')!.receive('x', 'u8', 4096));
    await b.links.get('P0')!.send('x', new Uint8Array(Buffer.alloc(4096, 'abcdefgh')), 1);
    expect(await told).toBe('P0 stopped: from P1: frame 0 is missing or was changed on the way: its tag differs');
    expect((await b.failed).message).toMatch(/^P0 stopped: from P1: frame 0 is missing/);
    expect(seen).toBe(1);
  });

  it('an end without tags is refused by one that has them', async () => {
    const { listener, line } = await open();
    const [a, b] = await session(line, listener, [true, false]);
    const told = messageOf(a.links.get('P1')!.receive('x', 'u8', 1));
    await b.links.get('P0')!.send('x', Uint8Array.of(1), 1);
    expect(await told).toMatch(/frame 0 is missing or was changed on the way/);
  });
});
