/** Inputs of several clients as rows of one value, and their rows of its answer. */
import { joinMasks } from '../data/joined-masks.ts';
import { maskOf } from '../data/share.ts';
import type { Masks, OwnedInput } from '../engine/ownedInput.ts';
import type { InputPart } from './ipc.ts';

/** Inputs one behind the other. Each is open under its own masks still, whose keys came with it. */
export function joinInputs(parts: readonly InputPart[], size: number): OwnedInput {
  const masks = parts[0].masks.map((_, which): Masks => {
    const pieces = parts.map(({ images, masks }) => ({
      elements: images * size,
      masks: maskOf('images', masks[which]),
    }));
    return joinMasks(pieces);
  });
  if (parts.length === 1 || parts[0].opened === null) return { opened: parts[0].opened, masks };
  const opened = new BigUint64Array(parts.reduce((sum, { images }) => sum + images * size, 0));
  let at = 0;
  for (const part of parts) {
    opened.set(part.opened!, at);
    at += part.opened!.length;
  }
  return { opened, masks };
}

/** Of a share of what all images have, the part of some. */
export function rowsOf(share: BigUint64Array, images: number, from: number, to: number): BigUint64Array {
  const width = share.length / images;
  return share.slice(from * width, to * width);
}
