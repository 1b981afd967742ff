/**
 * How cost grows, as three small plots from what `table.ts` measured: a step's time against the batch and against the cores that the three
 * parties share, and a ReLU's time against its size.
 *
 *   node dist/bench/plots.js [--table bench/results/table.json] [--out bench/results/growth.svg]
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { EChartsOption, LineSeriesOption } from 'echarts';
import { init } from 'echarts';
import { optionsOf } from './options.ts';

/** The medians of a cell (`table.ts`), by name. */
type Cells = Readonly<Record<string, { readonly median: Readonly<Record<string, number>> }>>;

interface Plot {
  readonly title: string;
  readonly x: string;
  readonly positions: readonly (readonly [label: string, value: number])[];
  /** One line each: the cell at every position, and its figure. */
  readonly lines: readonly { readonly name: string; readonly cells: readonly string[]; readonly figure: string }[];
}

const BATCHES = [32, 64, 128, 256, 512];
const SIZES = [10_000, 100_000, 1_000_000, 10_000_000];
const WIDTH = 1100;
const HEIGHT = 360;
const COLORS = ['#2563eb', '#ea580c', '#059669', '#9333ea'];

const PLOTS: readonly Plot[] = [
  {
    title: 'Training step against batch (s)',
    x: 'images',
    positions: BATCHES.map((batch) => [`${batch}`, batch]),
    lines: ['A', 'B'].map((network) => ({
      name: network,
      cells: BATCHES.map((batch) => `train ${network}${batch === 128 ? '' : `, batch ${batch}`}`),
      figure: 'secondsPerStep',
    })),
  },
  {
    title: 'Training step against cores (s)',
    x: 'cores for all three parties',
    positions: [
      ['1', 1],
      ['2', 2],
    ],
    lines: ['A', 'B', 'C', 'D'].map((network) => ({
      name: network,
      cells: [`train ${network}, one core`, `train ${network}`],
      figure: 'secondsPerStep',
    })),
  },
  {
    title: 'ReLU against its size (ms)',
    x: 'elements',
    positions: SIZES.map((size) => [size.toExponential(0).replace('+', ''), size]),
    lines: [{ name: 'ReLU', cells: SIZES.map((size) => `${size} ReLUs`), figure: 'milliseconds' }],
  },
];

/** On both axes logarithmic: cost in proportion to the size is a straight line. */
function optionOf(cells: Cells): EChartsOption {
  const share = 100 / PLOTS.length;
  const series = PLOTS.flatMap(({ positions, lines }, i) =>
    lines.map(({ name, cells: names, figure }, j): LineSeriesOption => ({
      type: 'line',
      name,
      xAxisIndex: i,
      yAxisIndex: i,
      color: COLORS[j],
      symbolSize: 7,
      endLabel: { show: true, formatter: name, fontSize: 11 },
      label: { show: true, position: 'top', fontSize: 9, formatter: ({ value }) => `${(value as number[])[1]}` },
      data: positions.flatMap(([, x], k) => {
        const value = cells[names[k]]?.median[figure];
        return value === undefined ? [] : [[x, value]];
      }),
    })),
  );
  return {
    backgroundColor: '#ffffff',
    animation: false,
    title: PLOTS.map(({ title }, i) => ({
      text: title,
      left: `${share * i + 2}%`,
      top: 10,
      textStyle: { fontSize: 13 },
    })),
    grid: PLOTS.map((_, i) => ({ left: `${share * i + 4}%`, width: `${share - 9}%`, top: 50, bottom: 60 })),
    xAxis: PLOTS.map(({ x, positions }, i) => ({
      type: 'log' as const,
      gridIndex: i,
      name: x,
      nameLocation: 'middle' as const,
      nameGap: 28,
      min: positions[0][1],
      max: positions.at(-1)![1],
      logBase: positions[1][1] / positions[0][1],
      axisLabel: {
        fontSize: 10,
        formatter: (value: number) => positions.find(([, at]) => Math.abs(at - value) < at / 100)?.[0] ?? '',
      },
    })),
    yAxis: PLOTS.map((_, i) => ({ type: 'log' as const, gridIndex: i, axisLabel: { fontSize: 10 } })),
    series,
  };
}

const { values } = optionsOf(import.meta.url, {
  table: { type: 'string', default: 'bench/results/table.json' },
  out: { type: 'string', default: 'bench/results/growth.svg' },
});
const { cells } = JSON.parse(await readFile(values.table, 'utf8')) as { cells: Cells };
const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
chart.setOption(optionOf(cells));
await writeFile(values.out, chart.renderToSVGString());
chart.dispose();
console.log(`${values.out} written`);
