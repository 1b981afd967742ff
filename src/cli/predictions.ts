/** What an inference found, for people and for programs: classes, and how sure they are. */
import { extname } from 'node:path';
import type { BatchReport } from '../client/inference.ts';
import type { ImageSet } from '../data/dataset.ts';
import { layTable } from './layout.ts';

export interface Prediction {
  /** From 0, in the order of the images. */
  readonly image: number;
  readonly class: number;
  /** What the class is called, where classes have names. */
  readonly name?: string;
  /** Softmax of the scores, of the class; null where they are not revealed. */
  readonly probability: number | null;
  readonly label: number | null;
  /** Of every class. */
  readonly scores: readonly number[] | null;
}

/** Softmax of a row of scores. */
export function probabilities(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}

/** Of all batches in their order. */
export function predictionsOf(
  batches: readonly Pick<BatchReport, 'predictions' | 'scores'>[],
  classes: number,
  labels: Uint8Array | undefined,
  names?: readonly string[],
): Prediction[] {
  const found = batches.flatMap(({ predictions, scores }) =>
    predictions.map((chosen, i) => {
      const row = scores === undefined ? null : Array.from(scores.subarray(i * classes, (i + 1) * classes));
      const name = names?.[chosen];
      const probability = row === null ? null : probabilities(row)[chosen];
      return { class: chosen, ...(name !== undefined && { name }), probability, scores: row };
    }),
  );
  return found.map((prediction, image) => ({ image, label: labels?.[image] ?? null, ...prediction }));
}

const SHOWN = 10;

/** The first of them as a table, one line each. */
export function predictionTable(predictions: readonly Prediction[]): string[] {
  const rows = predictions.slice(0, SHOWN).map((prediction) => cellsOf(prediction));
  const [{ probability, label }] = predictions;
  const heads = [
    'image',
    'class',
    ...(probability === null ? [] : ['probability', 'next']),
    ...(label === null ? [] : ['label']),
  ];
  const more = predictions.length - rows.length;
  return [...layTable(heads, rows, Infinity), ...(more > 0 ? [`… and ${more} more (--out FILE.csv writes all)`] : [])];
}

function cellsOf({ image, class: found, name, probability, label, scores }: Prediction): string[] {
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
  const cells = [String(image), name === undefined ? String(found) : `${found} ${name}`];
  if (probability !== null) {
    const all = probabilities(scores!);
    const [next] = all
      .map((p, k) => ({ p, k }))
      .filter(({ k }) => k !== found)
      .sort((a, b) => b.p - a.p);
    cells.push(percent(probability), next === undefined ? '' : `${next.k} (${percent(next.p)})`);
  }
  if (label !== null) cells.push(label === found ? String(label) : `${label} (wrong)`);
  return cells;
}

const SHADES = ' .:-=+*#%@';
const LARGEST_PREVIEW = 40;

/** A small grey image in characters, two a pixel; nothing for others. */
export function preview({
  images,
  rows,
  columns,
  channels,
}: Pick<ImageSet, 'images' | 'rows' | 'columns' | 'channels'>): string[] {
  const side = rows === 1 && Number.isInteger(Math.sqrt(columns)) ? Math.sqrt(columns) : columns;
  const height = (rows * columns) / side;
  if (channels !== 1 || height < 2 || Math.max(side, height) > LARGEST_PREVIEW) return [];
  const first = images.subarray(0, rows * columns);
  // Bytes are as bright as they say; of other numbers the image's own range is shown.
  const [least, most] = images instanceof Uint8Array ? [0, 255] : [Math.min(...first), Math.max(...first)];
  const lines = Array.from({ length: height }, (_, y) =>
    Array.from(images.subarray(y * side, (y + 1) * side), (pixel) =>
      SHADES[Math.round(((pixel - least) / (most - least || 1)) * (SHADES.length - 1))].repeat(2),
    )
      .join('')
      .trimEnd(),
  );
  const drawn = (text: string): boolean => text !== '';
  return lines.slice(lines.findIndex(drawn), lines.findLastIndex(drawn) + 1);
}

/** As CSV or JSON, by the name's ending. */
export function formatPredictions(path: string, predictions: readonly Prediction[]): Uint8Array {
  const text = extname(path) === '.csv' ? toCsv(predictions) : `${JSON.stringify(predictions, null, 2)}\n`;
  return new TextEncoder().encode(text);
}

function toCsv(predictions: readonly Prediction[]): string {
  const classes = predictions[0].scores?.length ?? 0;
  const heads = ['image', 'class', 'probability', 'label', ...Array.from({ length: classes }, (_, k) => `score_${k}`)];
  const rows = predictions.map(({ image, class: found, probability, label, scores }) =>
    [image, found, probability ?? '', label ?? '', ...(scores ?? [])].join(','),
  );
  return `${[heads.join(','), ...rows].join('\n')}\n`;
}
