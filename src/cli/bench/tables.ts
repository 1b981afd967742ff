/** The paper's Tables 3, 6, 7 and 8 from what was measured: ours beside the published figures. Pure. */
import { stepsPerEpoch } from '../../nn/train.ts';
import { keyOf, type LinkName, type Measured, type Task } from './measure.ts';
import type { NetworkName, Published } from './published.ts';

export const TABLES = ['3', '6', '7', '8'] as const;
export type TableName = (typeof TABLES)[number];
export const LINK_NAMES: readonly LinkName[] = ['lan', 'wan'];

/** Null: not measured, or not published. */
export type Cell = string | number | null;

export interface Table {
  readonly name: TableName;
  readonly title: string;
  /** What a reader must know to compare. */
  readonly notes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export type Measurements = ReadonlyMap<string, Measured>;

export interface Effort {
  readonly steps: Readonly<Record<NetworkName, number>>;
  readonly batches: number;
  readonly repetitions: number;
}

export const FULL: Effort = { steps: { A: 21, B: 11, C: 11, D: 21 }, batches: 5, repetitions: 10 };
export const QUICK: Effort = { steps: { A: 6, B: 3, C: 3, D: 6 }, batches: 2, repetitions: 3 };

const BATCH = 128;
/** MNIST. */
const TRAINING_IMAGES = 60_000;

/** The sessions that these tables need, each once. */
export function tasksFor(tables: readonly TableName[], published: Published, effort: Effort): Task[] {
  const tasks: Task[] = [];
  const infer = (network: NetworkName, link: LinkName, batch: number): void => {
    const known = tasks.some(
      (t) => t.kind === 'infer' && t.network === network && t.link === link && t.batch === batch,
    );
    if (!known) tasks.push({ kind: 'infer', network, link, batch, batches: effort.batches });
  };
  const networks = (rows: readonly { network: NetworkName }[]): NetworkName[] => [
    ...new Set(rows.map(({ network }) => network)),
  ];
  for (const link of LINK_NAMES) {
    if (tables.includes('8')) tasks.push({ kind: 'micro', link, repetitions: effort.repetitions });
    if (tables.includes('6') && link === 'lan') {
      for (const network of networks(published.systems)) infer(network, link, 1);
    }
    if (tables.includes('7')) {
      for (const network of networks(published.inference)) for (const batch of [1, BATCH]) infer(network, link, batch);
    }
    if (tables.includes('3')) {
      for (const network of networks(published.training))
        tasks.push({ kind: 'train', network, link, steps: effort.steps[network] });
    }
  }
  return tasks;
}

export function makeTable(name: TableName, published: Published, measurements: Measurements): Table {
  switch (name) {
    case '3':
      return table3(published, measurements);
    case '6':
      return table6(published, measurements);
    case '7':
      return table7(published, measurements);
    case '8':
      return table8(published, measurements);
  }
}

/** Three significant digits, as a number. */
export function significant(x: number): number {
  return Number(x.toPrecision(3));
}

/** What `of` takes from a measurement, if there is one. */
function cell(measurement: Measured | undefined, of: (m: Measured) => number | undefined): number | null {
  const value = measurement && of(measurement);
  return value === undefined ? null : significant(value);
}

/** How many times theirs ours is better. */
function gain(theirs: number, ours: number | null): number | null {
  return ours === null || ours === 0 ? null : significant(theirs / ours);
}

function table3(published: Published, measurements: Measurements): Table {
  const perEpoch = stepsPerEpoch(TRAINING_IMAGES, BATCH);
  return {
    name: '3',
    title: 'Table 3: training on MNIST, batch 128, hours',
    notes: [
      `Hours are seconds a step times ${perEpoch} steps an epoch, as the paper's are from 10 steps. Accuracies are the paper's: ours need whole trainings (README).`,
    ],
    columns: [
      ...['network', 'epochs', 'accuracy %, paper'],
      ...['LAN s a step', 'LAN h', 'LAN h, paper', 'LAN gain'],
      ...['WAN s a step', 'WAN h', 'WAN h, paper', 'WAN gain', 'MB a step', 'rounds a step'],
    ],
    rows: published.training.map(({ network, epochs, accuracyPercent, lanHours, wanHours }) => {
      const [lan, wan] = LINK_NAMES.map((link) => measurements.get(keyOf.train(network, link)));
      const step = (m: Measured | undefined): number | null => cell(m, ({ seconds }) => seconds.median);
      const hours = (m: Measured | undefined): number | null =>
        cell(m, ({ seconds }) => (seconds.median * perEpoch * epochs) / 3600);
      return [
        ...[network, epochs, accuracyPercent],
        ...[step(lan), hours(lan), lanHours, gain(lanHours, hours(lan))],
        ...[step(wan), hours(wan), wanHours, gain(wanHours, hours(wan))],
        cell(lan ?? wan, ({ bytes }) => bytes / 1e6),
        cell(lan ?? wan, ({ onlineRounds }) => onlineRounds),
      ];
    }),
  };
}

const FIRST_NOTE =
  'The first prediction of a session runs cold. Every other one is what the columns without "first" show.';

function table6(published: Published, measurements: Measurements): Table {
  const networks = [...new Set(published.systems.map(({ network }) => network))];
  const rows = networks.flatMap((network): Cell[][] => {
    const measured = measurements.get(keyOf.infer(network, 'lan', 1));
    const ours: Cell[][] = [
      [network, 'securenn', cell(measured, (m) => m.seconds.median), cell(measured, (m) => m.bytes / 1e6)],
      [
        network,
        'securenn, first',
        cell(measured, (m) => m.first?.seconds),
        cell(measured, (m) => m.first && m.first.bytes / 1e6),
      ],
    ];
    const theirs = published.systems
      .filter((row) => row.network === network)
      .map(({ system, seconds, megabytes }): Cell[] => [network, `${system} (paper)`, seconds, megabytes]);
    return [...theirs, ...ours];
  });
  return {
    name: '6',
    title: 'Table 6: prediction for one image, LAN',
    notes: [FIRST_NOTE],
    columns: ['network', 'system', 'seconds', 'MB'],
    rows,
  };
}

function table7(published: Published, measurements: Measurements): Table {
  const rows = published.inference.flatMap(({ network, lanSeconds, wanSeconds, megabytes }) =>
    [1, BATCH].map((batch, i): Cell[] => {
      const [lan, wan] = LINK_NAMES.map((link) => measurements.get(keyOf.infer(network, link, batch)));
      const seconds = (m: Measured | undefined): number | null => cell(m, (x) => x.seconds.median);
      return [
        ...[network, batch],
        ...[seconds(lan), cell(lan, (m) => m.first?.seconds), lanSeconds[i], gain(lanSeconds[i], seconds(lan))],
        ...[seconds(wan), cell(wan, (m) => m.first?.seconds), wanSeconds[i], gain(wanSeconds[i], seconds(wan))],
        cell(lan ?? wan, (m) => m.bytes / 1e6),
        cell(lan ?? wan, (m) => m.first && m.first.bytes / 1e6),
        megabytes[i],
        cell(lan ?? wan, (m) => m.onlineRounds),
      ];
    }),
  );
  return {
    name: '7',
    title: 'Table 7: prediction for 1 and 128 images',
    notes: [FIRST_NOTE],
    columns: [
      ...['network', 'images'],
      ...['LAN s', 'LAN s, first', 'LAN s, paper', 'LAN gain'],
      ...['WAN s', 'WAN s, first', 'WAN s, paper', 'WAN gain'],
      ...['MB', 'MB, first', 'MB, paper', 'rounds'],
    ],
    rows,
  };
}

function table8(published: Published, measurements: Measurements): Table {
  return {
    name: '8',
    title: 'Table 8: single protocols',
    notes: [
      'Products are not truncated here; a dealt truncation after one takes a round more. In the direct suite "DReLU" is the comparison with its product in one protocol, DReLU and ReLU together.',
    ],
    columns: [
      ...['protocol', 'dimension', 'LAN ms', 'LAN ms, paper', 'LAN gain'],
      ...['WAN ms', 'WAN ms, paper', 'WAN gain', 'MB', 'MB, paper', 'rounds'],
    ],
    rows: published.micro.map(({ protocol, dimension, lanMs, wanMs, megabytes }, row): Cell[] => {
      const [lan, wan] = LINK_NAMES.map((link) => measurements.get(keyOf.micro(link, row)));
      const ms = (m: Measured | undefined): number | null => cell(m, ({ seconds }) => 1000 * seconds.median);
      return [
        ...[protocol, dimension, ms(lan), lanMs, gain(lanMs, ms(lan)), ms(wan), wanMs, gain(wanMs, ms(wan))],
        ...[cell(lan ?? wan, ({ bytes }) => bytes / 1e6), megabytes, cell(lan ?? wan, (m) => m.onlineRounds)],
      ];
    }),
  };
}
