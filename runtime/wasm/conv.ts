/**
 * Convolutions as kernel calls. A call takes a few images or a band of rows of one, so that its operands fit a region and all workers
 * have something to do. Where several calls contribute to one part of the result, each adds to it.
 */
import { fresh, zeros } from '../../src/ring/pool.ts';
import { accumulate } from '../../src/ring/z64.ts';
import { convOutput, type ConvJob, type ConvMap } from '../compute.ts';
import {
  FRAME_BYTES,
  ROLES,
  eachRun,
  frameOf,
  isAlone,
  lengths,
  pieceLengths,
  pieces,
  size,
  type Piece,
  type Role,
} from './convPlan.ts';
import { splitOf } from './convSplit.ts';
import { WORK_PER_WORKER } from './gemm.ts';
import {
  REGION_BYTES,
  RegionLayout,
  SCRATCH_BASE,
  putBytes,
  putWords,
  roomFor,
  wordsAt,
  type KernelCall,
  type KernelName,
  type MemoryView,
} from './kernels.ts';

const KERNELS = {
  forward: 'convForward',
  inputGradient: 'convInputGradient',
  weightGradient: 'convWeightGradient',
} as const satisfies Readonly<Record<ConvMap, KernelName>>;

/** Multiply-adds, those with padding among them. */
export function convWork({ shape, terms }: ConvJob): number {
  const { kernelHeight, kernelWidth, channels } = shape;
  return terms.length * lengths(shape).output * kernelHeight * kernelWidth * channels;
}

/** Throws RangeError unless the sizes are sizes and the operands fit them. */
export function checkConv({ map, shape, terms, addend }: ConvJob): void {
  for (const [name, value] of Object.entries(shape) as [string, number][]) {
    const least = name === 'padding' ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`conv: ${name} must be an integer of at least ${least}, is ${value}`);
    }
  }
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters, padding } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  if (outHeight < 1 || outWidth < 1) {
    const kernel = `kernel (${kernelHeight},${kernelWidth})`;
    throw new RangeError(`conv: ${kernel} is larger than the image (${height},${width}) with padding ${padding}`);
  }
  if (terms.length !== 1 && terms.length !== 2)
    throw new RangeError(`conv: 1 or 2 terms expected, found ${terms.length}`);
  const expected = lengths(shape);
  const tensors = {
    image: `image (${batch},${height},${width},${channels})`,
    filter: `filter (${kernelHeight},${kernelWidth},${channels},${filters})`,
    output: `output (${batch},${outHeight},${outWidth},${filters})`,
  };
  const check = (name: string, role: keyof typeof tensors, values: BigUint64Array): void => {
    if (values.length === expected[role]) return;
    throw new RangeError(`conv: ${name} has ${values.length} elements, ${tensors[role]} expected`);
  };
  const { x, y, out } = ROLES[map];
  terms.forEach((term, index) => {
    check(`x[${index}]`, x, term.x);
    check(`y[${index}]`, y, term.y);
  });
  if (addend !== undefined) check('addend', out, addend);
}

/** A new array for the result, with the addend in it; zeros where calls add to it. */
export function convResult(job: ConvJob, workers: number): BigUint64Array {
  const { map, shape, addend } = job;
  if (addend !== undefined) return addend.slice();
  const { out } = ROLES[map];
  const size = lengths(shape)[out];
  let written = 0;
  for (const piece of cutConv(job, workers)) {
    if (!isAlone(map, shape, piece)) return zeros(size);
    written += pieceLengths(shape, piece)[out];
  }
  // Rows of an image behind the last window are no part of any piece.
  return written === size ? fresh(size) : zeros(size);
}

/** The calls that fill `out`, a convResult; in any order. */
export function planConv(job: ConvJob, out: BigUint64Array, workers: number): KernelCall[] {
  return cutConv(job, workers).map((piece) => convCall(job, piece, out));
}

function cutConv(job: ConvJob, workers: number): Piece[] {
  const parts = Math.max(1, Math.min(workers, Math.floor(convWork(job) / WORK_PER_WORKER)));
  return pieces(job.map, job.shape, job.terms.length, parts);
}

function convCall(job: ConvJob, piece: Piece, out: BigUint64Array): KernelCall {
  const { map, shape, terms, addend } = job;
  const roles = ROLES[map];
  const plain = pieceLengths(shape, piece);
  const room = { ...plain, image: plain.padded };
  const layout = new RegionLayout();
  const atFrame = layout.add(FRAME_BYTES);
  const atX = layout.add(8 * terms.length * room[roles.x]);
  const atY = layout.add(8 * terms.length * room[roles.y]);
  const atOut = layout.add(8 * room[roles.out]);
  const split = splitOf(job, piece);
  const levels = layout.bytes + roomFor(split.bytes) > REGION_BYTES ? 0 : split.levels;
  const atWork = levels === 0 ? 0 : layout.add(split.bytes);
  const alone = isAlone(map, shape, piece);
  const filters = size(piece.filters);

  const put = (memory: MemoryView, role: Role, offset: number, tensor: BigUint64Array): void => {
    // Images go to the end of their room, whence the kernel spreads them over it.
    let to = offset + 8 * (room[role] - plain[role]);
    eachRun(role, shape, piece, (at, length) => {
      putWords(memory, to, tensor.subarray(at, at + length));
      to += 8 * length;
    });
  };

  return {
    kernel: levels === 0 ? KERNELS[map] : `${KERNELS[map]}Split`,
    bytes: layout.bytes,
    load(memory, base) {
      putBytes(memory, base + atFrame, new Uint8Array(frameOf(shape, piece).buffer));
      terms.forEach(({ x, y }, index) => {
        put(memory, roles.x, base + atX + 8 * index * room[roles.x], x);
        put(memory, roles.y, base + atY + 8 * index * room[roles.y], y);
      });
      const start = alone && addend !== undefined;
      if (start) put(memory, roles.out, base + atOut, addend);
      const operands = [base + atX, base + atY, base + atOut];
      if (levels > 0) return [base + atFrame, filters, ...operands, levels, base + atWork, SCRATCH_BASE];
      return [base + atFrame, filters, terms.length, ...operands, Number(start), SCRATCH_BASE];
    },
    store(memory, base) {
      const result = wordsAt(memory, base + atOut, plain[roles.out]);
      let from = 0;
      eachRun(roles.out, shape, piece, (at, length) => {
        const run = result.subarray(from, from + length);
        if (alone) out.set(run, at);
        else accumulate(out.subarray(at, at + length), run);
        from += length;
      });
    },
  };
}
