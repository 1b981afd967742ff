/**
 * `securenn bench tables`: measures what the paper's tables show, on links shaped as its LAN and WAN, and sets ours beside it. What was
 * measured is written even when the run ends early.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from 'yargs';
import { writeFileAtomically } from '../../data/atomic-write.ts';
import { loadDataset } from '../../data/mnist.ts';
import { needPackage } from '../../data/packages.ts';
import { Problem } from '../../data/problem.ts';
import { PartyNews } from '../party-news.ts';
import { readTrainSettings, trainOptions } from '../options/training.ts';
import { checkWritable } from '../output.ts';
import { duration } from '../progress.ts';
import { machineCard } from '../report.ts';
import { type Argv, optionalText, text } from '../options/values.ts';
import { panelsOf, toSvg } from './chart.ts';
import { run, type Measured, type Task } from './measure.ts';
import { readPublished, type Published } from './published.ts';
import { toJson, toMarkdown, type Run } from './render.ts';
import { FULL, makeTable, QUICK, TABLES, tasksFor, type TableName } from './tables.ts';

const { suite, truncation, workers, timeout } = trainOptions;

export const benchOptions: Readonly<Record<string, Options>> = {
  quick: { type: 'boolean', group: 'Task:', default: false, describe: 'Few repetitions: less than 5 minutes' },
  tables: { ...text, group: 'Task:', default: TABLES.join(','), describe: 'Which of the paper’s tables' },
  ...{ suite, truncation, workers, timeout },
  out: {
    ...text,
    group: 'Results:',
    default: 'bench-tables',
    describe: 'Folder for tables.md, tables.json and tables.svg (overwrites)',
  },
};

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
  mkdirSync(folder, { recursive: true });
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
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const operations = published.micro.map(({ operation }) => operation);
  const setting = { options, data, operations, signal, news: new PartyNews(say) };
  let complete = false;
  try {
    for (const [i, task] of tasks.entries()) {
      const began = performance.now();
      await run(task, setting, (key, measured) => measurements.set(key, measured));
      const [took, all] = [began, started].map((from) => (performance.now() - from) / 1000);
      say(`${i + 1}/${tasks.length} · ${inWords(task)} · ${took.toFixed(1)} s · ${duration(all)} so far`);
    }
    complete = true;
  } finally {
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
  process.stdout.write(markdown);
  say(
    `${result.complete ? 'written' : 'ended early; what was measured is written'}: ${Object.keys(files).join(', ')} in ${folder}`,
  );
}
