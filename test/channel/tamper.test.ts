/** A small protocol of eight messages each way; every fault of every frame must show on both sides, at once. */
import { describe, expect, it } from 'vitest';
import type { Link } from '../../src/channel/channel.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../src/channel/frame.ts';
import { memoryPair } from '../../src/channel/memory.ts';

const ROUNDS = 8;

function run(a: Link, b: Link): Promise<PromiseSettledResult<void>[]> {
  const party = async (link: Link, base: number) => {
    for (let i = 0; i < ROUNDS; i++) {
      await link.send(`r${i}`, i % 2 ? BigUint64Array.of(BigInt(base + i)) : Uint8Array.of(base + i, 1), i + 1);
      const { data } = await (i % 2 ? link.receive(`r${i}`, 'u64', 1) : link.receive(`r${i}`, 'u8', 2));
      expect(Number(data[0])).toBe(100 - base + i);
    }
    await link.close();
  };
  return Promise.allSettled([party(a, 0), party(b, 100)]);
}

type Tamper = (index: number, bytes: Uint8Array) => Uint8Array[];
/** What happens to frame n of P0. */
type Fault = (n: number) => Tamper;

/** A changed frame with right length and check: as a faulty peer would send it. */
function rewrite(bytes: Uint8Array, change: (frame: Frame) => Partial<Frame>): Uint8Array {
  const frame = decodeFrame([bytes]);
  const { header, payload } = encodeFrame({ ...frame, ...change(frame) });
  return new Uint8Array(Buffer.concat([header, payload]));
}

const only =
  (change: (bytes: Uint8Array) => Uint8Array[]): Fault =>
  (n) =>
  (index, bytes) =>
    index === n ? change(bytes) : [bytes];

const lost = only(() => []);
const doubled = only((bytes) => [bytes, bytes.slice()]);
const cut = only((bytes) => [bytes.slice(0, -1)]);
const damaged = only((bytes) => [bytes.map((byte, at) => (at === 8 ? byte ^ 1 : byte))]);
const relabelled = only((bytes) => [rewrite(bytes, () => ({ label: 'zz' }))]);
const retyped = only((bytes) => [
  rewrite(bytes, ({ kind }) =>
    kind === 'u64' ? { kind: 'u8', data: new Uint8Array(1) } : { kind: 'u64', data: new BigUint64Array(2) },
  ),
]);
const swapped: Fault = (n) => {
  let held: Uint8Array[] = [];
  return (index, bytes) => {
    const late = held;
    held = index === n ? [bytes] : [];
    return index === n ? [] : [bytes, ...late];
  };
};

/** One run, as P0 and P1 saw it. */
async function outcome(fault: Tamper): Promise<[atP0: string, atP1: string]> {
  const tamper = (index: number, bytes: Uint8Array, from: string) => (from === 'P0' ? fault(index, bytes) : [bytes]);
  const results = await run(...memoryPair('P0', 'P1', { timeoutMs: 500, tamper }));
  const texts = results.map((result) => (result.status === 'fulfilled' ? 'well' : (result.reason as Error).message));
  return texts as [string, string];
}

describe('every frame of a run', () => {
  it('untouched: all is well', async () => {
    expect(await outcome((_index, bytes) => [bytes])).toEqual(['well', 'well']);
  });

  const goodbye = /P1 stopped: from P0: it closed the link before it sent "r7"/;
  const cases: [what: string, fault: Fault, atP1: RegExp][] = [
    ['lost', lost, /^P1 waited 0\.5 s for "r\d"|a frame is missing: sequence number \d, expected \d/],
    ['doubled', doubled, /from P0: a frame came twice or late: sequence number \d, expected \d$/],
    ['cut short', cut, /from P0: "r\d": \d bytes of payload, expected \d for \d elements$/],
    ['damaged', damaged, /from P0: frame header is damaged: its check differs$/],
    ['relabelled', relabelled, /^P1 waited 0\.5 s for "r\d" \(u.*messages? (is|are) waiting: "zz"/],
    ['of another type', retyped, /from P0: expected "r\d" \(u.*\), found u/],
    [
      'swapped with the next',
      swapped,
      /^P1 waited 0\.5 s for "r\d"|a frame is missing: sequence number \d, expected \d/,
    ],
  ];

  it.each(cases)('%s: a clear error on both sides and no hang', async (_what, fault, atP1) => {
    const outcomes = await Promise.all(Array.from({ length: ROUNDS }, (_, n) => outcome(fault(n))));
    for (const [n, [p0, p1]] of outcomes.entries()) {
      const last = n === ROUNDS - 1;
      // In the last round P0 may say goodbye before P1 runs out of patience.
      expect(p1, `frame ${n}`).toMatch(last ? new RegExp(`${atP1.source}|${goodbye.source}`) : atP1);
      expect(p0, `frame ${n}`).toMatch(/^P[01] stopped: |^P0 waited 0\.5 s/);
    }
  });

  it.each<[string, Fault, RegExp]>([
    ['lost', lost, /^P1 lost P0: the connection was closed$|^P1 waited 0\.5 s for P0 to close the link$/],
    ['damaged', damaged, /its check differs$/],
  ])('a goodbye %s is not taken for an orderly end', async (_what, fault, atP1) => {
    const [, p1] = await outcome(fault(ROUNDS));
    expect(p1).toMatch(atP1);
  });
});
