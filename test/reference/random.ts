/** Test values from a seed, so that a failing case can be run again. Not for anything secret. */

const MAX = (1n << 64n) - 1n;

/** Values at which carries, signs and halves change. */
export const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  (1n << 31n) - 1n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 32n,
  (1n << 62n) - 1n,
  1n << 62n,
  (1n << 63n) - 1n,
  1n << 63n,
  MAX - 1n,
  MAX,
];

/** SplitMix (Steele, Lea, Flood, 2014) in its 32-bit form: BigInt would make the draws slower than what is tested. */
export class TestRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  u32(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  }

  /** Ring elements, a quarter of them edge values. */
  ring(length: number): BigUint64Array {
    const halves = Uint32Array.from({ length: 2 * length }, () => this.u32());
    const values = new BigUint64Array(halves.buffer);
    for (let i = 0; i < length; i++) {
      const choice = this.u32();
      if (choice % 4 === 0) values[i] = EDGES[(choice >>> 2) % EDGES.length];
    }
    return values;
  }

  /** Bytes in [from, bound). */
  bytes(length: number, bound: number, from = 0): Uint8Array {
    const values = new Uint8Array(length);
    for (let i = 0; i < length; i++) values[i] = from + (this.u32() % (bound - from));
    return values;
  }
}
