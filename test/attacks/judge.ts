/**
 * Whether what a party that cheats sees depends on anything but what is public, over many sessions of one protocol: by the checks of views
 * (`protocols/views/checks.ts`), in the lies' own terms. Sessions whose messages are the same ones, by sender, label and length, are looked at
 * together; in what way a session ends, too, may not depend on the inputs.
 */
import type { Compute, DigitCode } from '../../runtime/compute.ts';
import type { PartyId, PartyName } from '../../src/party/party.ts';
import {
  FAR,
  grouped,
  linearModulo,
  NEVER_SEEN,
  SPARE_RUNS,
  variables,
  wrongIn,
  wrongInFew,
} from '../protocols/views/checks.ts';
import { chiSquareLimit } from '../reference.ts';
import { type Column, columnsOf, purposeOf } from '../protocols/views/columns.ts';
import { compares } from '../protocols/views/compare.ts';
import { HOLDS, type Run } from '../protocols/views/record.ts';
import { VECTOR } from '../protocols/views/table.ts';
import type { Session } from './cheat.ts';

/** Fewer tell nothing. */
const LEAST = 8;
/** In so many all occurs that may. */
const OFTEN = 64;

/** What came to the party, and how it ended, without any value. */
function shapeOf(session: Session, id: PartyId): string {
  const messages = session.run.received[id].map(
    ({ from, label, data }) => `${from} ${label} ${data instanceof BigUint64Array ? 'u64' : 'u8'} ${data.length}`,
  );
  return [...messages.sort(), ...session.ends].join('\n');
}

/** What it sees opened: what it had sent its own part of when the session ended, which is its own affair. */
function openedBy({ run }: Session, by: PartyName): string {
  const id = Number(by[1]);
  if (id === 2) return '';
  const own = run.received[1 - id].filter(({ from }) => from === by);
  return own
    .map(({ label }) => label)
    .sort()
    .join('\n');
}

/** Of draws, those that all runs have: who is told of an end at once draws no more. */
function common(runs: readonly Run[], id: PartyId): Run[] {
  const draws = ([0, 1, 2] as const).map((pair) => {
    const [first, ...rest] = HOLDS[id].includes(pair)
      ? runs.map((run) => run.draws[pair])
      : [new Map<string, never[]>()];
    return [...first.keys()].filter((address) => {
      const sizes = (some: typeof first): string | undefined =>
        some
          .get(address)
          ?.map(({ kind, values }) => `${kind} ${values.length}`)
          .join();
      return rest.every((other) => sizes(other) === sizes(first));
    });
  });
  return runs.map((run) => ({
    ...run,
    draws: run.draws.map(
      (drawn, pair) => new Map(draws[pair].map((address) => [address, drawn.get(address)!])),
    ) as unknown as Run['draws'],
  }));
}

/** Two samples of one distribution. */
function differing({ name, kind, values }: Column, which: readonly (0 | 1)[]): string[] {
  const cells: ((value: number | bigint) => number)[] =
    kind === 'words'
      ? [(word) => Number((word as bigint) >> 60n), (word) => Number((word as bigint) & 15n)]
      : [(value) => value as number];
  return cells.flatMap((cellOf) => {
    const counts = [new Map<number, number>(), new Map<number, number>()];
    which.forEach((input, run) => {
      const cell = cellOf(values[run]);
      counts[input].set(cell, (counts[input].get(cell) ?? 0) + 1);
    });
    return apart(counts) ? [`${name} depends on the inputs`] : [];
  });
}

/** Whether two counts of the same cells are too far apart for chance: chi-square of two samples. */
export function apart([a, b]: readonly ReadonlyMap<unknown, number>[]): boolean {
  const total = (some: ReadonlyMap<unknown, number>): number =>
    [...some.values()].reduce((sum, count) => sum + count, 0);
  const [n, m] = [total(a), total(b)];
  const cells = new Set([...a.keys(), ...b.keys()]);
  if (n === 0 || m === 0 || cells.size < 2) return false;
  let found = 0;
  for (const cell of cells) {
    const [x, y] = [a.get(cell) ?? 0, b.get(cell) ?? 0];
    const [expectedA, expectedB] = [((x + y) * n) / (n + m), ((x + y) * m) / (n + m)];
    found += (x - expectedA) ** 2 / expectedA + (y - expectedB) ** 2 / expectedB;
  }
  return found > chiSquareLimit(cells.size - 1, FAR);
}

/** Bits of a comparison that P2 has from both workers, and whether there is a zero at all: what the inputs may not change. */
function comparisonsBy(sessions: readonly Session[], code: DigitCode, compute: Compute): string[] {
  const runs = sessions.map(({ run }) => run);
  const compared = [0, 1].map((worker) =>
    sessions.flatMap((session) => session.compared[worker]),
  ) as unknown as Session['compared'];
  const { columns, found } = compares({ runs, compared }, code, compute);
  const which = runs.map((run) => run.which);
  // Of few sessions some kinds of comparisons may not occur
  const seen = found.filter((one) => runs.length >= OFTEN || !one.endsWith(NEVER_SEEN));
  return [...seen, ...columns.flatMap((column) => differing(column, which))];
}

/** Zeros behind the last bit, or the last element of Z_p, of a message: the same in every session, so they tell nothing. */
function fillsUp({ received, kind, values }: Column): boolean {
  return received && kind !== 'words' && (values as Uint8Array).every((value) => value === 0);
}

/** The most elements of Z_p among which an equation is sought. */
function residuesTogether(columns: readonly Column[]): number {
  const residues = columns.filter(({ kind }) => kind === 'residues');
  const last = Math.max(...residues.map(({ place }) => place));
  const sizes = [
    residues.filter(({ comparison }) => comparison === 0).length,
    ...[0, last].map((wanted) => residues.filter(({ place }) => place === wanted).length),
  ];
  return Math.max(...sizes);
}

function together(sessions: readonly Session[], id: PartyId, code: DigitCode | undefined, compute: Compute): string[] {
  const runs = common(
    sessions.map(({ run }) => run),
    id,
  );
  const columns = columnsOf(runs, id, code, VECTOR, compute).filter((column) => !fillsUp(column));
  const which = runs.map((run) => run.which);
  const received = columns.filter((column) => column.received);
  if (received.length === 0) return [];
  const enough = runs.length >= variables(columns).length + SPARE_RUNS;
  const pairs = runs[0].received[2].filter(({ label }) => purposeOf(label) === 'd');
  const labels = new Set(pairs.map(({ label }) => label));
  return [
    ...(enough ? wrongIn(columns, VECTOR, runs.length, code?.prime) : wrongInFew(columns, VECTOR, code?.prime)),
    ...(enough && code !== undefined && runs.length >= residuesTogether(columns) + SPARE_RUNS
      ? linearModulo(columns, code.prime)
      : []),
    ...received.flatMap((column) => differing(column, which)),
    ...(id === 2 && code !== undefined && labels.size > 0 && pairs.length === 2 * labels.size
      ? comparisonsBy(sessions, code, compute)
      : []),
  ];
}

/** Everything that is wrong with what `by` saw in these sessions of one protocol, whatever it did in them. */
export function faults(
  sessions: readonly Session[],
  by: PartyName,
  code: DigitCode | undefined,
  compute: Compute,
): string[] {
  const id = Number(by[1]) as PartyId;
  const alike = grouped(sessions, (session) => `${shapeOf(session, id)}\n\n${openedBy(session, by)}`);
  return [...alike.values()].flatMap((some) => (some.length < LEAST ? [] : together(some, id, code, compute)));
}

/** Whether the sessions of one lie end in ways that depend on the inputs. */
export function endsDiffer(sessions: readonly Session[], by: PartyName): boolean {
  const id = Number(by[1]) as PartyId;
  const counts = ([0, 1] as const).map((which) => {
    const shapes = sessions.filter(({ run }) => run.which === which).map((session) => shapeOf(session, id));
    return new Map([...grouped(shapes, (shape) => shape)].map(([shape, some]) => [shape, some.length]));
  });
  return apart(counts);
}
