/** Models as real exporters write them, against the scores of onnxruntime, which were stored beside them. */
import { describe, expect, it } from 'vitest';
import { bounded } from '../reference/bound.ts';
import { distance, expectedOf, factsOf, fixtures, floatScoresOf, imported, samplesOf, scoresOf } from './fixtures.ts';

/** Of float32, in which onnxruntime computes, and of six digits: relative to the largest score, or to 1. */
const FLOAT = 5e-5;

describe.each(fixtures())('%s', (name) => {
  it('means the same: the scores of onnxruntime, in floating point', async () => {
    const [facts, from] = [factsOf(name), await imported(name)];
    expect(from.reference.white).toBe(facts.white);
    expect(facts.scores).toHaveLength(100);
    const expected = expectedOf(from, facts);
    const largest = Math.max(1, ...expected.flat().map(Math.abs));
    expect(distance(floatScoresOf(from, facts), expected)).toBeLessThan(FLOAT * largest);
  });

  it('gives them on the plain engine within the bound of fixed point, and the same class for each', async () => {
    const [facts, from] = [factsOf(name), await imported(name)];
    const [scores, expected] = [await scoresOf(from, facts), expectedOf(from, facts)];
    const samples = samplesOf(from, facts);
    const width = samples.length / scores.length;
    const largest = Math.max(1, ...expected.flat().map(Math.abs));
    const bounds = scores.map((_, i) => bounded(from.model, samples.slice(i * width, (i + 1) * width)).bound);
    const beyond = scores.flatMap((row, i) =>
      row.filter((score, k) => Math.abs(score - expected[i][k]) > bounds[i][k] + FLOAT * largest),
    );
    expect(beyond).toEqual([]);
    const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));
    expect(scores.map(best)).toEqual(expected.map(best));
    expect(new Set(expected.map(best)).size).toBeGreaterThan(1);
    // Of nearly all, no error within the bound could make another class.
    const sure = expected.filter((row, i) => {
      const [first, second] = row.toSorted((x, y) => y - x);
      return first - second > 2 * Math.max(...bounds[i]);
    });
    expect(sure.length).toBeGreaterThanOrEqual(95);
  });
});
