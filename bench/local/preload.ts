/**
 * Loaded into the processes of `local.ts` before anything else (`node --import`): a party leaves one line of JSON with what it did between
 * two of its steps. In a run of its own it counts (`counted.ts`), which slows it; in another one it samples its stack, and reads what the
 * system counts of its threads.
 */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import type { Reporter } from '../../src/server/reporter.ts';
import { Counter, standIn, type Count } from './counted.ts';

export interface ThreadTimes {
  /** Milliseconds on a core, ready to run without one. */
  readonly ranMs: number;
  readonly waitedMs: number;
  readonly voluntary: number;
  readonly involuntary: number;
}

export interface SystemCounts {
  readonly main: ThreadTimes;
  /** All other threads. */
  readonly others: ThreadTimes;
  readonly wallMs: number;
  readonly asleepMs: number;
  /** Of the process: calls that read and that write, pages touched for the first time. */
  readonly reads: number;
  readonly writes: number;
  readonly faults: number;
  /** V8's collections by kind: of young objects (new arrays cause them, too), of all, steps of marking. */
  readonly collections: Readonly<Record<Collection, { readonly count: number; readonly ms: number }>>;
}

export const COLLECTIONS = ['minor', 'major', 'incremental', 'weak'] as const;
export type Collection = (typeof COLLECTIONS)[number];

/** What one party measured of `steps` steps. */
export type Measured = { readonly party: string; readonly steps: number; readonly system: SystemCounts } & (
  | { readonly kind: 'counts'; readonly counts: readonly Count[] }
  | {
      readonly kind: 'samples';
      readonly profile: Profiler.Profile;
      /** Of exported kernels: their names, by the names that the profile has. */
      readonly kernels: Readonly<Record<string, string>>;
    }
);

const SAMPLE_MICROSECONDS = 250;
const file = process.env['SECURENN_LIMITS_FILE'];
const { SECURENN_LOCAL_DIST: root, SECURENN_LOCAL_MODE: mode, SECURENN_LOCAL_STEPS: between } = process.env;

if (
  file !== undefined &&
  root !== undefined &&
  isMainThread &&
  process.argv[1]?.endsWith('party-process.js') === true
) {
  const [from, to] = between!.split('-').map(Number);
  const counter = new Counter(root);
  const kernels: Record<string, string> = {};
  if (mode === 'counts') counter.install();
  else nameKernels(kernels);
  const collections: Seen[] = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) collections.push({ ms: entry.duration, kind: kindOf(entry) });
  }).observe({ entryTypes: ['gc'] });
  const session = new Session();
  let before: SystemCounts | undefined;
  const begin = (): void => {
    before = systemCounts(collections);
    if (mode === 'counts') return counter.start();
    session.connect();
    session.post('Profiler.enable');
    session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
    session.post('Profiler.start');
  };
  const end = (): void => {
    const system = difference(before!, systemCounts(collections));
    const common = { party: process.argv[2], steps: to - from, system };
    const leave = (measured: Measured): void => appendFileSync(file, `${JSON.stringify(measured)}\n`);
    if (mode === 'counts') return leave({ ...common, kind: 'counts', counts: counter.stop() });
    session.post('Profiler.stop', (error, { profile }) => {
      if (error !== null) throw error;
      leave({ ...common, kind: 'samples', profile, kernels });
    });
  };
  const { Reporter: Told } = (await import(new URL('src/server/reporter.js', root).href)) as {
    Reporter: typeof Reporter;
  };
  standIn(Told.prototype, 'report', (report, told, [event]: Parameters<Reporter['report']>) => {
    const step = event.kind === 'step' ? event.step : undefined;
    if (step === to) end();
    const done = report.call(told, event);
    if (step === from) begin();
    return done;
  });
}

/** An exported kernel's function is called by its number in profiles. */
function nameKernels(names: Record<string, string>): void {
  const { Instance } = WebAssembly;
  WebAssembly.Instance = new Proxy(Instance, {
    construct(target, args: ConstructorParameters<typeof Instance>) {
      const instance = new target(...args);
      const ring = 'gather' in instance.exports ? 'ring ' : '';
      for (const [name, value] of Object.entries(instance.exports))
        if (typeof value === 'function') names[`${ring}${value.name}`] = `${ring}${name}`;
      return instance;
    },
  });
}

interface Seen {
  readonly kind: Collection;
  readonly ms: number;
}

function kindOf(entry: object): Collection {
  const { kind } = (entry as { readonly detail: { readonly kind: number } }).detail;
  const kinds = new Map<number, Collection>([
    [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
    [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  ]);
  return kinds.get(kind) ?? 'weak';
}

function collectionCounts(of: (kind: Collection) => { count: number; ms: number }): SystemCounts['collections'] {
  return Object.fromEntries(COLLECTIONS.map((kind) => [kind, of(kind)])) as SystemCounts['collections'];
}

function systemCounts(seen: readonly Seen[]): SystemCounts {
  const io = fieldsOf('/proc/self/io');
  const main = threadTimes('/proc/self');
  const tasks = readdirSync('/proc/self/task').filter((task) => Number(task) !== process.pid);
  const others = tasks.map((task) => threadTimes(`/proc/self/task/${task}`));
  const sum = (of: keyof ThreadTimes): number => others.reduce((total, times) => total + times[of], 0);
  return {
    main,
    others: {
      ranMs: sum('ranMs'),
      waitedMs: sum('waitedMs'),
      voluntary: sum('voluntary'),
      involuntary: sum('involuntary'),
    },
    wallMs: performance.now(),
    asleepMs: performance.nodeTiming.idleTime,
    reads: io.get('syscr') ?? 0,
    writes: io.get('syscw') ?? 0,
    faults: process.resourceUsage().minorPageFault,
    collections: collectionCounts((wanted) => {
      const ofKind = seen.filter(({ kind }) => kind === wanted);
      return { count: ofKind.length, ms: ofKind.reduce((total, { ms }) => total + ms, 0) };
    }),
  };
}

/** @param folder of `/proc`; for a process: its main thread. A thread that has just ended counts nothing. */
function threadTimes(folder: string): ThreadTimes {
  try {
    const [ran, waited] = readFileSync(`${folder}/schedstat`, 'latin1').split(' ').map(Number);
    const status = fieldsOf(`${folder}/status`);
    return {
      ranMs: ran / 1e6,
      waitedMs: waited / 1e6,
      voluntary: status.get('voluntary_ctxt_switches') ?? 0,
      involuntary: status.get('nonvoluntary_ctxt_switches') ?? 0,
    };
  } catch {
    return { ranMs: 0, waitedMs: 0, voluntary: 0, involuntary: 0 };
  }
}

function fieldsOf(path: string): Map<string, number> {
  const lines = readFileSync(path, 'latin1').split('\n');
  return new Map(lines.map((line) => [line.split(':')[0], Number(line.split(':')[1])]));
}

function difference(before: SystemCounts, after: SystemCounts): SystemCounts {
  const threads = (a: ThreadTimes, b: ThreadTimes): ThreadTimes => ({
    ranMs: b.ranMs - a.ranMs,
    waitedMs: b.waitedMs - a.waitedMs,
    voluntary: b.voluntary - a.voluntary,
    involuntary: b.involuntary - a.involuntary,
  });
  return {
    main: threads(before.main, after.main),
    others: threads(before.others, after.others),
    wallMs: after.wallMs - before.wallMs,
    asleepMs: after.asleepMs - before.asleepMs,
    reads: after.reads - before.reads,
    writes: after.writes - before.writes,
    faults: after.faults - before.faults,
    collections: collectionCounts((kind) => ({
      count: after.collections[kind].count - before.collections[kind].count,
      ms: after.collections[kind].ms - before.collections[kind].ms,
    })),
  };
}
