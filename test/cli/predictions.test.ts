/** What an inference found, as a table, as files, and a small image in characters. */
import { describe, expect, it } from 'vitest';
import {
  formatPredictions,
  predictionsOf,
  predictionTable,
  preview,
  probabilities,
} from '../../src/cli/predictions.ts';

const BATCHES = [
  { predictions: [1, 0], scores: Float64Array.of(0, Math.log(3), Math.log(4), 0) },
  { predictions: [1], scores: Float64Array.of(-700, 700) },
];
const sure = predictionsOf(BATCHES, 2, Uint8Array.of(1, 1, 1, 9));
const bare = predictionsOf([{ predictions: [2, 0] }], 3, undefined);
const text = (path: string, of = sure): string => new TextDecoder().decode(formatPredictions(path, of));

describe('predictions', () => {
  it('are numbered through all batches, with the softmax of their scores', () => {
    expect(probabilities([0, Math.log(3)]).map((p) => p.toFixed(6))).toEqual(['0.250000', '0.750000']);
    expect(probabilities([-1e300, 0, 0])).toEqual([0, 0.5, 0.5]);
    expect(sure.map(({ image, class: found, label }) => [image, found, label])).toEqual([
      [0, 1, 1],
      [1, 0, 1],
      [2, 1, 1],
    ]);
    expect(sure.map(({ probability }) => probability!.toFixed(6))).toEqual(['0.750000', '0.800000', '1.000000']);
    expect(sure[2].scores).toEqual([-700, 700]);
    expect(bare).toEqual([
      { image: 0, label: null, class: 2, probability: null, scores: null },
      { image: 1, label: null, class: 0, probability: null, scores: null },
    ]);
  });

  it('stand in a table: what came next, and what was wrong', () => {
    expect(predictionTable(sure)).toEqual([
      'image  class  probability        next      label',
      '0          1       75.0 %  0 (25.0 %)          1',
      '1          0       80.0 %  1 (20.0 %)  1 (wrong)',
      '2          1      100.0 %   0 (0.0 %)          1',
    ]);
    expect(predictionTable(bare)).toEqual(['image  class', '0          2', '1          0']);
    const many = predictionsOf([{ predictions: new Array<number>(13).fill(4) }], 5, undefined);
    expect(predictionTable(many)).toHaveLength(12);
    expect(predictionTable(many).at(-1)).toBe('… and 3 more (--out FILE.csv writes all)');
  });

  it('are written as CSV or JSON', () => {
    expect(text('x.csv').split('\n')).toEqual([
      'image,class,probability,label,score_0,score_1',
      `0,1,${sure[0].probability},1,0,${Math.log(3)}`,
      `1,0,${sure[1].probability},1,${Math.log(4)},0`,
      '2,1,1,1,-700,700',
      '',
    ]);
    expect(text('x.csv', bare)).toBe('image,class,probability,label\n0,2,,\n1,0,,\n');
    expect(JSON.parse(text('x.json'))).toEqual(sure);
  });
});

describe('a preview', () => {
  it('shows a small grey image, two characters a pixel, without empty rows around it', () => {
    const images = Uint8Array.of(0, 0, 0, 255, 0, 128, 0, 0, 0);
    const drawn = ['@@  ++'];
    expect(preview({ images, rows: 3, columns: 3, channels: 1 })).toEqual(drawn);
    expect(preview({ images, rows: 1, columns: 9, channels: 1 })).toEqual(drawn);
  });

  it('shows no other', () => {
    const images = new Uint8Array(3 * 64 * 64);
    expect(preview({ images, rows: 64, columns: 64, channels: 1 })).toEqual([]);
    expect(preview({ images, rows: 4, columns: 4, channels: 3 })).toEqual([]);
    expect(preview({ images, rows: 1, columns: 6, channels: 1 })).toEqual([]);
  });
});
