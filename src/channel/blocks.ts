/**
 * How a tensor that may be longer than a frame travels: in messages of a block each. A block stays in the cache from where it is made to where
 * it is sent, and whoever receives it is not held up by the copy of a frame of megabytes.
 */
import type { Link } from './channel.ts';

/** 512 KiB of u64. */
export const BLOCK_ELEMENTS: number = 2 ** 16;

export interface Block {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** The blocks [from, to) of `count` elements in order, at least one. The first one's label is `label`, the others are `label/1` … */
export function* blocks(label: string, count: number): Generator<Block, void> {
  for (let from = 0, i = 0; from === 0 || from < count; from += BLOCK_ELEMENTS, i++) {
    yield { label: i === 0 ? label : `${label}/${i}`, from, to: Math.min(from + BLOCK_ELEMENTS, count) };
  }
}

/** A tensor of `count` elements that the peer sends in blocks. @param came told of each, in order */
export async function receiveBlocks(
  link: Link,
  label: string,
  count: number,
  timeoutMs: number,
  came?: (block: BigUint64Array) => void,
): Promise<BigUint64Array> {
  const out = new BigUint64Array(count);
  for (const block of blocks(label, count)) {
    const { data } = await link.receive(block.label, 'u64', block.to - block.from, timeoutMs);
    came?.(data);
    out.set(data, block.from);
  }
  return out;
}
