/**
 * `securenn bench tables`: measures what the paper's tables show, on links shaped as its LAN and WAN, and sets ours beside it. What was
 * measured is written even when the run ends early.
 */
import { join } from 'node:path';
import type { Options } from 'yargs';
import { writeFileAtomically } from '../../data/atomic-write.ts';
import { loadDataset } from '../../data/load.ts';
import { needPackage } from '../../data/packages.ts';
import { makeFolderSync } from '../../data/folders.ts';
import { Problem } from '../../data/problem.ts';
import { PartyNews } from '../party-news.ts';
import { readTrainSettings, trainOptions } from '../options/training.ts';
import { checkWritable } from '../output.ts';
import { calibrate } from '../estimate/calibrate.ts';
import { widthOf, wrapText } from '../layout.ts';
import { duration } from '../progress.ts';
import { machineCard } from '../report.ts';
import { type Argv, number, optionalText, real, text } from '../options/values.ts';
import { panelsOf, toSvg } from './chart.ts';
import { Budget, busyWarning, forecast } from './forecast.ts';
import { run, type Measured, type Task } from './measure.ts';
import { readPublished, type Published } from './published.ts';
import { toJson, toMarkdown, type Run } from './render.ts';
import { FULL, makeTable, QUICK, TABLES, tasksFor, type TableName } from './tables.ts';

const { suite, truncation, workers, timeout } = trainOptions;

export const benchOptions: Readonly<Record<string, Options>> = {
  quick: { type: 'boolean', group: 'Task:', default: false, describe: 'Few repetitions, in 5 minutes at most' },
  tables: { ...text, group: 'Task:', default: TABLES.join(','), describe: 'Which of the paper’s tables' },
  ...{ suite, truncation, workers, timeout },
  minutes: {
    ...number,
    group: 'Task:',
    defaultDescription: 'no limit; --quick: 5',
    describe: 'Leave out what does not fit into so many minutes',
  },
  out: {
    ...text,
    group: 'Results:',
    default: 'bench-tables',
    describe: 'Folder for tables.md, tables.json and tables.svg (overwrites)',
  },
};

const QUICK_MINUTES = 5;
/** A year. */
const NO_LIMIT = 525_600;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Options of sessions that these commands do not offer. */
const FIXED: Argv = { backend: 'auto', loss: 'softmax', optimizer: 'sgd', data: 'mnist' };

export function readTables(argv: Argv): TableName[] {
  const typed = (optionalText(argv, 'tables') ?? '').split(',');
  const unknown = typed.find((name) => !TABLES.some((table) => table === name));
  if (unknown !== undefined) {
    throw new Problem(
      `--tables: expected some of ${TABLES.join(', ')}, separated by commas, found "${unknown}"`,
      'leave --tables out for all of them',
    );
  }
  return TABLES.filter((table) => typed.includes(table));
}

export async function benchTables(argv: Argv, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const names = readTables(argv);
  const folder = optionalText(argv, 'out')!;
  needPackage('echarts', 'bench tables');
  await checkWritable('out', join(folder, 'tables.json'));
  makeFolderSync(folder);
  const options = {
    ...FIXED,
    suite: argv.suite,
    truncation: argv.truncation,
    workers: argv.workers,
    timeout: argv.timeout,
  };
  const settings = readTrainSettings({ ...options, network: 'A', steps: 1 });
  const quick = argv.quick === true;
  const published = readPublished();
  const tasks = tasksFor(names, published, quick ? QUICK : FULL);
  const data = await loadDataset('mnist');

  const measurements = new Map<string, Measured>();
  const say = (line: string): void => void process.stderr.write(`${wrapText(line, widthOf(process.stderr))}\n`);
  const operations = published.micro.map(({ operation }) => operation);
  const setting = { options, data, operations, signal, news: new PartyNews(say) };
  const warning = busyWarning();
  if (warning !== undefined) say(warning);
  const limit =
    60 *
    real(
      argv,
      'minutes',
      'a number above 0, at most a year',
      (x) => x > 0 && x <= NO_LIMIT,
      quick ? QUICK_MINUTES : NO_LIMIT,
    );
  const forecasts = await forecast(tasks, settings, await calibrate(settings), operations);
  const sum = duration(forecasts.reduce((all, seconds) => all + seconds, 0));
  const bound = limit === 60 * NO_LIMIT ? '' : `, in ${duration(limit)} at most`;
  say(`${tasks.length} parts, about ${sum}${bound}`);

  const leftOut: string[] = [];
  let complete = false;
  try {
    const budget = new Budget(limit);
    const elapsed = (): number => (performance.now() - started) / 1000;
    for (const [i, task] of tasks.entries()) {
      const began = elapsed();
      const part = `${i + 1}/${tasks.length} · ${inWords(task)}`;
      if (!budget.fits(forecasts[i], began)) {
        leftOut.push(inWords(task));
        continue;
      }
      const whole = await withinTime(signal, budget.left(began), (until) =>
        run(task, { ...setting, signal: until }, (key, measured) => measurements.set(key, measured)),
      );
      budget.took(elapsed() - began, forecasts[i]);
      if (!whole) leftOut.push(inWords(task));
      const took = whole ? `${(elapsed() - began).toFixed(1)} s` : 'stopped, for time';
      const rest = budget.expects(forecasts.slice(i + 1).reduce((all, seconds) => all + seconds, 0));
      const left = Math.min(rest, budget.left(elapsed()));
      say(`${part} · ${took} · ${duration(elapsed())} so far, about ${duration(left)} left`);
    }
    complete = leftOut.length === 0;
  } finally {
    if (leftOut.length > 0) say(`left out, for time: ${leftOut.join('; ')} (give more --minutes)`);
    const result: Run = {
      date: new Date().toISOString(),
      machine: machineCard(),
      suite: settings.suite,
      truncation: settings.truncation,
      workers: settings.workers,
      quick,
      complete,
      seconds: (performance.now() - started) / 1000,
      measurements,
      tables: names.map((name) => makeTable(name, published, measurements)),
    };
    if (measurements.size > 0) await write(folder, result, published, say);
  }
}

/** Whether a part came to its end in time; what it has measured until then is kept. */
async function withinTime(
  signal: AbortSignal,
  seconds: number,
  part: (until: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error('the time is up')), Math.min(1000 * seconds, LONGEST_TIMER_MS));
  try {
    await part(AbortSignal.any([signal, late.signal]));
    return true;
  } catch (error) {
    if (signal.aborted || !late.signal.aborted) throw error;
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function inWords(task: Task): string {
  const link = task.link.toUpperCase();
  switch (task.kind) {
    case 'train':
      return `training ${task.network}, ${link}, ${task.steps} steps`;
    case 'infer':
      return `inference ${task.network}, ${link}, ${task.batch === 1 ? '1 image' : `${task.batch} images`}`;
    case 'micro':
      return `single protocols, ${link}`;
  }
}

async function write(folder: string, result: Run, published: Published, say: (line: string) => void): Promise<void> {
  const markdown = toMarkdown(result, published);
  const { cpu, cores } = result.machine;
  const caption = `securenn and the paper · ${cpu}, ${cores} cores · ${result.date.slice(0, 10)}${result.complete ? '' : ' · ended early'}`;
  const files = {
    'tables.json': toJson(result, published),
    'tables.md': markdown,
    'tables.svg': await toSvg(panelsOf(result.tables), caption),
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFileAtomically(join(folder, name), new TextEncoder().encode(content));
  }
  process.stdout.write(toMarkdown(result, published, widthOf(process.stdout)));
  say(
    `${result.complete ? 'written' : 'ended early; what was measured is written'}: ${Object.keys(files).join(', ')} in ${folder}`,
  );
}
