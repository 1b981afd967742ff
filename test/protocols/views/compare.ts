/**
 * P2's view of PrivateCompare, exactly. Of the digits that it dealt, and of Y in a run on fixed inputs, everybody could compute the shares c₀, c₁
 * of each c (a distinguisher is given them); so all that protects β and Y in d₀ = s·c₀ + u, d₁ = s·c₁ − u is s, u and the rotation. They follow
 * from the messages: s = (d₀ + d₁) / c and u = (c₁·d₀ − c₀·d₁) / c, wherever c = c₀ + c₁ is not 0. These, as they act in what was sent, must be
 * uniform and independent from digit to digit, from comparison to comparison, and of each other; and so must be the place of the zero.
 */
import type { Compute, DigitCode } from '../../../runtime/compute.ts';
import { compareShareReference, mod } from '../../reference/compare.ts';
import { histogram, unevenness } from './checks.ts';
import type { Column } from './columns.ts';
import { decoded, purposeOf } from './columns.ts';
import type { Compared, Recording } from './record.ts';

/** Elements of Z_p of each message that are looked at: some whole comparisons. */
const LOOKED_AT = 128;

interface Compares {
  readonly columns: readonly Column[];
  readonly found: readonly string[];
}

const key = (d: Uint8Array): string => Buffer.from(d.buffer, d.byteOffset, d.byteLength).toString('latin1');

/** Shares of c of one comparison, not yet rotated. */
function sharesOfC({ job }: Compared, i: number): number[] {
  const size = job.y.length * job.code.digits;
  const [s, u, rho] = [new Uint8Array(size).fill(1), new Uint8Array(size), new Uint8Array(job.y.length)];
  return compareShareReference({ ...job, s, u, rho }, i);
}

/** What is wrong with all d of a recording; and β', which P2 learns, as variables. */
export function compares({ runs, compared }: Recording, code: DigitCode, compute: Compute): Compares {
  const { prime, digits } = code;
  const inverses = Array.from(
    { length: prime },
    (_, a) => Array.from({ length: prime }, (_, b) => b).find((b) => (a * b) % prime === 1) ?? 0,
  );
  const made = compared.map((some) => new Map(some.map((one) => [key(one.d), one])));
  const found: string[] = [];
  const s: number[][] = [];
  const u: number[][] = [];
  /** The rotation by which the zero of a comparison comes to stand where it stands, or −1. */
  const turns: number[][] = [];
  const labels = [...new Set(runs[0].received[2].filter(({ label }) => purposeOf(label) === 'd').map((m) => m.label))];
  const betaPrime = new Map<string, Uint8Array>();

  for (const [at, run] of runs.entries()) {
    for (const label of labels) {
      const sent = (['P0', 'P1'] as const).map((from) => {
        const message = run.received[2].find((one) => one.from === from && one.label === label)!;
        return decoded(message, code, compute).values as Uint8Array;
      });
      const jobs = sent.map((d, worker) => made[worker].get(key(d)));
      if (jobs.includes(undefined)) throw new Error(`${label}: what was sent is not what was computed`);
      const count = sent[0].length / digits;
      for (let i = 0; i < count; i++) {
        const d = sent.map((share) => share.subarray(i * digits, (i + 1) * digits));
        const zeros = Array.from(d[0].keys()).filter((j) => (d[0][j] + d[1][j]) % prime === 0);
        if (zeros.length > 1) found.push(`${label}: ${zeros.length} zeros in one comparison`);
        const name = `β' ${label}[${i}]`;
        let column = betaPrime.get(name);
        if (column === undefined) betaPrime.set(name, (column = new Uint8Array(runs.length)));
        column[at] = zeros.length;
        if (i * digits >= LOOKED_AT) continue;
        const [c0, c1] = (jobs as Compared[]).map((one) => sharesOfC(one, i));
        const { rho } = jobs[0]!.job;
        const c = c0.map((value, j) => (value + c1[j]) % prime);
        turns.push(zeros.length === 1 ? [mod(c.indexOf(0) - zeros[0], digits)] : [-1]);
        const [multipliers, refreshes]: [number[], number[]] = [[], []];
        for (let j = 0; j < digits; j++) {
          const place = mod(j - rho[i], digits);
          const inverse = inverses[c[j]];
          multipliers.push(c[j] === 0 ? -1 : ((d[0][place] + d[1][place]) * inverse) % prime);
          const refresh = mod(c1[j] * d[0][place] - c0[j] * d[1][place], prime);
          refreshes.push(c[j] === 0 ? -1 : (refresh * inverse) % prime);
        }
        s.push(multipliers);
        u.push(refreshes);
      }
    }
  }

  const neighbours = (rows: readonly number[][], of: (a: number, b: number) => number): number[] =>
    rows.slice(1).flatMap((row, i) => row.map((b, j) => (b < 0 || rows[i][j] < 0 ? -1 : of(rows[i][j], b))));
  const along = (rows: readonly number[][], of: (a: number, b: number) => number): number[] =>
    rows.flatMap((row) => row.slice(1).map((b, j) => (b < 0 || row[j] < 0 ? -1 : of(row[j], b))));
  const difference = (a: number, b: number): number => mod(a - b, prime);
  const ratio = (a: number, b: number): number => (a * inverses[b]) % prime;
  const there = (values: readonly number[]): number[] => values.filter((value) => value >= 0);
  const uniform = (what: string, values: readonly number[], cells: number): void => {
    found.push(...unevenness(what, histogram(there(values), cells)));
  };
  const unit = (what: string, values: readonly number[]): void => {
    found.push(...unevenness(what, histogram(there(values), prime).slice(1)));
    if (values.includes(0)) found.push(`${what} is 0`);
  };
  uniform('u', u.flat(), prime);
  uniform('u beside u of the next digit', along(u, difference), prime);
  uniform('u beside u of the next comparison', neighbours(u, difference), prime);
  unit('s', s.flat());
  unit('s beside s of the next digit', along(s, ratio));
  unit('s beside s of the next comparison', neighbours(s, ratio));
  const both = s.flatMap((row, i) => row.map((value, j) => (value < 1 ? -1 : (value - 1) * prime + u[i][j])));
  uniform('u beside s', both, (prime - 1) * prime);
  uniform('the rotation', turns.flat(), digits);
  uniform(
    'the rotation beside the next one',
    neighbours(turns, (a, b) => mod(a - b, digits)),
    digits,
  );

  const columns = [...betaPrime].map(([name, values]): Column => {
    const rest = { comparison: 0, place: 0, form: 'sent' } as const;
    return { name, received: true, kind: 'bits', values, group: name, ...rest };
  });
  return { columns, found };
}
