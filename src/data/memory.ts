/** What the system says when memory is refused, in words that name the cause. */
import { totalmem } from 'node:os';
import { parameters, type Network } from '../nn/network.ts';
import { sizeOf } from '../ring/shape.ts';
import { Problem } from './problem.ts';

/** As V8, WebAssembly, Node and the system say it. */
const REFUSED =
  /could not allocate memory|bad_alloc|out of memory|allocation failed|invalid (typed )?array (buffer )?length|\bENOMEM\b|ERR_WORKER_OUT_OF_MEMORY/i;
export const MEMORY_FIX =
  "close other programs, raise the limit (ulimit -v, the container's), or give a smaller --batch, fewer --workers or a smaller network";

/** Whether an error's text says that memory was refused. */
export function isOutOfMemory(text: string): boolean {
  return REFUSED.test(text);
}

/** The error itself, or one that says that memory ran out where that is what it means. */
export function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Problem || !isOutOfMemory(error.message)) return error;
  return new Problem(`not enough memory: ${error.message}`, MEMORY_FIX, { cause: error });
}

const ELEMENT_BYTES = 8;
const WORKERS = 2;

/** Refuses a network whose weights alone, shared between two workers on this machine, are more than its memory. */
export function checkRoomForWeights(network: Network, totalBytes: number = totalmem()): void {
  const weights = parameters(network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const needed = WORKERS * ELEMENT_BYTES * weights;
  if (needed <= totalBytes) return;
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new Problem(
    `network ${network.name} has ${weights} weights: their shares alone take ${gib(needed)}, this machine has ${gib(totalBytes)}`,
    'give smaller layers, or a convolution or pooling before the first dense one',
  );
}
