/** How long inputs gather, on a clock that the test moves. */
import { expect, it } from 'vitest';
import { Pace } from '../../src/server/serving-pace.ts';

it('whoever asks alone waits for nobody, whether for the first time or again and again', () => {
  const pace = new Pace();
  expect(pace.until(1)).toBe(-Infinity);
  for (let n = 0; n < 5; n++) {
    pace.begin(n, 1, 20 * n);
    pace.end(n, 0, 20 * n + 10);
    expect(pace.until(1)).toBe(-Infinity);
  }
});

it('as many as were around are waited for, as long as the batch before took', () => {
  const pace = new Pace();
  pace.begin(0, 1, 100);
  pace.end(0, 4, 110);
  expect(pace.until(4)).toBe(120);
  expect(pace.until(5)).toBe(-Infinity);
  pace.begin(1, 5, 115);
  pace.end(1, 0, 145);
  // One of the five does not come back: it is waited for once.
  expect(pace.until(4)).toBe(175);
  pace.begin(2, 4, 175);
  pace.end(2, 0, 200);
  expect(pace.until(4)).toBe(-Infinity);
});

it('two batches may be under way beside each other', () => {
  const pace = new Pace();
  pace.begin(0, 3, 0);
  pace.begin(1, 8, 10);
  pace.end(0, 2, 30);
  expect(pace.until(4)).toBe(60);
  pace.end(1, 0, 50);
  expect(pace.until(7)).toBe(90);
  expect(pace.until(8)).toBe(-Infinity);
});

it('nobody waits longer than a quarter of a second, or after a pause', () => {
  const pace = new Pace();
  pace.begin(0, 3, 0);
  pace.end(0, 0, 4000);
  expect(pace.until(1)).toBe(4250);
  // What is past is no wait.
  expect(pace.until(1) - 9000).toBeLessThan(0);
});
