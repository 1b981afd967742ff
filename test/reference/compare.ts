/** PrivateCompare (PROTOCOLS §1) by the definition: one digit at a time, no vectors. */
import type { CompareJob, DigitCode } from '../../runtime/compute.ts';

/** Digits of the low digits·bits bits, top digit first. */
export function digitsOf(code: DigitCode, value: bigint): number[] {
  const base = 1n << BigInt(code.bits);
  return Array.from({ length: code.digits }, (_, i) =>
    Number((value >> BigInt(code.bits * (code.digits - 1 - i))) % base),
  );
}

/** g_v = [digit >= v], all g_1, then all g_2, ... */
export function thermometerReference(code: DigitCode, value: bigint): number[] {
  const levels = Array.from({ length: (1 << code.bits) - 1 }, (_, i) => i + 1);
  return levels.flatMap((v) => digitsOf(code, value).map((digit) => Number(digit >= v)));
}

export function mod(value: number, p: number): number {
  return ((value % p) + p) % p;
}

/** One worker's d for comparison i. */
export function compareShareReference(job: CompareJob, i: number): number[] {
  const { code, party, orEqual, beta } = job;
  const { digits, prime } = code;
  const top = 1 << code.bits;
  const one = party === 0 ? 1 : 0;
  const y = digitsOf(code, job.y[i]);
  const g = (digit: number, v: number): number => {
    if (v === 0) return one;
    if (v === top) return 0;
    return job.g[(i * (top - 1) + v - 1) * digits + digit];
  };

  const d: number[] = [];
  let above = 0;
  for (let digit = 0; digit < digits; digit++) {
    const strict = g(digit, y[digit] + 1);
    const weak = g(digit, y[digit]);
    const last = digit === digits - 1;
    // The test of β = 0 is strict unless it is X >= Y, which its last digit decides; β = 1 negates the other test.
    let hit: number;
    if (beta[i] === 0) hit = orEqual && last ? weak : strict;
    else hit = one - (!orEqual && last ? strict : weak);
    const c = one - hit + above;
    above += one - weak + strict;
    const u = job.u[i * digits + digit];
    d.push(mod(job.s[i * digits + digit] * mod(c, prime) + (party === 0 ? u : -u), prime));
  }
  return d.map((_, j) => d[(j + job.rho[i]) % digits]);
}
