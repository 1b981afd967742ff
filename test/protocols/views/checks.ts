/**
 * Whether what a party receives is uniform, and independent of all that it knows and of everything else that it receives. Each check answers
 * with what it found wrong, in words; nothing means that all is well.
 *
 * frequency  Every bit of every vector of words, and every element of Z_p at every place of a comparison, is as often each of its values.
 * pairs      No two variables of which one is received are affine images of each other, a·x + b with a unit a: a difference, a sum or a
 *            multiple that is always the same. Over Z_{2^64} and Z_p, all pairs.
 * near       No sum and no difference of two words of one element, of which one is received, favours a part of the ring.
 * linear     No received variable is a linear function, with a constant, of any number of others: over Z_2 of lowest bits (an equation over
 *            Z_{2^64} with an odd coefficient holds there, too), of bits, and of all bits of what is opened; over Z_p within a comparison and
 *            at a place of all comparisons.
 *
 * Of what is sound, `frequency` fails with probability 1e-15 a variable (eight standard deviations), `linear` with 2^-64 a basis, `pairs` with
 * 2^-60 a pair. The keys are fixed, so a check passes or fails for good.
 */
import { chiSquare, chiSquareLimit } from '../../reference.ts';
import type { Column } from './columns.ts';

/** Standard deviations. */
export const FAR = 8;
/** More runs than variables, so that chance makes no equation. */
export const SPARE_RUNS = 64;
/** Opened words of a message of which all bits are variables, and the bits of other words that are. */
const WHOLE_WORDS = 4;
const SOME_BITS = [0, 31, 63];
/** Of opened words: those that comparisons read as a sign, and their neighbours. */
const OPENED_BITS = [0, 31, 32, 33, 46, 47, 48, 60, 61, 62, 63];

/** There was nothing to count. */
export const NEVER_SEEN = ': never seen';

/** Counts of what is to be uniform over the cells. */
export function unevenness(what: string, counts: ArrayLike<number>): string[] {
  if (Array.from(counts).every((count) => count === 0)) return [what + NEVER_SEEN];
  const found = chiSquare(counts);
  const most = chiSquareLimit(counts.length - 1, FAR);
  return found <= most ? [] : [`${what}: chi-square ${found.toFixed(0)} of at most ${most.toFixed(0)}`];
}

export function histogram(values: Iterable<number>, cells: number): number[] {
  const counts = new Array<number>(cells).fill(0);
  for (const value of values) counts[value]++;
  return counts;
}

export function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function frequency(columns: readonly Column[], prime: number | undefined): string[] {
  const received = columns.filter((column) => column.received);
  return [...grouped(received, ({ group }) => group)].flatMap(([name, members]) => {
    const [{ kind }] = members;
    if (kind === 'residues') {
      const counts = new Array<number>(prime!).fill(0);
      for (const { values } of members) for (const value of values as Uint8Array) counts[value]++;
      return unevenness(name, counts);
    }
    if (kind === 'bits') return members.flatMap(({ name: bit, values }) => evenBits(bit, [values as Uint8Array], 0));
    const halves = members.map(
      ({ values: { buffer, byteOffset, length } }) => new Uint32Array(buffer, byteOffset, 2 * length),
    );
    return Array.from({ length: 64 }, (_, bit) => evenBits(name, halves, bit)).flat();
  });
}

/** Bit `bit` of every element: of bytes, or of words as two halves each. */
function evenBits(name: string, arrays: readonly (Uint8Array | Uint32Array)[], bit: number): string[] {
  let ones = 0;
  let total = 0;
  const [step, start] = arrays[0] instanceof Uint32Array ? [2, bit >>> 5] : [1, 0];
  for (const array of arrays) {
    for (let i = start; i < array.length; i += step, total++) ones += (array[i] >>> (bit & 31)) & 1;
  }
  const deviation = Math.abs(ones - total / 2) / Math.sqrt(total / 4);
  return deviation <= FAR ? [] : [`${name}: bit ${bit} is 1 in ${ones} of ${total}`];
}

/** Runs that tell two variables apart. */
const TELLING = 64;

/** Of elements of Z_p fewer are alike by chance, but for a factor and a difference. */
const ENOUGH = 16;

/** The inverse of an odd number modulo 2^32. */
function inverse32(odd: number): number {
  let inverse = odd;
  for (let i = 0; i < 4; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}

function inverseModulo(value: number, prime: number): number {
  let inverse = 1;
  while ((inverse * value) % prime !== 1) inverse++;
  return inverse;
}

/** The same for a·x + b with a unit a as for x; undefined for a constant. */
function fingerprint({ kind, values }: Column, prime: number | undefined): string | undefined {
  if (kind === 'residues') {
    const differences = Array.from(
      values.subarray(0, TELLING) as Uint8Array,
      (value) => (value - Number(values[0]) + prime!) % prime!,
    );
    const first = differences.find((value) => value !== 0);
    if (first === undefined) return undefined;
    const inverse = inverseModulo(first, prime!);
    return `Z_p ${differences.map((value) => (value * inverse) % prime!).join(' ')}`;
  }
  const runs = Math.min(TELLING, values.length);
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * runs); // low halves at even places
  const differences = Array.from({ length: runs }, (_, i) => (words[2 * i] - words[0]) | 0);
  const first = differences.find((value) => (value & 1) === 1);
  if (first === undefined) return differences.every((value) => value === 0) ? undefined : 'even';
  const inverse = inverse32(first);
  return differences.map((value) => Math.imul(value, inverse)).join(' ');
}

function pairs(columns: readonly Column[], prime: number | undefined): string[] {
  const seen = new Map<string, Column>();
  return columns.flatMap((column) => {
    if (column.kind === 'bits') return [];
    if (column.kind === 'residues' && column.values.length < ENOUGH) return [];
    const print = fingerprint(column, prime);
    if (print === 'even' && column.values.length < TELLING) return []; // by chance
    if (print === undefined || print === 'even')
      return column.received ? [`${column.name}: ${print ?? 'constant'}`] : [];
    const other = seen.get(print);
    if (other === undefined) seen.set(print, column);
    return other !== undefined && column.received ? [`${column.name} follows from ${other.name}`] : [];
  });
}

/** Bits at the top of a word, as a number: what a difference or a sum of two words has there. */
const TOP_BITS = 4;

/**
 * No sum and no difference of two words of one element, of which one is received, is mostly near the same value, and so none keeps to a part of the
 * ring.
 */
function near(columns: readonly Column[], vector: number): string[] {
  const words = columns.filter(({ kind }) => kind === 'words');
  const tops = words.map(({ values: { buffer, byteOffset, length } }) =>
    new Uint32Array(buffer, byteOffset, 2 * length).filter((_, i) => i % 2 === 1),
  );
  return words.flatMap(({ name, received, place }, i) =>
    words.slice(0, i).flatMap((other, j) => {
      if (other.place % vector !== place % vector || !(received || other.received)) return [];
      // Of the upper halves alone: a carry from below does no more than one does.
      const [sums, differences] = [new Uint32Array(1 << TOP_BITS), new Uint32Array(1 << TOP_BITS)];
      for (let run = 0; run < tops[i].length; run++) {
        sums[(tops[i][run] + tops[j][run]) >>> (32 - TOP_BITS)]++;
        differences[(tops[i][run] - tops[j][run]) >>> (32 - TOP_BITS)]++;
      }
      return [...unevenness(`${name} + ${other.name}`, sums), ...unevenness(`${name} − ${other.name}`, differences)];
    }),
  );
}

interface Variable {
  readonly name: string;
  readonly received: boolean;
  /** A bit a run. */
  readonly bits: Uint32Array;
}

function variable(name: string, received: boolean, runs: number, bit: (run: number) => number): Variable {
  const bits = new Uint32Array(Math.ceil(runs / 32));
  for (let run = 0; run < runs; run++) bits[run >>> 5] |= bit(run) << (run & 31);
  return { name, received, bits };
}

/** The variables over Z_2 of a view. */
export function variables(columns: readonly Column[]): Variable[] {
  return columns.flatMap(({ name, received, kind, values, form, place }) => {
    const runs = values.length;
    if (kind === 'residues' || form === 'kept') return [];
    if (kind === 'bits') return [variable(name, received, runs, (run) => Number(values[run]))];
    const halves = new Uint32Array(values.buffer, values.byteOffset, 2 * runs);
    const whole = form === 'opened' && place < WHOLE_WORDS;
    const some = form === 'opened' ? OPENED_BITS : received ? SOME_BITS : [0];
    const bits = whole ? Array.from({ length: 64 }, (_, i) => i) : some;
    return bits.map((bit) =>
      variable(`${name} bit ${bit}`, received, runs, (run) => (halves[2 * run + (bit >>> 5)] >>> (bit & 31)) & 1),
    );
  });
}

/** Over Z_2. Variables that are known come first. */
export function linear(all: readonly Variable[], runs: number): string[] {
  if (runs < all.length + SPARE_RUNS) throw new Error(`${all.length} variables need ${all.length + SPARE_RUNS} runs`);
  const basis: { readonly bits: Uint32Array; readonly at: number; readonly mask: number }[] = [];
  const found: string[] = [];
  const constant = variable('1', false, runs, () => 1);
  for (const { name, received, bits: given } of [constant, ...all]) {
    const bits = given.slice();
    for (const { bits: other, at, mask } of basis) {
      if ((bits[at] & mask) !== 0) for (let i = 0; i < bits.length; i++) bits[i] ^= other[i];
    }
    const at = bits.findIndex((word) => word !== 0);
    if (at >= 0) basis.push({ bits, at, mask: bits[at] & -bits[at] });
    else if (received) found.push(`${name} is a sum of others, or constant`);
  }
  return found;
}

/** Over Z_p: within the first comparison, and at the first and the last place of all. */
export function linearModulo(columns: readonly Column[], prime: number): string[] {
  const residues = columns.filter(({ kind }) => kind === 'residues');
  const last = Math.max(...residues.map(({ place }) => place));
  const sets = [
    residues.filter(({ comparison }) => comparison === 0),
    ...[0, last].map((wanted) => residues.filter(({ place }) => place === wanted)),
  ];
  return sets.flatMap((set) => dependent(set, prime));
}

function dependent(columns: readonly Column[], prime: number): string[] {
  if (columns.length === 0) return [];
  const runs = Math.min(columns[0].values.length, columns.length + SPARE_RUNS);
  if (runs < columns.length + SPARE_RUNS / 4)
    throw new Error(`${columns.length} variables are more than ${runs} runs tell`);
  const basis: { readonly row: Int32Array; readonly at: number }[] = [];
  const constant = { name: '1', received: false, values: new Uint8Array(runs).fill(1) };
  return [constant, ...columns].flatMap(({ name, received, values }) => {
    const row = Int32Array.from(values.subarray(0, runs) as Uint8Array);
    for (const { row: other, at } of basis) {
      const factor = prime - (row[at] % prime);
      // Reduced below: 100,000 products of two elements of Z_p are less than 2^31.
      if (factor < prime) for (let i = 0; i < runs; i++) row[i] += Math.imul(factor, other[i]);
    }
    for (let i = 0; i < runs; i++) row[i] %= prime;
    const at = row.findIndex((value) => value !== 0);
    if (at < 0) return received ? [`${name} is a sum of others modulo ${prime}, or constant`] : [];
    const inverse = inverseModulo(row[at], prime);
    for (let i = 0; i < runs; i++) row[i] = (row[i] * inverse) % prime;
    basis.push({ row, at });
    return [];
  });
}

/** Of too few runs for equations. @param vector words that are pooled */
export function wrongInFew(columns: readonly Column[], vector: number, prime?: number): string[] {
  return [...frequency(columns, prime), ...pairs(columns, prime), ...near(columns, vector)];
}

/** All checks but `linearModulo`, which is for columns of comparisons. @param vector words that are pooled */
export function wrongIn(columns: readonly Column[], vector: number, runs: number, prime?: number): string[] {
  return [...wrongInFew(columns, vector, prime), ...linear(variables(columns), runs)];
}
