/** The tables as Markdown, JSON and a chart. */
import { describeLink, LINKS } from '../../channel/linkModel.ts';
import { layTable, wrapText } from '../layout.ts';
import type { Machine } from '../report.ts';
import type { Measured } from './measure.ts';
import type { Published } from './published.ts';
import type { Cell, Table } from './tables.ts';

export interface Run {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly suite: string;
  readonly truncation: string;
  readonly workers: number;
  readonly quick: boolean;
  /** False: the run ended early, and some figures are missing. */
  readonly complete: boolean;
  readonly seconds: number;
  readonly measurements: ReadonlyMap<string, Measured>;
  readonly tables: readonly Table[];
}

export function toJson(run: Run, published: Published): string {
  const { measurements, ...rest } = run;
  const { source, hardware, caveat } = published;
  const report = {
    command: 'bench tables',
    ...rest,
    links: LINKS,
    published: { source, hardware, caveat },
    measurements: Object.fromEntries(measurements),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** @param width of a terminal: tables that do not fit are laid row by row */
export function toMarkdown(run: Run, published: Published, width: number = Infinity): string {
  const { machine, suite, truncation, workers, quick, complete, date, seconds } = run;
  const { cpu, cores, memoryGiB, node } = machine;
  const links = Object.entries(LINKS).map(([name, model]) => `${name.toUpperCase()} ${describeLink(model)}`);
  const head = [
    '# The paper’s tables',
    '',
    ...(complete ? [] : ['**The run ended early: cells without a figure were not measured.**', '']),
    `Ours: ${date.slice(0, 10)}, all three parties and the owner on one machine (${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}),`,
    `${workers} ${workers === 1 ? 'thread' : 'threads'} a party, ${suite} suite, ${truncation} truncation, links shaped to ${links.join(' and ')}${quick ? '; few repetitions (--quick)' : ''}; ${Math.round(seconds)} s in all.`,
    `Seconds are medians at P0, MB are 10^6 bytes of frames sent by all parties. A gain is the paper’s figure over ours.`,
    '',
    `Paper: ${published.source}. ${published.hardware}. ${published.caveat}.`,
  ];
  const text = [...head, ...run.tables.flatMap((table) => section(table, width))].join('\n') + '\n';
  return wrapText(text, width);
}

function section({ title, notes, columns, rows }: Table, width: number): string[] {
  const texts = [columns, ...rows.map((row) => row.map(text))];
  const widths = columns.map((_, i) => Math.max(...texts.map((row) => row[i].length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const fits = rule.length <= width;
  const laid = fits ? [line(columns), rule, ...texts.slice(1).map(line)] : layTable(columns, texts.slice(1), width);
  return ['', `## ${title}`, '', ...laid, '', ...notes];
}

function text(cell: Cell): string {
  return cell === null ? '–' : String(cell);
}
