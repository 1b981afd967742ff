/**
 * What products take of weights, in memory that all threads of a party share: each rank writes its pieces, all read. A tensor has two places that
 * take turns. One is written again when every rank has said that it is through with what was read of it (`exchange.ts`).
 */
export type SharedPlaces = ReadonlyMap<string, readonly [SharedArrayBuffer, SharedArrayBuffer]>;

/** @param elements of each tensor, by name */
export function sharedPlaces(elements: ReadonlyMap<string, number>): SharedPlaces {
  return new Map([...elements].map(([name, count]) => [name, [room(count), room(count)] as const]));
}

function room(elements: number): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * elements);
}

/** One rank's view of them. */
export class SharedWeights {
  readonly #places: SharedPlaces;

  constructor(places: SharedPlaces) {
    this.#places = places;
  }

  /** @param time how often weights were handed on before */
  place(name: string, time: number): BigUint64Array {
    const places = this.#places.get(name);
    if (places === undefined) throw new Error(`no memory is shared for ${name}`);
    return new BigUint64Array(places[time % 2]);
  }
}
