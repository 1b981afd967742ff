/**
 * Row maximum and its index by trees (PROTOCOLS §3).
 *
 * rowMaximum      (m,n) → (m,1).   Each level compares groups of two or three side by side (`largest.ts`), in the rounds of one ReLU: as few
 *                                  levels as threes take, and of those the fewest comparisons (`planOf`). Entries may be products; a level
 *                                  of groups of g adds g − 1 fractional bits. It is an entry, less than an ulp a level below the largest one.
 *                                  In the paper suite and with local truncation by pairs (`maxpoolTree.ts`), and no bits are added.
 * indexOfMaximum  (m,n) → (m,1).   By pairs, max(x, y) = y + ReLU(x − y), and one more select a level with the bits already compared,
 *                                  while the next level compares; ties go to the left.
 *
 * Differences of two entries must lie inside the comparison window.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence } from '../party/cost.ts';
import type { Engine, Sign, Value } from '../engine/engine.ts';
import { maxpoolTree, treeCost } from './maxpoolTree.ts';

/** Of groups that the row maximum compares. */
const SIZES = [2, 3];

export async function rowMaximum(engine: Engine, x: Value): Promise<Value> {
  // Columns as rows, which are views.
  let rows = engine.transpose(x);
  if (!inGroups(engine)) rows = (await maxpoolTree(engine, rows)).y;
  for (const { size, groups } of planOf(rows.shape[0]).levels) {
    const [n] = rows.shape;
    const starts = Array.from({ length: size }, (_, i) => Math.min(i * groups, n - groups));
    const largest = await engine.largest(starts.map((from) => engine.slice(rows, from, from + groups)));
    const waits = n - size * groups;
    rows =
      waits > 0 ? engine.concatRows([largest, engine.extend(engine.slice(rows, n - waits, n), size - 1)]) : largest;
  }
  return engine.reshape(rows, [x.shape[0], 1]);
}

/** Whether entries are compared in groups, for which they may be products. */
export function inGroups({ suite, truncation }: Pick<Engine, 'suite' | 'truncation'>): boolean {
  return suite === 'direct' && truncation === 'dealt';
}

/** A level on the way from many entries to one: groups of `size`. What is left over waits for the next, or is in two groups. */
interface GroupLevel {
  readonly size: number;
  readonly groups: number;
}

interface Plan {
  readonly levels: readonly GroupLevel[];
  readonly comparisons: number;
}

/** Of numbers of entries that were asked for. */
const plans = new Map<number, Plan>([[1, { levels: [], comparisons: 0 }]]);

/** Of n entries: the fewest levels, and of those the fewest comparisons. */
function planOf(n: number): Plan {
  const before = plans.get(n);
  if (before !== undefined) return before;
  const levels = SIZES.filter((size) => size <= n).flatMap((size) =>
    [Math.floor(n / size), Math.ceil(n / size)].map((groups) => ({ size, groups })),
  );
  const found = levels.map((level): Plan => {
    const { size, groups } = level;
    const after = planOf(groups + Math.max(0, n - size * groups));
    const comparisons = (groups * size * (size - 1)) / 2 + after.comparisons;
    return { levels: [level, ...after.levels], comparisons };
  });
  const best = found.reduce((a, b) =>
    (b.levels.length - a.levels.length || b.comparisons - a.comparisons) < 0 ? b : a,
  );
  plans.set(n, best);
  return best;
}

export async function indexOfMaximum(engine: Engine, x: Value): Promise<Value> {
  const [m, n] = x.shape;
  let current = x;
  let carried: Value = engine.constant(
    [m, n],
    Array.from({ length: m * n }, (_, i) => i % n),
    0,
  );
  /** Of the level before the one under way. */
  let larger: Sign | undefined;
  const takeStep = async (fork: Engine): Promise<void> => {
    if (larger === undefined) return;
    const { left, right, rest } = pair(fork, carried);
    const chosen = await fork.select(larger, fork.sub(left, right));
    carried = join(fork, fork.add(right, chosen), rest);
  };
  while (current.shape[1] > 1) {
    const { left, right, rest } = pair(engine, current);
    const [{ y, sign }] = await engine.all([(fork) => fork.relu(engine.sub(left, right)), takeStep]);
    current = join(engine, engine.add(right, y), rest);
    larger = sign;
  }
  await takeStep(engine);
  return carried;
}

/** Neighbouring columns against each other, so that ties keep going to the left; an odd last one waits for the next level. */
function pair(engine: Engine, x: Value): { left: Value; right: Value; rest: Value | undefined } {
  const n = x.shape[1];
  const even = n - (n % 2);
  return {
    left: engine.columns(x, 0, even, 2),
    right: engine.columns(x, 1, even, 2),
    rest: n % 2 === 1 ? engine.columns(x, n - 1, n) : undefined,
  };
}

function join(engine: Engine, x: Value, rest: Value | undefined): Value {
  return rest === undefined ? x : engine.concatColumns([x, rest]);
}

/** Fractional bits that the maximum of n entries has more than they. */
export function growth(engine: Pick<Engine, 'suite' | 'truncation'>, n: number): number {
  return inGroups(engine) ? planOf(n).levels.reduce((bits, { size }) => bits + size - 1, 0) : 0;
}

/** `drop`: the entries' surplus fractional bits. */
export function rowMaximumCost(model: CostModel, m: number, n: number, drop = 0): Cost {
  if (!inGroups(model)) return treeCost(model, n, m, drop);
  let bits = drop;
  const costs = planOf(n).levels.map(({ size, groups }) => {
    const cost = model.largest(m * groups, size, bits);
    bits += size - 1;
    return cost;
  });
  return inSequence(...costs);
}

export function indexCost(model: CostModel, m: number, n: number): Cost {
  if (n === 1) return FREE;
  const comparisons = treeCost(model, n, m, 0);
  // Every select but the last is beside the next level's comparisons.
  const { rounds, bytes } = model.select(m * (n - 1));
  return { rounds: comparisons.rounds + rounds, bytes: comparisons.bytes + bytes };
}
