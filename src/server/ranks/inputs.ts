/** A job's inputs on their way from rank 0, which receives them, to the other threads: E is there once, masks are drawn by each. */
import { joinMasks } from '../../data/joined-masks.ts';
import { maskOf } from '../../data/share.ts';
import type { MaskKey, OwnedInput } from '../../engine/ownedInput.ts';
import { sizeOf, type Shape } from '../../ring/shape.ts';
import type { InputFacts } from './control.ts';
import type { RankInput } from './messages.ts';

/** The input, and the same for other threads. */
export interface Handed {
  readonly own: OwnedInput;
  readonly others: RankInput;
}

/** Moves E to memory that threads share. */
export function handInput(name: string, shape: Shape, fractionBits: number, input: OwnedInput): Handed {
  const masks = masksOf(name, shape, input);
  const opened = input.opened && inSharedMemory(input.opened);
  return { own: { ...input, opened }, others: { name, shape, fractionBits, opened, masks } };
}

/** A copy, which other threads read as it is. */
export function inSharedMemory(data: BigUint64Array): BigUint64Array {
  const shared = new BigUint64Array(new SharedArrayBuffer(data.byteLength));
  shared.set(data);
  return shared;
}

/** What a rank that shares no memory with this one needs besides E. */
export function inputFacts(name: string, shape: Shape, fractionBits: number, input: OwnedInput): InputFacts {
  const elements = input.opened === null ? null : input.opened.length;
  return { name, shape, fractionBits, elements, masks: masksOf(name, shape, input) };
}

export function takeInput({ opened, masks }: RankInput): OwnedInput {
  const joined = masks.map((pieces) =>
    joinMasks(pieces.map(({ name, key, elements }) => ({ elements, masks: maskOf(name, key) }))),
  );
  return { opened, masks: joined };
}

function masksOf(name: string, shape: Shape, input: OwnedInput): (readonly MaskKey[])[] {
  return input.masks.map(({ keys }) => {
    if (keys === undefined) throw new Error(`input ${name}: its masks cannot be handed to other ranks`);
    return keys(sizeOf(shape));
  });
}
