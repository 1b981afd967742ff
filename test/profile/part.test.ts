/** Parts as they travel: what goes in comes out, and what a hostile server makes of them is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePart, encodePart, MAXIMUM_PART_BYTES, PartError, type Part } from '../../src/profile/part.ts';
import { rankCounters } from '../../src/profile/rank-counters.ts';
import { threeParties } from './parts.ts';

const part = threeParties(12.5).get('P2')!;

function encoded(changes: object = {}): Uint8Array {
  const { startMs, endMs, cpuMs, lines, columns, unlogged, kernels, awaited, coreWaits, ...own } = {
    ...part,
    ...changes,
  };
  return encodePart(own, { startMs, endMs, cpuMs, lines, columns, unlogged, kernels, awaited, coreWaits });
}

describe('a part', () => {
  it('comes out as it went in', () => expect(decodePart(encoded(), 'P2.part')).toEqual(part));

  it('comes out with its ranks', () => {
    const ranks = [rankCounters(() => 1), rankCounters(() => 2.5)];
    expect(decodePart(encoded({ ranks }), 'P2.part')).toEqual({ ...part, ranks });
  });

  it('decodes out of a Buffer, which may be part of a larger one', () => {
    expect(decodePart(Buffer.from(encoded()), 'P2.part')).toEqual(part);
  });

  it('decodes at any alignment', () => {
    const bytes = encoded();
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(decodePart(shifted, 'P2.part')).toEqual(part);
  });

  it('is refused when cut short or longer, at every length', () => {
    const bytes = encoded();
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => decodePart(bytes.subarray(0, length), 'P2.part')).toThrow(PartError);
    }
    expect(() => decodePart(new Uint8Array([...bytes, 0]), 'P2.part')).toThrow(/expected \d+/);
  });

  it('never fails otherwise than with a PartError, whatever bytes are changed', () => {
    const bytes = encoded();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
        (changes) => {
          const hostile = bytes.slice();
          for (const [at, value] of changes) hostile[at] = value;
          try {
            decodePart(hostile, 'P2.part');
          } catch (error) {
            expect(error).toBeInstanceOf(PartError);
          }
        },
      ),
    );
  });

  const event = (column: keyof Part['columns'], value: number): object => {
    const columns = structuredClone(part.columns);
    columns[column][1] = value;
    return { columns };
  };

  it.each([
    ['a negative counter', { rounds: -1 }, /rounds/],
    [
      'a fraction of a message',
      { traffic: [{ peer: 'P0', messages: 0.5, payloadBytes: 0, frameBytes: 0 }] },
      /traffic/,
    ],
    ['a rank that spent less than nothing', { ranks: [rankCounters(() => 1), rankCounters(() => -1)] }, /ranks/],
    ['more ranks than a party has', { ranks: Array(257).fill(rankCounters(() => 1)) }, /ranks/],
    ['an unknown party', { party: 'P9' }, /party/],
    ['an unknown field', { more: 1 }, /header/],
    ['control characters', { session: 'a\u001b[31m' }, /session/],
    ['a name too long', { session: 'a'.repeat(300) }, /session/],
    ['no line', { lines: [] }, /lines/],
    ['a wait for a core that is none', { coreWaits: [{ atMs: 1, waitedMs: -1 }] }, /coreWaits/],
    [
      'waits for a core out of order',
      {
        coreWaits: [
          { atMs: 2, waitedMs: 1 },
          { atMs: 1, waitedMs: 2 },
        ],
      },
      /coreWaits: out of order/,
    ],
    [
      'a wait for a core that shrinks',
      {
        coreWaits: [
          { atMs: 1, waitedMs: 2 },
          { atMs: 2, waitedMs: 1 },
        ],
      },
      /coreWaits: out of order/,
    ],
    ['an end before its start', { startMs: 200, endMs: 100 }, /ends before it begins/],
    ['an event of no line', event('line', 999), /no such line/],
    ['a cause that is no line', event('cause', 999), /no such line/],
    ['events out of order', event('end', 1e9), /out of order/],
    ['a time that is none', event('end', Number.NaN), /out of order/],
    ['a negative duration', event('idle', -1), /impossible duration/],
    ['a duration that is none', event('busy', Number.NaN), /impossible duration/],
    ['a duration without end', event('span', Infinity), /impossible duration/],
  ])('with %s is refused', (_, changes, expected) => {
    expect(() => decodePart(encoded(changes), 'P2.part')).toThrow(expected);
    expect(() => decodePart(encoded(changes), 'P2.part')).toThrow(/^P2\.part: /);
  });

  it.each([
    ['another format', 0, 1, /not a part/],
    ['another version', 4, 2, /version 2, expected 1/],
    ['a huge header', 11, 255, /header of/],
    ['a huge number of events', 15, 255, /events, the limit/],
  ])('of %s is refused before it is taken in', (_, at, value, expected) => {
    const bytes = encoded().slice();
    bytes[at] = value;
    expect(() => decodePart(bytes, 'P2.part')).toThrow(expected);
  });

  it('beyond the limit is refused', () => {
    expect(() => decodePart(new Uint8Array(MAXIMUM_PART_BYTES + 1), 'P2.part')).toThrow(/the limit is/);
  });
});
