/**
 * Exactly uniform samples from uniform bytes, by rejection (PROTOCOLS §0, Randomness rule 2). A byte below the largest multiple of the
 * bound is accepted and taken mod the bound, so every residue has the same number of accepted bytes; any other byte is dropped.
 *
 * | sample | accepted bytes | per residue |
 * |---|---|---|
 * | Z_17  | 255 of 256 | 15 |
 * | Z_17* | 256 of 256, two samples a byte (its 16 elements are four bits plus 1) | 1 nibble |
 * | Z_31  | 248 of 256 (31 of 32, as with five bits below 31) | 8 |
 * | Z_31* | 240 of 256 (30 of 32) | 8 |
 * | Z_67  | 201 of 256 | 3 |
 * | Z_67* | 198 of 256 | 3 |
 *
 * Nothing here draws: the functions turn bytes into samples and say how many they made.
 */
import * as vector from '../ring/vector.ts';

/** What to do with each of the 256 bytes. */
export interface SampleTable {
  /** The sample of an accepted byte; 0 for a rejected one. */
  readonly value: Uint8Array;
  /** 1 for an accepted byte, 0 for a rejected one: how far the output advances. */
  readonly step: Uint8Array;
  /** Number of accepted bytes. */
  readonly accepted: number;
}

/** Table of uniform samples from `offset … offset + bound − 1`, 1 ≤ bound ≤ 256. */
export function sampleTable(bound: number, offset: number): SampleTable {
  if (!Number.isInteger(bound) || bound < 1 || bound > 256)
    throw new RangeError(`bound ${bound}: expected an integer in 1…256`);
  if (!Number.isInteger(offset) || offset < 0 || offset + bound > 256)
    throw new RangeError(`samples ${offset}…${offset + bound - 1} exceed a byte`);
  const accepted = 256 - (256 % bound);
  const value = new Uint8Array(256);
  const step = new Uint8Array(256);
  for (let byte = 0; byte < accepted; byte++) {
    value[byte] = offset + (byte % bound);
    step[byte] = 1;
  }
  return { value, step, accepted };
}

/**
 * Appends to `out` from `at` the samples of the accepted bytes of `source[from … to)`; returns the new end. `out` must have room for
 * `to − from` samples. No branch depends on a byte: a rejected sample is written and then overwritten by the next.
 */
export function sampleBytes(
  table: SampleTable,
  source: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  const { value, step } = table;
  for (let i = from; i < to; i++) {
    const byte = source[i];
    out[at] = value[byte];
    at += step[byte];
  }
  return at;
}

/** `count` samples of 1…16 from the nibbles of `source`, low nibble first; reads ⌈count / 2⌉ bytes from `from`. */
export function sampleNibblesPlusOne(
  source: Uint8Array,
  from: number,
  count: number,
  out: Uint8Array,
  at: number,
): void {
  const end = at + (count & ~1);
  for (; at < end; at += 2) {
    const byte = source[from++];
    out[at] = (byte & 15) + 1;
    out[at + 1] = (byte >>> 4) + 1;
  }
  if (count & 1) out[at] = (source[from] & 15) + 1;
}

/** `count` bits from the bytes of `source`, lowest bit first; reads ⌈count / 8⌉ bytes from `from`. */
export function sampleBits(source: Uint8Array, from: number, count: number, out: Uint8Array, at: number): void {
  vector.unpackBits(source.subarray(from, from + Math.ceil(count / 8)), count, out, at);
}

const tables = new Map<string, SampleTable>();

/** The same table for the same bound and offset; tables are constants, made when first asked for. */
export function tableFor(bound: number, offset: number): SampleTable {
  const name = `${bound}+${offset}`;
  let table = tables.get(name);
  if (table === undefined) tables.set(name, (table = sampleTable(bound, offset)));
  return table;
}

/** Throws unless `prime` is an odd prime whose elements fit a byte. */
export function checkPrime(prime: number): void {
  let isPrime = Number.isInteger(prime) && prime >= 3 && prime < 256;
  for (let d = 2; isPrime && d * d <= prime; d++) isPrime = prime % d !== 0;
  if (!isPrime) throw new RangeError(`Z_p: expected an odd prime below 256, found ${prime}`);
}
