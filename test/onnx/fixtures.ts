/** Files under test/fixtures/onnx, and the inputs for which they hold the scores. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOnnx } from '../../src/onnx/file.ts';
import { importOnnx, type Imported, type ImportOptions } from '../../src/onnx/model.ts';
import { asGivenHere } from '../../src/onnx/reference.ts';
import { asShared } from '../../src/cli/model/check.ts';
import { clearScores } from '../../src/cli/model/scores.ts';
import { floatScores } from '../reference/network.ts';

export const FOLDER: string = join(import.meta.dirname, '../fixtures/onnx');
export const SETTINGS = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const;
export const OPTIONS: ImportOptions = { name: 'test', fractionBits: 16, limit: 2 ** 16 };

/** What common.py wrote beside a file. */
export interface Facts {
  readonly input: readonly number[];
  readonly white: 1 | 255;
  readonly scores: readonly (readonly number[])[];
}

export function fixtures(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => name.replace(/\.onnx$/, ''));
}

export function factsOf(name: string): Facts {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Facts;
}

export async function imported(name: string, options: Partial<ImportOptions> = {}): Promise<Imported> {
  return importOnnx(await readOnnx(join(FOLDER, `${name}.onnx`)), { ...OPTIONS, ...options });
}

/** As inputs.py makes them, in the file's order. */
export function pixels(elements: number, seed = 1): Float64Array {
  const out = new Float64Array(elements);
  let state = seed;
  for (let i = 0; i < elements; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = (state >>> 24) / 255;
  }
  return out;
}

/** Samples in a file's order as they lie here. */
export function asHere(samples: Float64Array, { reference }: Pick<Imported, 'reference'>): Float64Array {
  const { places } = reference.input;
  return samples.map((_, i) => samples[i - (i % places.length) + places[i % places.length]]);
}

/** The fixture's inputs as a model takes them here: a row each. */
export function samplesOf(from: Imported, facts: Facts): Float64Array {
  const width = facts.input.reduce((product, extent) => product * extent, 1);
  return asShared(asHere(pixels(facts.scores.length * width), from), from.model.scaling);
}

function rowsOf(values: Float64Array, rows: number): number[][] {
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
}

/** The scores of a model for the fixture's inputs, on the plain engine: a row each. */
export async function scoresOf(from: Imported, facts: Facts): Promise<number[][]> {
  const { scores } = await clearScores(from.model, samplesOf(from, facts), SETTINGS);
  return rowsOf(scores, facts.scores.length);
}

/** The same in floating point: what the model means. */
export function floatScoresOf(from: Imported, facts: Facts): number[][] {
  return rowsOf(samplesOf(from, facts), facts.scores.length).map((row) => [
    ...floatScores(from.model, Float64Array.from(row)),
  ]);
}

/** What onnxruntime gave. */
export function expectedOf(from: Imported, facts: Facts): number[][] {
  return facts.scores.map((row) => [...asGivenHere(row, from.reference)]);
}

/** The largest difference of two tables of scores. */
export function distance(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  return Math.max(...a.flatMap((row, i) => row.map((score, k) => Math.abs(score - b[i][k]))));
}
