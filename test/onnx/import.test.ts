/** Models as real exporters write them: the scores of onnxruntime, which were stored beside them. */
import { describe, expect, it } from 'vitest';
import { distance, expectedOf, factsOf, fixtures, floatScoresOf, imported, scoresOf } from './fixtures.ts';

/** Of float32, in which onnxruntime computes, and of five digits. */
const FLOAT = 2e-4;
/** Of scores about 1: some hundred roundings of 2^-16, means and slopes to 10 bits. */
const FIXED = 4e-3;
/** What sigmoid and tanh are approximated to, and the weights behind them. */
const APPROXIMATED = 2.5e-2;

describe.each(fixtures())('%s', (name) => {
  it('means the same: the scores of onnxruntime, in floating point', async () => {
    const [facts, from] = [factsOf(name), await imported(name)];
    expect(from.reference.white).toBe(facts.white);
    expect(facts.scores).toHaveLength(100);
    expect(distance(floatScoresOf(from, facts), expectedOf(from, facts))).toBeLessThan(FLOAT);
  });

  it('gives them on the plain engine, and the same classes', async () => {
    const [facts, from] = [factsOf(name), await imported(name)];
    const [scores, expected] = [await scoresOf(from, facts), expectedOf(from, facts)];
    const curves = from.model.network.layers.some(({ type }) => type === 'sigmoid' || type === 'tanh');
    const bound = curves ? APPROXIMATED : FIXED;
    expect(distance(scores, expected)).toBeLessThan(bound);
    const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));
    // Where two scores are as close as the bound, either may be the largest.
    const close = (row: readonly number[]): boolean => {
      const [first, second] = row.toSorted((a, b) => b - a);
      return first - second < 2 * bound;
    };
    const others = scores.filter((row, i) => best(row) !== best(expected[i]) && !close(expected[i]));
    expect(others).toEqual([]);
    expect(expected.filter(close).length).toBeLessThan(50);
    expect(new Set(expected.map(best)).size).toBeGreaterThan(1);
  });
});
