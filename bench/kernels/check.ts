/** Whether a product is right: bit for bit where the CPU has computed it as well, else by projections. */
import { randomFillSync } from 'node:crypto';
import type { Compute, GemmJob } from '../../runtime/compute.ts';

/** Columns of the random matrix that a result is projected on. */
const PROJECTIONS = 32;

export function same(actual: BigUint64Array, expected: BigUint64Array): boolean {
  return Buffer.compare(bytesOf(actual), bytesOf(expected)) === 0;
}

/** Uniform elements from the system's generator. */
export function randomElements(length: number): BigUint64Array {
  const values = new BigUint64Array(length);
  const most = 2 ** 27;
  for (let at = 0; at < length; at += most) randomFillSync(values.subarray(at, at + most));
  return values;
}

/**
 * C · V = Σ A · (B · V) + addend · V modulo 2^64 for a random (n,32) matrix V, with C the (m,n) result. A wrong row passes with
 * probability 2^-32 at most: a difference that is 2^63 times an odd number shows in every second column, others more often.
 */
export async function projects(cpu: Compute, job: GemmJob, result: BigUint64Array): Promise<boolean> {
  const { m, k, n, transposeA = false, transposeB = false, terms, addend } = job;
  const v = randomElements(n * PROJECTIONS);
  const onV = (rows: number, a: BigUint64Array, transposed = false): Promise<BigUint64Array> =>
    cpu.gemm({ m: rows, k: n, n: PROJECTIONS, transposeA: transposed, terms: [{ a, b: v }] });
  // Stored (k,n), or (n,k) when B is transposed: then B · V has a transposed left operand.
  const right = await Promise.all(terms.map(async ({ a, b }) => ({ a, b: await onV(k, b, transposeB) })));
  const expected = await cpu.gemm({
    ...{ m, k, n: PROJECTIONS, transposeA, terms: right },
    ...(addend === undefined ? {} : { addend: await onV(m, addend) }),
  });
  return same(await onV(m, result), expected);
}

function bytesOf(values: BigUint64Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}
