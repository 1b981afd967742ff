/** The last bytes of something that comes in parts, of which only its end says which they are: a tag, a digest. */
export class HeldBack {
  readonly #count: number;
  #last: Buffer = Buffer.alloc(0);

  constructor(count: number) {
    this.#count = count;
  }

  /** @returns what is not among the last, in order */
  take(part: Uint8Array): readonly Uint8Array[] {
    const over = Math.max(0, this.#last.length + part.length - this.#count);
    const [first, second] = [this.#last.subarray(0, over), part.subarray(0, Math.max(0, over - this.#last.length))];
    this.#last = Buffer.concat([this.#last.subarray(first.length), part.subarray(second.length)]);
    return [first, second];
  }

  /** The last so far; fewer where fewer have come. */
  get bytes(): Buffer {
    return this.#last;
  }
}
