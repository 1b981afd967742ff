/** Models as real exporters write them: the same scores as onnxruntime's, to what fixed point keeps. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readOnnx } from '../../src/onnx/file.ts';
import { importOnnx } from '../../src/onnx/model.ts';
import { asGivenHere } from '../../src/onnx/reference.ts';
import { factsOf, fixtures, FOLDER, OPTIONS, scoresOf, unlessLater } from './fixtures.ts';

/** Some hundred roundings of 2^-16 each, of values of about 1. */
const BOUND = 2e-3;

describe.each(fixtures())('%s', (name) => {
  it('gives the scores that onnxruntime gives, and the same class', async () => {
    const facts = factsOf(name);
    const file = await readOnnx(join(FOLDER, `${name}.onnx`));
    const from = unlessLater(() => importOnnx(file, OPTIONS));
    if (from === undefined) return;
    expect(from.reference.white).toBe(facts.white);
    const scores = await scoresOf(from, facts);
    expect(scores).toHaveLength(100);
    const expected = facts.scores.map((row) => [...asGivenHere(row, from.reference)]);
    const worst = Math.max(...scores.flatMap((row, i) => row.map((score, k) => Math.abs(score - expected[i][k]))));
    expect(worst).toBeLessThan(BOUND);
    const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));
    // Where two scores are as close as the bound, either may be the largest.
    const close = (row: readonly number[]): boolean => {
      const [first, second] = row.toSorted((a, b) => b - a);
      return first - second < 2 * BOUND;
    };
    expect(scores.filter((row, i) => best(row) !== best(expected[i]) && !close(expected[i]))).toEqual([]);
    expect(new Set(expected.map(best)).size).toBeGreaterThan(1);
  });
});
