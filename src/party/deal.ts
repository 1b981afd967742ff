/**
 * Correlated randomness dealt by the helper. Of a value v that only P2 knows, the worker named by `party.drawer` takes its share
 * from its key with P2 (no traffic) and the other worker is sent v minus that share.
 *
 * Cost: one message, the size of v. Independent of inputs where v is, and then sent ahead of need.
 */
import type { DigitCode } from '../../runtime/compute.ts';
import { codeLength, packedLength } from '../../runtime/compute.ts';
import { packBits, packedBitsLength, unpackBits } from '../ring/bits.ts';
import * as odd from '../ring/odd.ts';
import { release } from '../ring/release.ts';
import * as z64 from '../ring/z64.ts';
import type { Stream } from '../random/stream.ts';
import type { Party, WorkerName } from './party.ts';

/** The worker that is sent its share. */
export function receiverOf(party: Party): WorkerName {
  return party.drawer === 'P0' ? 'P1' : 'P0';
}

/** P2: deals v over Z_{2^64}. */
export function dealZ64(party: Party, purpose: string, v: BigUint64Array): Promise<void> {
  const drawn = party.stream(party.drawer, purpose).z64(v.length);
  return party.send(receiverOf(party), purpose, z64.subtractFrom(v, drawn));
}

/** P0, P1: this worker's share of `count` elements dealt over Z_{2^64}. */
export async function dealtZ64(party: Party, purpose: string, count: number): Promise<BigUint64Array> {
  if (party.name === party.drawer) return party.stream('P2', purpose).z64(count);
  return party.receive('P2', purpose, 'u64', count);
}

/** Uniform over Z_{2^64 − 1}: a draw of 2^64 − 1 is rejected (never seen: probability 2^-64 each). */
export function uniformOdd(stream: Stream, count: number): BigUint64Array {
  const out = stream.z64(count);
  const x = z64.halves(out);
  for (let i = 0; i < count; i++) {
    while (x[2 * i] === 0xffffffff && x[2 * i + 1] === 0xffffffff) out.set(stream.z64(1), i);
  }
  return out;
}

/** P2: deals v over Z_{2^64 − 1}. */
export function dealOdd(party: Party, purpose: string, v: BigUint64Array): Promise<void> {
  const drawn = uniformOdd(party.stream(party.drawer, purpose), v.length);
  return party.send(receiverOf(party), purpose, odd.subtractFrom(v, drawn));
}

/** P0, P1: this worker's share of `count` elements dealt over Z_{2^64 − 1}. */
export async function dealtOdd(party: Party, purpose: string, count: number): Promise<BigUint64Array> {
  if (party.name === party.drawer) return uniformOdd(party.stream('P2', purpose), count);
  return odd.canonical(await party.receive('P2', purpose, 'u64', count));
}

/** P2: deals the thermometer digits of x over Z_p (PROTOCOLS §1, PrivateCompare). */
export async function dealDigits(party: Party, purpose: string, code: DigitCode, x: BigUint64Array): Promise<void> {
  const { scratch, depth } = party; // answers may arrive while this computes: the digits do not depend on them
  const values = x.length * codeLength(code);
  await party.answersFirst();
  const drawn = party.stream(party.drawer, purpose).zp(code.prime, values, scratch.take(values));
  await party.answersFirst();
  const sent = await party.compute.thermometer(code, x, drawn, scratch.take(values));
  await party.answersFirst();
  const packed = party.compute.pack(code.prime, sent);
  scratch.give(drawn, sent);
  await party.send(receiverOf(party), purpose, packed, depth);
}

/** P0, P1: this worker's shares of the digits of `count` values, in scratch bytes. */
export async function dealtDigits(party: Party, purpose: string, code: DigitCode, count: number): Promise<Uint8Array> {
  const values = count * codeLength(code);
  if (party.name === party.drawer)
    return party.stream('P2', purpose).zp(code.prime, values, party.scratch.take(values));
  const packed = await party.receive('P2', purpose, 'u8', packedLength(code.prime, values));
  const digits = party.compute.unpack(code.prime, packed, values, party.scratch.take(values));
  release(packed);
  return digits;
}

/** P2: tells both workers bits (one byte 0/1 each), which must be uniform to each of them. */
export async function tellBits(party: Party, purpose: string, bits: Uint8Array): Promise<void> {
  const packed = packBits(bits);
  await Promise.all([party.send('P0', purpose, packed), party.send('P1', purpose, packed.slice())]);
}

/** P0, P1: `count` bits that P2 tells both. */
export async function toldBits(party: Party, purpose: string, count: number): Promise<Uint8Array> {
  return unpackBits(await party.receive('P2', purpose, 'u8', packedBitsLength(count)), count);
}

/** Bytes that dealing `count` coded values puts on the wire. */
export function digitsBytes(code: DigitCode, count: number): number {
  return packedLength(code.prime, count * codeLength(code));
}
