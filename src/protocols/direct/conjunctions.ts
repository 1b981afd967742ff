/**
 * Products of kept bits, without a round: what is public to the workers of DReLU = t ⊕ q is an index into a table that P2, who knows q, has dealt. For
 * sessions that compare by functions, where each round counts: the class of an image is the one that wins all its comparisons.
 *
 * Of w bits t_j ⊕ q_j that are to be b_j, all are so just where the word of v_j = t_j ⊕ b_j ⊕ 1 is that of 1 ⊕ q_j.
 *   Ahead:  P2 deals T[v] = [v = (1 ⊕ q_j)_j] for all 2^w words v, over Z_{2^64}
 *   Local:  the workers take their shares of T at v
 *
 * Views: a worker's share of T is uniform, and v is a function of t. P2 sees nothing. Cost: no round; 8·2^w bytes a product.
 */
import { dealtZ64, dealZ64 } from '../../party/deal.ts';
import type { Party } from '../../party/party.ts';

/** Bits (rows, columns) of a comparison; of each column as many products as there are sets. */
export interface Conjunctions {
  readonly columns: number;
  /** Which rows are to be 0 or 1: as many in each set. */
  readonly sets: readonly (readonly { readonly row: number; readonly bit: 0 | 1 }[])[];
}

/** Words of all tables together: a message of 512 KiB. */
const MOST_WORDS = 2 ** 16;

function tableOf({ sets }: Conjunctions): number {
  return 2 ** sets[0].length;
}

function products({ columns, sets }: Conjunctions): number {
  return columns * sets.length;
}

/** Whether the tables are small enough. */
export function holds(of: Conjunctions): boolean {
  return products(of) * tableOf(of) <= MOST_WORDS;
}

/** P0, P1, with their bits t: shares (sets, columns). */
export async function workers(party: Party, t: Uint8Array, of: Conjunctions): Promise<BigUint64Array> {
  const size = tableOf(of);
  const tables = await dealtZ64(party, 'table', products(of) * size);
  return BigUint64Array.from(words(of, t), (v, i) => tables[i * size + v]);
}

/** P2, with its bits q. */
export async function helper(party: Party, q: Uint8Array, of: Conjunctions): Promise<void> {
  const size = tableOf(of);
  const tables = new BigUint64Array(products(of) * size);
  const flipped = words({ ...of, sets: of.sets.map((set) => set.map(({ row }) => ({ row, bit: 0 }))) }, q);
  flipped.forEach((v, i) => (tables[i * size + v] = 1n));
  await dealZ64(party, 'table', tables);
}

/** Of each product the word of bits[j] ⊕ b_j ⊕ 1. */
function words({ columns, sets }: Conjunctions, bits: Uint8Array): number[] {
  const out = new Array<number>(columns * sets.length);
  sets.forEach((set, s) => {
    for (let column = 0; column < columns; column++) {
      let v = 0;
      for (const { row, bit } of set) v = 2 * v + (bits[row * columns + column] ^ bit ^ 1);
      out[s * columns + column] = v;
    }
  });
  return out;
}

/** Of all tables. */
export function bytes(of: Conjunctions): number {
  return 8 * products(of) * tableOf(of);
}
