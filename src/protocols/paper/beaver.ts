/**
 * Beaver product (Alg. 1) for every bilinear map `*` (element product, matrix product; PROTOCOLS §1).
 *
 * Mask:    U uniform over Z_{2^64}, ⟨U⟩₀ from k02, ⟨U⟩₁ from k12; P0, P1 open E = X − U. Once per value, however many products
 *          it enters: revealing X − U once and using U in several triples reveals nothing more.
 * Product: W = W_0 + W_1 + Z with Z = U * V, which P2 knows, and at the workers
 *          W_j = E * ⟨Y⟩_j + ⟨U⟩_j * F,  ⟨Y⟩_j = [j=0]F + ⟨V⟩_j, computed as one fused product [E | ⟨U⟩_j] · [⟨Y⟩_j ; F].
 * Twice the product, for the price of three products in the place of five:
 *          W_j = (E + 2⟨U⟩_j) * (F + 2⟨V⟩_j)  and  Z = −2(⟨U⟩₀ − ⟨U⟩₁) * (⟨V⟩₀ − ⟨V⟩₁)
 *          add up to 2·X * Y: E * F twice, E * V and U * F twice, and of ⟨U⟩_i * ⟨V⟩_j four less two, or two, for each i and j.
 *          Read with one fractional bit more it is the product: the truncation that follows drops that bit, too. (Without the 2 it takes
 *          five, for modulo 2 there is no other way to share out the nine terms.)
 *
 * The paper has P2 deal shares of Z at once. A product that is truncated next does not need them: the truncation's mask takes Z up
 * (`dealtTruncation.ts`). So `workers` leaves W in three parts, and `dealPart` makes two of them where shares are wanted.
 * Cost: 1 round for the masks not yet opened, 16 bytes per element of each; 8 bytes per element of Z that is dealt, ahead.
 */
import { blocks } from '../../channel/blocks.ts';
import { fresh, recycle } from '../../ring/pool.ts';
import { release } from '../../ring/release.ts';
import { sizeOf } from '../../ring/shape.ts';
import * as z64 from '../../ring/z64.ts';
import type { BilinearMap, Term } from './bilinear.ts';
import type { Cost } from '../../party/cost.ts';
import { receiverOf } from '../../party/deal.ts';
import { later } from '../../party/later.ts';
import { openBlocks } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';

/** What twice a product takes of an operand at a worker, E + 2⟨U⟩_j, or at P2, ⟨U⟩₀ − ⟨U⟩₁: all that is kept of one that enters nothing else. */
export class ForProducts {
  readonly forProduct: (party?: Party) => Promise<BigUint64Array>;
  readonly #free: () => Promise<void>;

  /** @param free the operand that it was taken from does without */
  constructor(kept: Promise<BigUint64Array>, free: () => Promise<void> = () => Promise.resolve()) {
    this.forProduct = () => kept;
    this.#free = free;
  }

  /** Kept for these products alone. */
  static own(array: Promise<BigUint64Array>): ForProducts {
    const kept = later(array);
    return new ForProducts(kept, async () => recycle(await kept));
  }

  /** A product is through with what it was given. */
  over(): void {
    // It is kept.
  }

  /** Itself: who else takes it knows when all are done. */
  lend(): ForProducts {
    return new ForProducts(this.forProduct());
  }

  /** No product needs it any more. */
  free(): Promise<void> {
    return this.#free();
  }
}

/** What an operand gives to products, kept for it and for others (`ForProducts`) until the last of them is done. */
class Kept {
  readonly #array: Promise<BigUint64Array>;
  #holders = 1;

  constructor(array: Promise<BigUint64Array>) {
    this.#array = array;
  }

  get array(): Promise<BigUint64Array> {
    return this.#array;
  }

  lend(): ForProducts {
    this.#holders++;
    return new ForProducts(this.#array, () => this.free());
  }

  async free(): Promise<void> {
    if (--this.#holders === 0) recycle(await this.#array);
  }
}

/** Whether what products take is kept beside what it is computed from: of a value that lives as long as its session it is not. */
export interface Keeping {
  readonly kept: boolean;
}

/** Of both roles: what twice a product takes of an operand. */
abstract class Doubled {
  protected readonly kept: boolean;
  #doubled: Kept | undefined;

  constructor({ kept }: Keeping) {
    this.kept = kept;
  }

  /** What twice a product takes, an array of the caller's own. @param out where it goes, if not to a new one */
  abstract doubled(party: Party, out?: BigUint64Array): Promise<BigUint64Array>;

  /** The same, to be read. */
  forProduct(party: Party): Promise<BigUint64Array> {
    if (this.#doubled !== undefined) return this.#doubled.array;
    const doubled = this.doubled(party);
    if (this.kept) this.#doubled = new Kept(doubled);
    return doubled;
  }

  /** The same for products that come when the rest is gone. */
  lend(party: Party): ForProducts {
    const doubled = this.forProduct(party);
    return this.#doubled?.lend() ?? new ForProducts(doubled);
  }

  /** A product is through with what `forProduct` gave it. */
  over(doubled: BigUint64Array): void {
    if (!this.kept) recycle(doubled);
  }

  /** Nobody reads the operand any more, but for what was lent. */
  async free(): Promise<void> {
    const doubled = this.#doubled;
    this.#doubled = undefined;
    await doubled?.free();
  }
}

/** A worker's view of a masked operand X = E + U. */
export class Masked extends Doubled {
  /** E = X − U, known to both workers. */
  readonly opened: BigUint64Array;
  /** ⟨U⟩_j */
  readonly mask: BigUint64Array;
  readonly #worker: 0 | 1;
  #share: BigUint64Array | undefined;

  constructor(worker: 0 | 1, opened: BigUint64Array, mask: BigUint64Array, keeping: Keeping = { kept: true }) {
    super(keeping);
    this.opened = opened;
    this.mask = mask;
    this.#worker = worker;
  }

  /** ⟨X⟩_j = [j=0]E + ⟨U⟩_j. Whatever shares X had, products of it begin from these, which the keys and X determine. */
  get share(): BigUint64Array {
    if (this.#share !== undefined) return this.#share;
    const share = this.#worker === 0 ? z64.add(this.opened, this.mask) : this.mask;
    if (this.kept) this.#share = share;
    return share;
  }

  /** What the share is the sum of. */
  get summands(): readonly BigUint64Array[] {
    return this.#worker === 0 ? [this.opened, this.mask] : [this.mask];
  }

  /** The same, put together slice by slice where it is not there yet: of a large operand. */
  async shared(party: Party): Promise<BigUint64Array> {
    if (this.#worker === 1 || this.#share !== undefined) return this.share;
    const share = await combined(party, [this.opened, this.mask], [1n, 1n]);
    if (this.kept) this.#share = share;
    return share;
  }

  /** E + 2⟨U⟩_j */
  override doubled(party: Party, out?: BigUint64Array): Promise<BigUint64Array> {
    return combined(party, [this.opened, this.mask], [1n, 2n], out);
  }

  override async free(): Promise<void> {
    recycle(this.opened, this.mask);
    if (this.#share !== undefined) recycle(this.#share);
    await super.free();
  }
}

/** P2's view of it: ⟨U⟩₀ and ⟨U⟩₁. */
export class HelperMask extends Doubled {
  readonly shares: readonly [BigUint64Array, BigUint64Array];
  #sum: Promise<BigUint64Array> | undefined;

  constructor(first: BigUint64Array, second: BigUint64Array, keeping: Keeping = { kept: true }) {
    super(keeping);
    this.shares = [first, second];
  }

  /** U */
  sum(party: Party): Promise<BigUint64Array> {
    return (this.#sum ??= combined(party, this.shares, [1n, 1n]));
  }

  /** ⟨U⟩₀ − ⟨U⟩₁ */
  override doubled(party: Party, out?: BigUint64Array): Promise<BigUint64Array> {
    return combined(party, this.shares, [1n, -1n], out);
  }

  override async free(): Promise<void> {
    recycle(...this.shares);
    if (this.#sum !== undefined) recycle(await this.#sum);
    await super.free();
  }
}

/**
 * x with a row added to every row of it, as an operand: what is opened of the two opens the sum, under the sum of their masks. A function of
 * two openings tells nothing that they do not.
 */
export async function plusRow(party: Party, x: Masked, row: Masked): Promise<Masked> {
  const opened = await rowAdded(party, x.opened, row.opened);
  return new Masked(party.worker, opened, await rowAdded(party, x.mask, row.mask));
}

/** P2: the mask of that sum. */
export async function helperPlusRow(party: Party, U: HelperMask, V: HelperMask): Promise<HelperMask> {
  const [first, second] = [0, 1].map((j) => rowAdded(party, U.shares[j], V.shares[j]));
  return new HelperMask(await first, await second);
}

async function rowAdded(party: Party, x: BigUint64Array, row: BigUint64Array): Promise<BigUint64Array> {
  const out = x.slice();
  await party.slices(out.length, (from, to) => z64.accumulate(out.subarray(from, to), row), row.length);
  return out;
}

/** Σ factors[i] · terms[i], slice by slice. */
export async function combined(
  party: Party,
  terms: readonly BigUint64Array[],
  factors: readonly bigint[],
  out: BigUint64Array = fresh(terms[0].length),
): Promise<BigUint64Array> {
  await party.slices(out.length, (from, to) => combineSlice(terms, factors, out, from, to));
  return out;
}

function combineSlice(
  terms: readonly BigUint64Array[],
  factors: readonly bigint[],
  out: BigUint64Array,
  from: number,
  to: number,
): void {
  const parts: BigUint64Array[] = [];
  for (const term of terms) parts.push(term.subarray(from, to));
  z64.combine(parts, factors, out.subarray(from, to));
}

/** P0, P1: masks and opens a shared value. */
export async function workersMask(party: Party, share: BigUint64Array): Promise<Masked> {
  const drawn = party.stream('P2', 'U');
  const U = await party.vector(share.length, (from, to) => drawn.z64(to - from));
  const less = (from: number, to: number): BigUint64Array => z64.sub(share.subarray(from, to), U.subarray(from, to));
  return new Masked(party.worker, await openBlocks(party, 'E', share.length, less), U);
}

/** P2: the mask of the value that the workers open at the same address. */
export async function helperMask(party: Party, count: number): Promise<HelperMask> {
  const [U0, U1] = [party.stream('P0', 'U'), party.stream('P1', 'U')];
  const shares = [U0, U1].map((drawn) => party.vector(count, (from, to) => drawn.z64(to - from)));
  const [first, second] = await Promise.all(shares);
  return new HelperMask(first, second);
}

/** P2: U of that value. */
export function maskOf(party: Party, count: number): Promise<BigUint64Array> {
  const [U0, U1] = [party.stream('P0', 'U'), party.stream('P1', 'U')];
  return party.vector(count, (from, to) => z64.absorb(U0.z64(to - from), U1.z64(to - from)));
}

/** P0, P1: this worker's part of factor · X * Y. */
export async function workers(
  party: Party,
  map: BilinearMap,
  x: Masked | ForProducts,
  y: Masked | ForProducts,
  factor: 1 | 2 = 1,
): Promise<BigUint64Array> {
  if (factor === 2) return applyTwice(party, map, x, y);
  if (x instanceof ForProducts || y instanceof ForProducts) throw keptForTwice();
  return apply(party, map, [
    { x: x.opened, y: await y.shared(party) },
    { x: x.mask, y: y.opened },
  ]);
}

/** P0, P1: adds a shared row, times 2^shift, to every row of a product, in place. */
export async function addBias(party: Party, W: BigUint64Array, row: BigUint64Array, shift: number): Promise<void> {
  const bias = z64.shiftLeft(row, shift);
  await party.slices(W.length, (from, to) => z64.accumulate(W.subarray(from, to), bias), bias.length);
}

/** P2: its part of it. */
export async function helper(
  party: Party,
  map: BilinearMap,
  U: HelperMask | ForProducts,
  V: HelperMask | ForProducts,
  factor: 1 | 2,
): Promise<BigUint64Array> {
  if (factor === 1) {
    if (U instanceof ForProducts || V instanceof ForProducts) throw keptForTwice();
    return apply(party, map, [{ x: await U.sum(party), y: await V.sum(party) }]);
  }
  return applyTwice(party, map, U, V, -2n);
}

function keptForTwice(): Error {
  return new Error('an operand that was kept for doubled products enters another one');
}

/** Of what twice a product takes, times a factor: whichever is shortest of x, y and the product is multiplied by it. */
async function applyTwice(
  party: Party,
  map: BilinearMap,
  x: Masked | HelperMask | ForProducts,
  y: Masked | HelperMask | ForProducts,
  factor = 1n,
): Promise<BigUint64Array> {
  const term = { x: await x.forProduct(party), y: await y.forProduct(party) };
  const product = await scaledProduct(party, map, term, factor);
  x.over(term.x);
  y.over(term.y);
  return product;
}

async function scaledProduct(party: Party, map: BilinearMap, term: Term, factor: bigint): Promise<BigUint64Array> {
  if (factor === 1n) return apply(party, map, [term]);
  const least = Math.min(term.x.length, term.y.length);
  if (sizeOf(map.shape) <= least) {
    const product = await apply(party, map, [term]);
    await party.slices(product.length, (from, to) => z64.scaleInPlace(product.subarray(from, to), factor));
    return product;
  }
  const name = term.x.length === least ? 'x' : 'y';
  const scaled = await combined(party, [term[name]], [factor]);
  const product = await apply(party, map, [{ ...term, [name]: scaled }]);
  recycle(scaled);
  return product;
}

/** Each operand may enter more products. */
function apply(party: Party, map: BilinearMap, terms: readonly Term[]): Promise<BigUint64Array> {
  for (const { x, y } of terms) {
    party.compute.keep(x);
    party.compute.keep(y);
  }
  return map.apply(party.compute, terms);
}

/** P0, P1: this worker's share of a value in three parts, from its part. */
export async function dealtPart(party: Party, part: BigUint64Array): Promise<BigUint64Array> {
  if (party.name === party.drawer) {
    const drawn = party.stream('P2', 'Z');
    return party.vector(part.length, (from, to) => z64.accumulate(drawn.z64(to - from), part.subarray(from, to)));
  }
  const share = new BigUint64Array(part.length);
  for (const { label, from, to } of blocks('Z', part.length)) {
    const dealt = await party.receive('P2', label, 'u64', to - from);
    z64.add(dealt, part.subarray(from, to), share.subarray(from, to));
    release(dealt);
  }
  return share;
}

/** P2: deals its part to the workers. */
export async function dealPart(party: Party, part: BigUint64Array): Promise<void> {
  const { depth } = party; // answers may arrive while this computes: the part does not depend on them
  const drawn = party.stream(party.drawer, 'Z');
  for (const { label, from, to } of blocks('Z', part.length)) {
    await party.pause();
    const rest = z64.subtractFrom(part.subarray(from, to), drawn.z64(to - from));
    await party.send(receiverOf(party), label, rest, depth);
  }
}

/** Of masking and opening `count` elements of operands. */
export function maskCost(count: number): Cost {
  return { rounds: count > 0 ? 1 : 0, bytes: 16 * count };
}

/** Of dealing `count` elements of Z. */
export function partCost(count: number): Cost {
  return { rounds: 0, bytes: 8 * count };
}
