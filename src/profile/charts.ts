/**
 * The charts of a report as SVG text, drawn once, here: the page needs no script and no network. Colours are names that the page's style
 * fills in, so that one drawing serves light and dark; a wide and a narrow drawing serve desk and phone.
 */
import { BarChart, CustomChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { type Group, groupOf, GROUPS, groupTime, layerName, type LayerRow, type Timeline } from './summary.ts';

/** Colours that stand for one of the page's; no chart uses them for themselves. */
const COLOURS: Readonly<Record<Group | 'ink' | 'rule', string>> = {
  products: '#010101',
  arithmetic: '#020202',
  comparisons: '#030303',
  randomness: '#040404',
  frames: '#050505',
  messages: '#060606',
  core: '#070707',
  waiting: '#080808',
  ink: '#090909',
  rule: '#0a0a0a',
};

const WIDE = 920;
const NARROW = 360;
const FONT = { fontFamily: 'system-ui, sans-serif', fontSize: 12, color: COLOURS.ink };

use([BarChart, CustomChart, GridComponent, SVGRenderer]);

/** Both widths of a chart; the page shows the one that fits. */
function drawn(label: string, height: number, option: (width: number) => EChartsCoreOption): string {
  return [WIDE, NARROW]
    .map((width) => {
      const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
      chart.setOption({ animation: false, textStyle: FONT, ...option(width) });
      const svg = chart.renderToSVGString({ useViewBox: true });
      chart.dispose();
      const role = `role="img" aria-label="${label}"`;
      const coloured = Object.entries(COLOURS).reduce(
        (text, [name, hex]) => text.replaceAll(hex, `var(--${name})`),
        svg,
      );
      return `<div class="${width === WIDE ? 'wide' : 'narrow'}">${coloured.replace('<svg ', `<svg ${role} `)}</div>`;
    })
    .join('\n');
}

const AXIS = {
  axisLine: { lineStyle: { color: COLOURS.rule } },
  axisTick: { show: false },
  splitLine: { lineStyle: { color: COLOURS.rule } },
  axisLabel: FONT,
} as const;

/** Time along the bottom, in a unit that suits the longest (milliseconds), with as many figures as have room. */
function timeAxis(longest: number, width: number): object {
  const seconds = longest >= 2000;
  return {
    ...AXIS,
    type: 'value',
    min: 0,
    name: seconds ? 'seconds' : 'milliseconds',
    nameLocation: 'middle',
    nameGap: 24,
    nameTextStyle: FONT,
    splitNumber: width === WIDE ? 6 : 2,
    axisLabel: {
      ...FONT,
      hideOverlap: true,
      formatter: (x: number) => String(Number((seconds ? x / 1000 : x).toPrecision(3))),
    },
  };
}

/** Milliseconds per unit, a bar for each layer and party. */
export function layerChart(rows: readonly LayerRow[]): string {
  const names = rows.map(({ layer, party }, i) =>
    rows[i - 1]?.layer === layer ? party : `${layerName(layer)}  ${party}`,
  );
  const left = Math.max(...names.map((name) => name.length)) * 6.5 + 14;
  const longest = Math.max(...rows.map(({ time }) => GROUPS.reduce((sum, group) => sum + groupTime(time, group), 0)));
  return drawn('Time by layer and party', rows.length * 18 + 50, (width) => ({
    grid: { left, right: 18, top: 6, bottom: 40 },
    yAxis: {
      ...AXIS,
      type: 'category',
      inverse: true,
      data: names.map((_, i) => i),
      axisLabel: { ...FONT, formatter: (i: string) => names[Number(i)], interval: 0 },
    },
    xAxis: timeAxis(longest, width),
    series: GROUPS.map((group) => ({
      type: 'bar',
      stack: 'time',
      silent: true,
      barWidth: 12,
      itemStyle: { color: COLOURS[group] },
      data: rows.map(({ time }) => Number(groupTime(time, group).toFixed(3))),
    })),
  }));
}

const ROW = 30;

interface Rectangle {
  readonly row: number;
  readonly from: number;
  readonly to: number;
  readonly colour: string;
  readonly text: string;
}

/** One unit: a row for each party, above them the layers at the party that tells the time. */
export function timelineChart({ ms, parties, layers }: Timeline): string {
  const rows = ['layer', ...parties.map(({ party }) => party)];
  const rectangles: Rectangle[] = [
    ...withoutOverlap(layers).map(({ from, to, layer }) => ({ row: 0, from, to, colour: COLOURS.rule, text: layer })),
    ...parties.flatMap(({ stretches }, i) =>
      stretches.map(({ from, to, category }) => ({
        row: i + 1,
        from,
        to,
        colour: COLOURS[groupOf(category)],
        text: '',
      })),
    ),
  ];
  return drawn('What each party did during one step', rows.length * ROW + 48, (width) => {
    const left = 46;
    const scale = (width - left - 18) / ms;
    return {
      grid: { left, right: 18, top: 4, bottom: 42 },
      yAxis: { ...AXIS, type: 'category', inverse: true, data: rows },
      xAxis: { ...timeAxis(ms, width), max: ms },
      series: [
        {
          type: 'custom',
          silent: true,
          data: rectangles.map((_, i) => i),
          renderItem: (params: { dataIndex: number }) => shape(rectangles[params.dataIndex], left, scale),
        },
      ],
    };
  });
}

function shape({ row, from, to, colour, text }: Rectangle, left: number, scale: number): object {
  const width = Math.max(0.5, (to - from) * scale);
  const fits = text.length * 6.5 + 6 < width;
  return {
    type: 'rect',
    shape: { x: left + from * scale, y: 4 + row * ROW + 4, width, height: ROW - 8 },
    style: { fill: colour, ...(row === 0 ? { stroke: COLOURS.ink, lineWidth: 0.5 } : {}) },
    ...(fits
      ? {
          textContent: { style: { text, fill: COLOURS.ink, fontSize: 11, fontFamily: FONT.fontFamily } },
          textConfig: { position: 'inside' },
        }
      : {}),
  };
}

/** On the way back a layer's update overlaps the layers before it: each stretch is cut where the next one begins. */
function withoutOverlap<T extends { readonly from: number; readonly to: number }>(spans: readonly T[]): T[] {
  const ordered = [...spans].sort((a, b) => a.from - b.from);
  return ordered.map((span, i) => ({ ...span, to: Math.min(span.to, ordered[i + 1]?.from ?? span.to) }));
}
