/** The paper's tables from made-up measurements: which figure stands where, and what is missing. */
import { describe, expect, it } from 'vitest';
import { readTables } from '../../../src/cli/bench/command.ts';
import { panelsOf, toSvg } from '../../../src/cli/bench/chart.ts';
import { keyOf, type Measured } from '../../../src/cli/bench/measure.ts';
import { operationOf, readPublished } from '../../../src/cli/bench/published.ts';
import { toJson, toMarkdown, type Run } from '../../../src/cli/bench/render.ts';
import { FULL, makeTable, QUICK, TABLES, tasksFor } from '../../../src/cli/bench/tables.ts';

const published = readPublished();

function measured(seconds: number, bytes: number, onlineRounds = 7): Measured {
  return { seconds: { median: seconds, min: seconds, max: seconds }, samples: 3, bytes, onlineRounds };
}

const measurements = new Map<string, Measured>([
  [keyOf.train('A', 'lan'), measured(0.25, 11.4e6, 58)],
  [keyOf.train('A', 'wan'), measured(2, 11.4e6, 58)],
  [
    keyOf.infer('A', 'lan', 1),
    { ...measured(0.0101, 90_000), first: { seconds: 0.05, bytes: 2_000_000, onlineRounds: 26 } },
  ],
  [keyOf.micro('wan', 0), measured(0.03, 300_000, 1)],
]);

const run: Run = {
  date: '2025-01-31T12:00:00.000Z',
  machine: { cpu: 'A CPU', cores: 2, memoryGiB: 8, node: 'v20', adapter: null },
  suite: 'direct',
  truncation: 'dealt',
  workers: 1,
  quick: false,
  complete: false,
  seconds: 12.3,
  measurements,
  tables: TABLES.map((name) => makeTable(name, published, measurements)),
};

function row(table: string, ...start: (string | number)[]): Record<string, unknown> {
  const { columns, rows } = run.tables.find(({ name }) => name === table)!;
  const found = rows.find((cells) => start.every((value, i) => cells[i] === value))!;
  return Object.fromEntries(columns.map((name, i) => [name, found[i]]));
}

describe('published figures', () => {
  it('are the paper’s rows', () => {
    expect(published.training).toHaveLength(7);
    expect(published.training[0]).toEqual({
      network: 'A',
      epochs: 15,
      accuracyPercent: 93.4,
      lanHours: 1.03,
      wanHours: 7.83,
    });
    expect(published.inference.map(({ network }) => network)).toEqual(['A', 'B', 'C', 'D']);
    expect(published.systems).toHaveLength(12);
    expect(published.micro).toHaveLength(18);
  });

  it('name operations', () => {
    expect(operationOf('Conv2d m,f,i,o', '8,5,16,50')).toEqual({
      ...{ kind: 'conv2d', size: 8, kernel: 5, channels: 16, filters: 50 },
    });
    expect(operationOf('MatMul m,n,v', '1,500,100')).toEqual({ kind: 'matmul', m: 1, n: 500, v: 100 });
    expect(operationOf('DMP', '24x24x16,2x2')).toMatchObject({ kind: 'maxpool', window: 2, derivative: true });
    expect(operationOf('DReLU', '64x16')).toEqual({ kind: 'relu', count: 1024, kept: false });
    expect(operationOf('ReLU after DReLU', '64x16')).toEqual({ kind: 'relu', count: 1024, kept: true });
    expect(() => operationOf('MatMul', '1,x,2')).toThrow('Table 8: dimension 1,x,2: expected 3 whole numbers');
    expect(() => operationOf('FFT', '8')).toThrow('unknown protocol FFT');
  });
});

describe('sessions', () => {
  it('are each run once', () => {
    const tasks = tasksFor(TABLES, published, FULL);
    expect(new Set(tasks.map((task) => JSON.stringify(task))).size).toBe(tasks.length);
    expect(tasks.filter(({ kind }) => kind === 'train')).toHaveLength(6);
    expect(tasks.filter(({ kind }) => kind === 'infer')).toHaveLength(16);
    expect(tasks.filter(({ kind }) => kind === 'micro')).toHaveLength(2);
  });

  it('are those that a table needs', () => {
    const six = tasksFor(['6'], published, QUICK);
    expect(six.every((task) => task.kind === 'infer' && task.link === 'lan' && task.batch === 1)).toBe(true);
    expect(six).toHaveLength(4);
  });
});

describe('tables', () => {
  it('3: hours are seconds a step times 468 steps and the epochs', () => {
    expect(row('3', 'A', 15)).toMatchObject({
      'LAN s a step': 0.25,
      'LAN h': 0.487,
      'LAN h, paper': 1.03,
      'LAN gain': 2.11,
      'WAN h': 3.9,
      'MB a step': 11.4,
      'rounds a step': 58,
    });
    expect(row('3', 'C', 5)).toMatchObject({ 'LAN h': null, 'LAN gain': null, 'LAN h, paper': 9.98 });
  });

  it('6 and 7: the first prediction stands apart', () => {
    expect(row('6', 'A', 'securenn')).toMatchObject({ seconds: 0.0101, MB: 0.09 });
    expect(row('6', 'A', 'securenn, first')).toMatchObject({ seconds: 0.05, MB: 2 });
    expect(row('6', 'A', 'SecureNN (paper)')).toMatchObject({ seconds: 0.043, MB: 2.1 });
    expect(row('7', 'A', 1)).toMatchObject({ 'LAN s': 0.0101, 'LAN s, paper': 0.043, 'WAN s': null, 'MB, paper': 2.1 });
    expect(row('7', 'D', 128)).toMatchObject({ 'LAN s': null, 'LAN s, paper': 2.6, 'MB, paper': 317.7 });
  });

  it('8: milliseconds', () => {
    expect(row('8', 'Conv2d m,f,i,o', '8,5,16,50')).toMatchObject({
      ...{ 'LAN ms': null, 'WAN ms': 30, 'WAN ms, paper': 28.4, MB: 0.3, rounds: 1 },
    });
  });
});

describe('what is written', () => {
  it('Markdown says when a run ended early, on what it ran, and leaves no cell empty', () => {
    const text = toMarkdown(run, published);
    expect(text).toContain('**The run ended early');
    expect(text).toContain('A CPU, 2 cores, 8 GiB, Node v20');
    expect(text).toContain('LAN 0.22 ms, 625 MB/s and WAN 58 ms, 40 MB/s');
    expect(text.match(/^## Table [3678]/gm)).toHaveLength(4);
    expect(text).not.toMatch(/null|undefined|NaN/);
    expect(toMarkdown({ ...run, complete: true }, published)).not.toContain('ended early');
  });

  it('JSON has every measurement', () => {
    const json = JSON.parse(toJson(run, published)) as Record<string, unknown>;
    expect(json).toMatchObject({ command: 'bench tables', complete: false, machine: { cores: 2 } });
    expect(Object.keys(json.measurements as object)).toEqual([...measurements.keys()]);
  });

  it('the chart is an SVG with a panel for each kind of figure, also where some are missing', async () => {
    const panels = panelsOf(run.tables);
    expect(panels.map(({ title }) => title)).toEqual([
      ...['Training', 'Inference of 1 and 128 images', 'Single protocols, LAN', 'Single protocols, WAN'],
    ]);
    for (const { categories, ours, paper } of panels) {
      expect([ours.length, paper.length]).toEqual([categories.length, categories.length]);
    }
    const svg = await toSvg(panels, 'A caption');
    expect(svg).toMatch(/^<svg [^]*<\/svg>$/);
    expect(svg).toContain('A caption');
    expect(svg).toContain('DReLU 64x16');
    expect(panelsOf([])).toEqual([]);
  });
});

describe('--tables', () => {
  it('is a list', () => {
    expect(readTables({ tables: '7,3' })).toEqual(['3', '7']);
    expect(() => readTables({ tables: '3,4' })).toThrow(
      '--tables: expected some of 3, 6, 7, 8, separated by commas, found "4"',
    );
    expect(() => readTables({ tables: '' })).toThrow(/--tables: expected a value/);
  });
});
