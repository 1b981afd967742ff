/** Inputs that wait for their turn at P0. Each client has its turn, whatever the others have sent; within a client the first that came is first. */

export interface InTurn {
  readonly client: string;
  readonly images: number;
}

export class Turns<T extends InTurn> {
  /** The client whose turn is next stands first. */
  readonly #of: Map<string, T[]> = new Map();
  #images = 0;
  #inputs = 0;

  /** Images that wait. */
  get images(): number {
    return this.#images;
  }

  /** Inputs that wait. */
  get inputs(): number {
    return this.#inputs;
  }

  get isEmpty(): boolean {
    return this.#of.size === 0;
  }

  add(input: T): void {
    this.#images += input.images;
    this.#inputs++;
    const waiting = this.#of.get(input.client);
    if (waiting === undefined) this.#of.set(input.client, [input]);
    else waiting.push(input);
  }

  /** One that waits. */
  remove(input: T): void {
    const waiting = this.#of.get(input.client)!;
    waiting.splice(waiting.indexOf(input), 1);
    if (waiting.length === 0) this.#of.delete(input.client);
    this.#images -= input.images;
    this.#inputs--;
  }

  /** One input at least, and as many as have `most` images together. One that does not fit any more is the first of the next. */
  take(most: number, mostInputs: number): T[] {
    const taken: T[] = [];
    let images = 0;
    while (taken.length < mostInputs) {
      const [client, waiting] = first(this.#of) ?? [];
      if (client === undefined || waiting === undefined) break;
      const [input] = waiting;
      if (taken.length > 0 && images + input.images > most) break;
      waiting.shift();
      images += input.images;
      taken.push(input);
      // Its next turn comes after everybody else's.
      this.#of.delete(client);
      if (waiting.length > 0) this.#of.set(client, waiting);
    }
    this.#images -= images;
    this.#inputs -= taken.length;
    return taken;
  }
}

function first<K, V>(map: ReadonlyMap<K, V>): readonly [K, V] | undefined {
  for (const entry of map) return entry;
  return undefined;
}
