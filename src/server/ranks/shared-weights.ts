/**
 * Weights on their way from rank 0 to threads of the same process: written once, read by all. A tensor has two places that take turns. When one
 * is written again every rank has handed on the sums of the step, or evaluation, before the last one, so none reads it any more.
 */
export class SharedWeights {
  readonly #places: Map<string, BigUint64Array[]> = new Map();

  /** @param name of the tensor */
  put(name: string, data: BigUint64Array): BigUint64Array {
    const places = this.#places.get(name) ?? [room(data.length), room(data.length)];
    this.#places.set(name, places.toReversed());
    places[0].set(data);
    return places[0];
  }
}

function room(elements: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(8 * elements));
}
