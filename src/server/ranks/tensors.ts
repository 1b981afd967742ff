/** Arrays over a link between ranks of one party: in as many messages as frames have room for. */
import type { Link } from '../../channel/channel.ts';
import { WHILE_THE_LINK_LIVES } from '../../data/share.ts';

/** Elements of one message: as many as a frame has room for, near enough, so that most tensors need not be put together. */
const PIECE = 2 ** 22;

/** A message with the chain behind it. */
export interface Received {
  readonly data: BigUint64Array;
  readonly depth: number;
}

function* pieces(label: string, count: number): Generator<{ label: string; from: number; to: number }, void> {
  for (let from = 0, i = 0; from === 0 || from < count; from += PIECE, i++)
    yield { label: i === 0 ? label : `${label}/${i}`, from, to: Math.min(count, from + PIECE) };
}

export async function give(link: Link, label: string, data: BigUint64Array, depth: number): Promise<void> {
  for (const { label: own, from, to } of pieces(label, data.length))
    await link.send(own, data.subarray(from, to), depth);
}

export async function take(link: Link, label: string, elements: number): Promise<Received> {
  if (elements <= PIECE) return link.receive(label, 'u64', elements, WHILE_THE_LINK_LIVES);
  const data = new BigUint64Array(elements);
  let deepest = 0;
  for (const { label: own, from, to } of pieces(label, elements)) {
    const part = await link.receive(own, 'u64', to - from, WHILE_THE_LINK_LIVES);
    data.set(part.data, from);
    deepest = Math.max(deepest, part.depth);
  }
  return { data, depth: deepest };
}
