/**
 * The largest values that a computation compares and truncates, by the part of the network in which it does: what decides whether
 * `fractionBits` and `compareBits` suit it. The plain engine notes them (`plain.ts`); no share ever comes here.
 *
 * Comparisons of the direct suite hold for |x| < 2^(compareBits − 1 − f), those of the paper suite for |x| < 2^(62 − f); the dealt
 * truncation holds for ring elements |z| < 2^62. Local truncation of z goes wrong with probability |z| / 2^64 (PROTOCOLS §1).
 */
import { halves } from '../ring/z64.ts';

export interface RangeOptions {
  readonly suite: 'direct' | 'paper';
  readonly fractionBits: number;
  readonly compareBits: number;
}

export interface Range {
  /** The scope in which the values arose: `3:relu`, `loss`, … */
  readonly part: string;
  /** Largest |x| compared; 0 when nothing was. */
  readonly compared: number;
  /** Largest ring element |z| truncated, over 2^62; 0 when nothing was. */
  readonly truncated: number;
}

/** Largest |x| that a comparison may see. */
export function comparisonLimit({ suite, fractionBits, compareBits }: RangeOptions): number {
  return suite === 'direct' ? 2 ** (compareBits - 1 - fractionBits) : 2 ** (62 - fractionBits);
}

export class Ranges {
  readonly #parts: Map<string, { compared: number; truncated: number }> = new Map();
  /** By the outermost scope. */
  readonly #failures: Map<string, number> = new Map();

  compare(path: string, x: BigUint64Array, fractionBits: number): void {
    const part = this.#part(path);
    part.compared = Math.max(part.compared, magnitudes(x).most * 2 ** -fractionBits);
  }

  truncate(path: string, z: BigUint64Array): void {
    const part = this.#part(path);
    const { most, sum } = magnitudes(z);
    part.truncated = Math.max(part.truncated, most * 2 ** -62);
    const scope = path.split('/')[1] ?? '';
    this.#failures.set(scope, (this.#failures.get(scope) ?? 0) + sum * 2 ** -64);
  }

  /** How many local truncations of the outermost scope `step`, `evaluation` or `batch` are to be expected to go wrong. */
  failures(scope: string): number {
    return this.#failures.get(scope) ?? 0;
  }

  /** In the order in which the parts were first seen. */
  list(): Range[] {
    return [...this.#parts].map(([part, range]) => ({ part, ...range }));
  }

  #part(path: string): { compared: number; truncated: number } {
    const name = partOf(path);
    let part = this.#parts.get(name);
    if (part === undefined) {
      part = { compared: 0, truncated: 0 };
      this.#parts.set(name, part);
    }
    return part;
  }
}

/** The parts that leave their range. */
export function outOfRange(ranges: readonly Range[], options: RangeOptions): Range[] {
  const limit = comparisonLimit(options);
  return ranges.filter(({ compared, truncated }) => compared >= limit || truncated >= 1);
}

/** `/step/1/layer/3:relu/…` → `3:relu`: the scope of a layer (its index and type) or of the loss. */
function partOf(path: string): string {
  return path.split('/').findLast((label) => /^\d+:[a-z0-9]+$|^loss$/.test(label)) ?? 'network';
}

/** Largest and summed magnitude of ring elements read as signed, to double precision. */
function magnitudes(x: BigUint64Array): { most: number; sum: number } {
  const words = halves(x);
  let [most, sum] = [0, 0];
  for (let i = 0; i < words.length; i += 2) {
    const value = Math.abs((words[i + 1] | 0) * 2 ** 32 + words[i]);
    sum += value;
    if (value > most) most = value;
  }
  return { most, sum };
}
