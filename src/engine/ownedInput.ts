/**
 * An owner's input X as the parties receive it: open from the start, under a mask that the owner has dealt, E = X − ⟨U⟩₀ − ⟨U⟩₁
 * (PROTOCOLS §1, "Owners' inputs"). No party ever sends anything for it as an operand of products.
 */
import type { MaskTable } from '../random/streams.ts';
import * as z64 from '../ring/z64.ts';
import type { PartyId } from '../party/party.ts';
import type { Held } from './secureValue.ts';

/** Shares of a mask, to be read at any place. */
export interface Masks extends Pick<MaskTable, 'z64' | 'rows'> {
  /** What another rank of this party draws the same from; absent where it is drawn otherwise. */
  readonly keys?: (elements: number) => readonly MaskKey[];
}

/** The key of some elements of a mask (`data/share.ts`). */
export interface MaskKey {
  readonly name: string;
  readonly key: Uint8Array;
  readonly elements: number;
}

export interface OwnedInput {
  /** P0, P1: E. Null at P2, which sees nothing that depends on X. */
  readonly opened: BigUint64Array | null;
  /** The worker's own share of the mask; at P2 ⟨U⟩₀ and ⟨U⟩₁. */
  readonly masks: readonly Masks[];
}

/** All of it at once, as `SecureEngine.input` takes it: ⟨X⟩_j = [j=0]E + ⟨U⟩_j and E at a worker, the mask's shares at P2. */
export function held(id: PartyId, { opened, masks }: OwnedInput, elements: number): Held {
  if (opened === null) {
    const opening = new BigUint64Array(masks.length * elements);
    masks.forEach((mask, i) => opening.set(mask.z64(0, elements), i * elements));
    return { data: null, opening };
  }
  const U = masks[0].z64(0, elements);
  return { data: id === 0 ? z64.add(opened, U) : U, opening: opened };
}
