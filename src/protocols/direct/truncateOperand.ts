/**
 * Dealt truncation of a value that enters products next: it leaves y = z / 2^bits masked and opened (`beaver.ts`), for less than a truncation
 * and an opening send. A weight takes this way in every step.
 *
 * Per element, with high and low the two ends of a word, of 64 − bits and of `bits` bits. Common randomness: S uniform over Z_{2^64},
 * ⟨S⟩₀ from k02, ⟨S⟩₁ from k12; R = S, or S − Z where P2 holds a part Z of z (`dealtTruncation.ts`); M = R >> bits, r = R_63.
 * The mask of y is U = low(S)·2^(64−bits) − M over Z_{2^64}: uniform, and P2 knows it.
 *   P2 deals U over Z_{2^64} and r over Z_{2^bits}, both independent of the input
 *   1. P0, P1 open c = high(⟨z⟩₀ + ⟨S⟩₀ + 2^62 + 2^(bits−1)) + high(⟨z⟩₁ + ⟨S⟩₁) modulo 2^(64−bits)
 *      So y = c − M + w·2^(64−bits) − 2^(62−bits), with the wrap w = r·(1 − c_top)
 *   2. P0, P1 open e = w − low(S) modulo 2^bits, from shares (1 − c_top)·⟨r⟩ − low(⟨S⟩)
 *   E = y − U = c + e·2^(64−bits) − 2^(62−bits)
 *
 * The low bits of the shares are dropped before they are added. That loses a carry beside the rounding of a truncation, and 2^(bits−1) puts
 * the mean back: |y − z / 2^bits| < 1.5 ulp for every |z| < 2^62 − 2^(bits+1), and E[y] = z / 2^bits to 2^−bits ulp.
 *
 * Views. A worker's word ⟨S⟩ pads what it sends in both rounds: for whatever the other one sends, ⟨S⟩ ↦ (its c, its e) is one to one. What is
 * dealt is one-time padded. P2 receives nothing.
 * Cost: 2 rounds, 16 + 8 + bits/8 bytes: a truncation and the opening of its result take 16 + 8 + bits/8 + 16.
 */
import { fieldsLength } from '../../ring/fields.ts';
import { fresh } from '../../ring/pool.ts';
import { release } from '../../ring/release.ts';
import { HelperMask, Masked } from '../paper/beaver.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { dealtZ64, receiverOf } from '../../party/deal.ts';
import { exchange } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';

/** Whether words split so: one load holds a field of either end. By other bits `dealtTruncation.ts` truncates. */
export function holds(bits: number): boolean {
  return bits >= 8 && bits <= 56;
}

/** P0, P1: ⟨z⟩, or a part of it → y as an operand of products. */
export async function workers(party: Party, z: BigUint64Array, bits: number): Promise<Masked> {
  const { compute } = party;
  const [opened, share] = [fresh(z.length), fresh(z.length)];
  await party.chunks(z.length, async (chunk, from, to) => {
    const S = chunk.stream('P2', 'S').z64(to - from);
    const high = compute.operandMask(chunk.worker, bits, z.subarray(from, to), S);
    const [theirHigh, { all, U, r }] = await Promise.all([
      exchange(chunk, 'c', high), // step 1
      dealt(chunk, S.length, bits),
    ]);
    const c = opened.subarray(from, to);
    const e = compute.operandLift(bits, S, r, [high, theirHigh], c);
    const theirE = await exchange(chunk, 'e', e);
    compute.operandOpen(bits, c, [e, theirE]); // step 2
    chunk.note('E', c);
    share.set(U, from);
    release(S, theirHigh, theirE, all);
  });
  return new Masked(party.worker, opened, share, { kept: false });
}

/** P2: the mask U of `count` elements. `part` is what z lacks at the workers. */
export async function helper(party: Party, count: number, bits: number, part?: BigUint64Array): Promise<HelperMask> {
  const [U0, U1] = [fresh(count), fresh(count)];
  await party.chunks(count, async (chunk, from, to) => {
    const { depth } = chunk;
    const n = to - from;
    const masks = [chunk.stream('P0', 'S').z64(n), chunk.stream('P1', 'S').z64(n)] as const;
    const drawn = chunk.stream(chunk.drawer, 'U').z64(dealtWords(n, bits));
    const { U: words, r: fields } = views(drawn, n, bits);
    const [drawers, receivers] = chunk.drawer === 'P0' ? [U0, U1] : [U1, U0];
    drawers.set(words, from);
    chunk.compute.operandDeal({ bits, masks, part: part?.subarray(from, to), words, fields });
    receivers.set(words, from);
    release(...masks);
    await chunk.send(receiverOf(chunk), 'U', drawn, depth);
  });
  return new HelperMask(U0, U1, { kept: false });
}

/** A share of U, and packed of r. */
interface Dealt {
  /** Both, one behind the other. */
  readonly all: BigUint64Array;
  readonly U: BigUint64Array;
  readonly r: Uint8Array;
}

async function dealt(party: Party, count: number, bits: number): Promise<Dealt> {
  return views(await dealtZ64(party, 'U', dealtWords(count, bits)), count, bits);
}

function dealtWords(count: number, bits: number): number {
  return count + Math.ceil((count * bits) / 64);
}

function views(words: BigUint64Array, count: number, bits: number): Dealt {
  const U = words.subarray(0, count);
  return { all: words, U, r: new Uint8Array(words.buffer, words.byteOffset + U.byteLength, fieldsLength(count, bits)) };
}

export function cost(count: number, bits: number, chunk: number): Cost {
  return chunked(count, chunk, (n) => ({
    rounds: 2,
    bytes: 2 * (fieldsLength(n, 64 - bits) + fieldsLength(n, bits)) + 8 * dealtWords(n, bits),
  }));
}

export function stages(bits: number): Stage[] {
  return inChunks((n) => [
    step('exchange', [':c', fieldsLength(n, 64 - bits)]),
    step('ahead', [':U', 8 * dealtWords(n, bits)]),
    step('exchange', [':e', fieldsLength(n, bits)]),
  ]);
}
