/** Bars on a logarithmic axis, ours beside the paper's, as SVG (Apache ECharts, rendered on the server side). */
import type { EChartsOption } from 'echarts';
import type { Cell, Table } from './tables.ts';

export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly categories: readonly string[];
  /** Null where there is no figure. */
  readonly ours: readonly (number | null)[];
  readonly paper: readonly (number | null)[];
}

const WIDTH = 1100;
const PANEL_HEIGHT = 300;
const OURS = '#2563eb';
const PAPER = '#9ca3af';

/** The panels that these tables give: hours of training, seconds of inference, milliseconds of single protocols. */
export function panelsOf(tables: readonly Table[]): Panel[] {
  const find = (name: string): Table | undefined => tables.find((table) => table.name === name);
  const panel = (
    table: Table | undefined,
    title: string,
    unit: string,
    label: (row: readonly Cell[]) => string,
    pairs: readonly (readonly [prefix: string, ours: string, paper: string])[],
  ): Panel[] => {
    if (table === undefined) return [];
    const column = (name: string): number => table.columns.indexOf(name);
    const bars = pairs.flatMap(([prefix, ours, paper]) =>
      table.rows.map((row) => ({
        category: `${label(row)} ${prefix}`.trim(),
        ours: row[column(ours)] as number | null,
        paper: row[column(paper)] as number | null,
      })),
    );
    return [
      {
        title,
        unit,
        categories: bars.map(({ category }) => category),
        ours: bars.map((bar) => bar.ours),
        paper: bars.map((bar) => bar.paper),
      },
    ];
  };
  return [
    ...panel(find('3'), 'Training', 'hours', ([network, epochs]) => `${network}, ${epochs} ep.`, [
      ['LAN', 'LAN h', 'LAN h, paper'],
      ['WAN', 'WAN h', 'WAN h, paper'],
    ]),
    ...panel(find('7'), 'Inference of 1 and 128 images', 'seconds', ([network, images]) => `${network} ×${images}`, [
      ['LAN', 'LAN s', 'LAN s, paper'],
      ['WAN', 'WAN s', 'WAN s, paper'],
    ]),
    ...panel(find('8'), 'Single protocols, LAN', 'ms', microLabel, [['', 'LAN ms', 'LAN ms, paper']]),
    ...panel(find('8'), 'Single protocols, WAN', 'ms', microLabel, [['', 'WAN ms', 'WAN ms, paper']]),
  ];
}

function microLabel([protocol, dimension]: readonly Cell[]): string {
  return `${String(protocol).replace(/ [a-z],.*| after DReLU/, '')} ${dimension}`;
}

/** One SVG with the panels one below the other. */
export async function toSvg(panels: readonly Panel[], caption: string): Promise<string> {
  const { init } = await import('echarts');
  const height = 60 + PANEL_HEIGHT * panels.length;
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption(optionOf(panels, caption));
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** The power of ten below all bars, where they stand: on a logarithmic axis they would hang from 1. */
function floorOf({ ours, paper }: Panel): number {
  const values = [...ours, ...paper].filter((value) => value !== null && value > 0) as number[];
  return values.length === 0 ? 1 : 10 ** (Math.ceil(Math.log10(Math.min(...values))) - 1);
}

function optionOf(panels: readonly Panel[], caption: string): EChartsOption {
  const top = (i: number): number => 60 + PANEL_HEIGHT * i;
  return {
    backgroundColor: '#ffffff',
    animation: false,
    title: [
      { text: caption, left: 16, top: 10, textStyle: { fontSize: 14 } },
      ...panels.map(({ title, unit }, i) => ({
        text: `${title} (${unit}, lower is better)`,
        left: 16,
        top: top(i),
        textStyle: { fontSize: 12 },
      })),
    ],
    legend: { data: ['securenn', 'paper'], right: 16, top: 10 },
    grid: panels.map((_, i) => ({ left: 64, right: 24, top: top(i) + 26, height: PANEL_HEIGHT - 130 })),
    xAxis: panels.map(({ categories }, i) => ({
      type: 'category' as const,
      gridIndex: i,
      data: [...categories],
      axisLabel: { interval: 0, rotate: 55, fontSize: 10 },
    })),
    yAxis: panels.map((panel, i) => {
      const floor = floorOf(panel);
      return { type: 'log' as const, gridIndex: i, min: floor, startValue: floor, axisLabel: { fontSize: 10 } };
    }),
    series: panels.flatMap(({ ours, paper }, i) =>
      (
        [
          ['securenn', ours, OURS],
          ['paper', paper, PAPER],
        ] as const
      ).map(([name, values, color]) => ({
        type: 'bar' as const,
        name,
        xAxisIndex: i,
        yAxisIndex: i,
        itemStyle: { color },
        data: values.map((value) => value ?? '-'),
      })),
    ),
  };
}
