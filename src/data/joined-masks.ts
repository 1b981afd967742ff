/** The masks of data sets that follow each other as one: each piece has a table of its own, under its owner's key. */
import type { MaskKey, Masks } from '../engine/ownedInput.ts';

export interface MaskPiece {
  readonly elements: number;
  readonly masks: Masks;
}

/** One table in place of the pieces' in their order. */
export function joinMasks(pieces: readonly MaskPiece[]): Masks {
  return pieces.length === 1 ? pieces[0].masks : new JoinedMasks(pieces);
}

class JoinedMasks implements Masks {
  /** Absent where a piece has none. */
  readonly keys?: () => readonly MaskKey[];
  readonly #pieces: readonly { readonly masks: Masks; readonly from: number; readonly to: number }[];
  readonly #elements: number;

  constructor(pieces: readonly MaskPiece[]) {
    let at = 0;
    this.#pieces = pieces.map(({ elements, masks }) => ({ masks, from: at, to: (at += elements) }));
    this.#elements = at;
    if (pieces.every(({ masks }) => masks.keys !== undefined))
      this.keys = () => pieces.flatMap(({ elements, masks }) => masks.keys!(elements));
  }

  z64(from: number, n: number): BigUint64Array {
    this.#check(from, n, this.#elements);
    const out = new BigUint64Array(n);
    for (const piece of this.#pieces) {
      const [first, last] = [Math.max(from, piece.from), Math.min(from + n, piece.to)];
      if (first < last) out.set(piece.masks.z64(first - piece.from, last - first), first - from);
    }
    return out;
  }

  /** A row lies in one piece. */
  rows(starts: readonly number[], n: number): BigUint64Array {
    const out = new BigUint64Array(starts.length * n);
    for (const start of starts) this.#check(start, n, this.#pieces.find(({ to }) => start < to)?.to ?? 0);
    for (const { masks, from, to } of this.#pieces) {
      const places = starts.flatMap((start, i) => (start >= from && start < to ? [i] : []));
      if (places.length === 0) continue;
      const rows = masks.rows(
        places.map((i) => starts[i] - from),
        n,
      );
      places.forEach((i, k) => out.set(rows.subarray(k * n, (k + 1) * n), i * n));
    }
    return out;
  }

  /** What no piece covers would stay zero: no mask. */
  #check(from: number, n: number, end: number): void {
    if (!(from >= 0 && n >= 0 && from + n <= end))
      throw new RangeError(`masks ${from} … ${from + n} of ${this.#elements} in ${this.#pieces.length} pieces`);
  }
}
