/** What parties hold of a step, or a batch, as the engine that computes nothing sees it (`counting.ts`). */

/** So far. */
export interface Held {
  /** Bytes of all values that a worker makes, of their openings, and of the bits that comparisons keep, for however long. */
  readonly made: number;
  /** Elements of operands that the way back needs, 8 bytes each at every party. */
  readonly operands: number;
  /** Comparisons whose bits it needs: 9 bytes each at a worker, one at the helper. */
  readonly bits: number;
}

export class CountedMemory {
  #made = 0;
  #operands = 0;
  #bits = 0;
  readonly #layers: Map<string, number> = new Map();

  get held(): Held {
    return { made: this.#made, operands: this.#operands, bits: this.#bits };
  }

  /** @param layer within which they are made, if they are within one */
  make(bytes: number, layer: string | undefined): void {
    this.#made += bytes;
    if (layer !== undefined) this.#layers.set(layer, (this.#layers.get(layer) ?? 0) + bytes);
  }

  keepOperand(elements: number): void {
    this.#operands += elements;
  }

  keepBits(elements: number): void {
    this.#bits += elements;
  }

  /** What of `made` was made within the layer that made most, forward and back, since this was asked last. */
  takeLargest(): number {
    const largest = Math.max(0, ...this.#layers.values());
    this.#layers.clear();
    return largest;
  }
}
