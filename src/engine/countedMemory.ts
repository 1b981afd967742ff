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

/** Of one layer: what it leaves for its way back, and bytes made within it, as of `Held`, on the way on which it makes more. */
export type LayerHeld = Held;

interface Layer {
  operands: number;
  bits: number;
  forward: number;
  back: number;
}

export class CountedMemory {
  #made = 0;
  #operands = 0;
  #bits = 0;
  /** In the order in which they run. */
  readonly #layers: Map<string, Layer> = new Map();
  #way: 'forward' | 'back' = 'forward';

  get held(): Held {
    return { made: this.#made, operands: this.#operands, bits: this.#bits };
  }

  /** @param layer within which they are made, if they are within one */
  make(bytes: number, layer: string | undefined): void {
    this.#made += bytes;
    if (layer !== undefined) this.#layer(layer)[this.#way] += bytes;
  }

  keepOperand(elements: number, layer: string | undefined): void {
    this.#operands += elements;
    if (layer !== undefined) this.#layer(layer).operands += elements;
  }

  keepBits(elements: number, layer: string | undefined): void {
    this.#bits += elements;
    if (layer !== undefined) this.#layer(layer).bits += elements;
  }

  /** From here on layers are on their way back. */
  turnBack(): void {
    this.#way = 'back';
  }

  /** Of all layers since this was asked last, in the order in which they ran. */
  takeLayers(): LayerHeld[] {
    const layers = [...this.#layers.values()].map(({ operands, bits, forward, back }) => ({
      operands,
      bits,
      made: Math.max(forward, back),
    }));
    this.#layers.clear();
    this.#way = 'forward';
    return layers;
  }

  #layer(name: string): Layer {
    let layer = this.#layers.get(name);
    if (layer === undefined) {
      layer = { operands: 0, bits: 0, forward: 0, back: 0 };
      this.#layers.set(name, layer);
    }
    return layer;
  }
}
