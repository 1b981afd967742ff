/**
 * Matrix products as kernel calls: out (m,n) is cut into blocks, one call each, so that a call's operands fit a region and all
 * workers have something to do. A long inner dimension is cut as well: its pieces follow one another and add to the block.
 */
import type { GemmJob } from '../compute.ts';
import {
  REGION_BYTES,
  RegionLayout,
  SCRATCH_BASE,
  putWords,
  roomFor,
  wordsAt,
  type KernelCall,
  type MemoryView,
} from './kernels.ts';

/** A piece [start, end) of a dimension. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A block of the output and the calls that compute it, to be run one after another. */
export type GemmBlock = readonly KernelCall[];

/** Inner dimension of a call, all terms together. */
const INNER_LIMIT = 2048;
/** Share of a region that a call's block of B may take. */
const B_BYTES_LIMIT = 3 * 1024 * 1024;
/** Rows of A and of the output that a call takes, unless its block of B is larger: the copies of one call should not last long. */
const BAND_BYTES = 2 * 1024 * 1024;
/** Multiply-adds below which a block is not cut for the sake of another worker. */
export const WORK_PER_WORKER = 500_000;
/** The kernel's tiles are 4 x 4. */
export const TILE = 4;

export function gemmWork(job: GemmJob): number {
  return job.m * job.k * job.n * job.terms.length;
}

/** Throws RangeError unless the operands fit the shape. */
export function checkGemm(job: GemmJob): void {
  const { m, k, n, terms, addend } = job;
  for (const [name, value] of Object.entries({ m, k, n })) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`gemm: ${name} must be a size, is ${value}`);
  }
  if (terms.length !== 1 && terms.length !== 2)
    throw new RangeError(`gemm: 1 or 2 terms expected, found ${terms.length}`);
  terms.forEach(({ a, b }, index) => {
    if (a.length !== m * k) throw new RangeError(`gemm: a[${index}] has ${a.length} elements, (${m},${k}) expected`);
    if (b.length !== k * n) throw new RangeError(`gemm: b[${index}] has ${b.length} elements, (${k},${n}) expected`);
  });
  if (addend !== undefined && addend.length !== m * n) {
    throw new RangeError(`gemm: addend has ${addend.length} elements, (${m},${n}) expected`);
  }
}

/** The product's blocks; every block writes its part of `out`. Empty when out is (m = 0 or n = 0). */
export function planGemm(job: GemmJob, out: BigUint64Array, workers: number): GemmBlock[] {
  const { m, k, n } = job;
  if (m === 0 || n === 0) return [];
  const terms = job.terms.length;
  const inner = spans(k, Math.floor(INNER_LIMIT / terms));
  const depth = terms * (inner[0].end - inner[0].start);

  const parts = Math.max(1, Math.min(workers, Math.floor(gemmWork(job) / WORK_PER_WORKER)));
  // Rows are cut for the workers if there are enough of them, else columns.
  const byRows = m >= TILE * parts;
  const columnLimit = Math.max(TILE, Math.floor(B_BYTES_LIMIT / (8 * Math.max(1, depth))));
  const columns = spans(n, Math.min(columnLimit, byRows ? n : Math.ceil(n / parts)));
  const width = columns[0].end - columns[0].start;
  const bBytes = roomFor(8 * depth * width);
  const rowRoom = Math.min(REGION_BYTES - bBytes, Math.max(BAND_BYTES, bBytes)) - roomFor(0) - roomFor(0);
  const rowLimit = Math.max(TILE, Math.floor(rowRoom / (8 * (depth + width))));
  const rows = spans(m, Math.min(rowLimit, byRows ? Math.ceil(m / parts) : m));

  return columns.flatMap((column) =>
    rows.map((row) => inner.map((piece, index) => gemmCall(job, out, row, column, piece, index === 0))),
  );
}

/** Cuts [0, length) into equal spans of at most `limit`, of whole tiles except for the last; length 0 gives one empty span. */
export function spans(length: number, limit: number, tile: number = TILE): Span[] {
  const count = Math.max(1, Math.ceil(length / limit));
  const step = Math.max(1, Math.min(limit, Math.ceil(length / count / tile) * tile));
  const cuts: Span[] = [{ start: 0, end: Math.min(step, length) }];
  for (let start = step; start < length; start += step) cuts.push({ start, end: Math.min(start + step, length) });
  return cuts;
}

/** out[row, column] = op(a)[row, inner] · op(b)[inner, column] + (first ? addend : out)[row, column]. */
function gemmCall(job: GemmJob, out: BigUint64Array, row: Span, column: Span, inner: Span, first: boolean): KernelCall {
  const { transposeA = false, transposeB = false, terms } = job;
  const m = row.end - row.start;
  const k = inner.end - inner.start;
  const n = column.end - column.start;
  const layout = new RegionLayout();
  const a = layout.add(8 * terms.length * m * k);
  const b = layout.add(8 * terms.length * k * n);
  const c = layout.add(8 * m * n);
  const addend = first ? job.addend : out;

  return {
    kernel: 'gemm',
    bytes: layout.bytes,
    load(memory, base) {
      terms.forEach((term, index) => {
        const toA = base + a + 8 * index * m * k;
        const toB = base + b + 8 * index * k * n;
        if (transposeA) putBlock(memory, toA, term.a, job.m, inner, row);
        else putBlock(memory, toA, term.a, job.k, row, inner);
        if (transposeB) putBlock(memory, toB, term.b, job.k, column, inner);
        else putBlock(memory, toB, term.b, job.n, inner, column);
      });
      if (addend !== undefined) putBlock(memory, base + c, addend, job.n, row, column);
      const accumulate = addend === undefined ? 0 : 1;
      const flags = [Number(transposeA), Number(transposeB), terms.length];
      return [m, k, n, ...flags, base + a, base + b, base + c, accumulate, SCRATCH_BASE];
    },
    store(memory, base) {
      const block = wordsAt(memory, base + c, m * n);
      if (n === job.n) {
        out.set(block, row.start * n);
        return;
      }
      for (let i = 0; i < m; i++) {
        out.set(block.subarray(i * n, (i + 1) * n), (row.start + i) * job.n + column.start);
      }
    },
  };
}

/** Copies rows x columns of a stored matrix of `width` columns to a byte offset, densely. */
function putBlock(
  memory: MemoryView,
  offset: number,
  matrix: BigUint64Array,
  width: number,
  rows: Span,
  columns: Span,
): void {
  const blockWidth = columns.end - columns.start;
  if (blockWidth === width) {
    putWords(memory, offset, matrix.subarray(rows.start * width, rows.end * width));
    return;
  }
  for (let i = rows.start; i < rows.end; i++) {
    const from = i * width;
    putWords(memory, offset, matrix.subarray(from + columns.start, from + columns.end));
    offset += 8 * blockWidth;
  }
}
