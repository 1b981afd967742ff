/**
 * The largest values that a computation compares and truncates, by the part of the network in which it does: what decides whether
 * `fractionBits` and `compareBits` suit it. The plain engine notes them (`plain.ts`); no share ever comes here.
 *
 * Comparisons of the direct suite hold for |x| < 2^(compareBits − 1 − f), those of the paper suite for |x| < 2^(62 − f); the dealt
 * truncation holds for ring elements |z| < 2^62.
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

  compare(path: string, x: BigUint64Array, fractionBits: number): void {
    const part = this.#part(path);
    part.compared = Math.max(part.compared, largest(x) * 2 ** -fractionBits);
  }

  truncate(path: string, z: BigUint64Array): void {
    const part = this.#part(path);
    part.truncated = Math.max(part.truncated, largest(z) * 2 ** -62);
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

/** Largest magnitude of ring elements read as signed, to double precision. */
function largest(x: BigUint64Array): number {
  const words = halves(x);
  let most = 0;
  for (let i = 0; i < words.length; i += 2) {
    const value = Math.abs((words[i + 1] | 0) * 2 ** 32 + words[i]);
    if (value > most) most = value;
  }
  return most;
}
