/** PrivateCompare's kernels as calls over ranges of comparisons (PROTOCOLS §1). */
import { codeLength, type CompareJob, type DigitCode } from '../compute.ts';
import { RegionLayout, SCRATCH_BASE, fetchBytes, placeBytes, putWords, targetOf, type KernelCall } from './kernels.ts';

/** Comparisons a call: 16,384 of 266 bytes stay well inside a region and near the second-level cache. */
export const COMPARE_BLOCK = 16_384;

/** P1's share of the thermometer code, one call a block; writes into `out` (n · codeLength). */
export function thermometerCalls(
  code: DigitCode,
  x: BigUint64Array,
  share0: Uint8Array,
  out: Uint8Array,
  block: number,
): KernelCall[] {
  const length = codeLength(code);
  checkLength('thermometer: share0', share0, x.length * length);
  return blocks(x.length, block).map(({ start, end }) => {
    const n = end - start;
    const dealt = out.subarray(start * length, end * length);
    const layout = new RegionLayout();
    const atX = layout.add(8 * n);
    const atShare = layout.add(n * length);
    const atOut = layout.add(n * length);
    return {
      kernel: `thermometer${code.prime}`,
      bytes: layout.bytes,
      load(memory, base) {
        putWords(memory, base + atX, x.subarray(start, end));
        const share = placeBytes(memory, base + atShare, share0.subarray(start * length, end * length));
        return [n, base + atX, share, targetOf(memory, base + atOut, dealt)];
      },
      store(memory, base) {
        fetchBytes(memory, base + atOut, dealt);
      },
    };
  });
}

/** A worker's masked and rotated d; writes into `out` (n · digits). */
export function compareShareCalls(job: CompareJob, out: Uint8Array, block: number): KernelCall[] {
  const { code, party, orEqual, g, y, beta, s, u, rho } = job;
  const { digits } = code;
  const length = codeLength(code);
  checkLength('compareShare: g', g, y.length * length);
  checkLength('compareShare: beta', beta, y.length);
  checkLength('compareShare: s', s, y.length * digits);
  checkLength('compareShare: u', u, y.length * digits);
  checkLength('compareShare: rho', rho, y.length);
  return blocks(y.length, block).map(({ start, end }) => {
    const n = end - start;
    const d = out.subarray(start * digits, end * digits);
    const layout = new RegionLayout();
    const atG = layout.add(n * length);
    const atY = layout.add(8 * n);
    const atBeta = layout.add(n);
    const atS = layout.add(n * digits);
    const atU = layout.add(n * digits);
    const atRho = layout.add(n);
    const atOut = layout.add(n * digits);
    return {
      kernel: `compareShare${code.prime}`,
      bytes: layout.bytes,
      load(memory, base) {
        putWords(memory, base + atY, y.subarray(start, end));
        const operands = [
          placeBytes(memory, base + atG, g.subarray(start * length, end * length)),
          base + atY,
          placeBytes(memory, base + atBeta, beta.subarray(start, end)),
          placeBytes(memory, base + atS, s.subarray(start * digits, end * digits)),
          placeBytes(memory, base + atU, u.subarray(start * digits, end * digits)),
          placeBytes(memory, base + atRho, rho.subarray(start, end)),
          targetOf(memory, base + atOut, d),
        ];
        return [n, party, Number(orEqual), ...operands, SCRATCH_BASE];
      },
      store(memory, base) {
        fetchBytes(memory, base + atOut, d);
      },
    };
  });
}

/** P2's test; writes into `out` (n bytes). */
export function compareTestCalls(
  code: DigitCode,
  d0: Uint8Array,
  d1: Uint8Array,
  out: Uint8Array,
  block: number,
): KernelCall[] {
  const { digits } = code;
  checkLength('compareTest: d0', d0, out.length * digits);
  checkLength('compareTest: d1', d1, out.length * digits);
  return blocks(out.length, block).map(({ start, end }) => {
    const n = end - start;
    const found = out.subarray(start, end);
    const layout = new RegionLayout();
    const at0 = layout.add(n * digits);
    const at1 = layout.add(n * digits);
    const atOut = layout.add(n);
    return {
      kernel: `compareTest${code.prime}`,
      bytes: layout.bytes,
      load(memory, base) {
        const first = placeBytes(memory, base + at0, d0.subarray(start * digits, end * digits));
        const second = placeBytes(memory, base + at1, d1.subarray(start * digits, end * digits));
        return [n, first, second, targetOf(memory, base + atOut, found)];
      },
      store(memory, base) {
        fetchBytes(memory, base + atOut, found);
      },
    };
  });
}

/** Comparisons a call for n of them on so many workers: an equal share each, but no block larger than COMPARE_BLOCK. */
export function compareBlock(n: number, workers: number): number {
  return Math.max(1, Math.min(COMPARE_BLOCK, Math.ceil(n / Math.max(1, workers))));
}

function blocks(n: number, block: number): { start: number; end: number }[] {
  const cuts = [];
  for (let start = 0; start < n; start += block) cuts.push({ start, end: Math.min(start + block, n) });
  return cuts;
}

function checkLength(name: string, values: Uint8Array, expected: number): void {
  if (values.length !== expected) throw new RangeError(`${name} has ${values.length} bytes, ${expected} expected`);
}
