/** A model with batch normalisation that was trained by a federation and stayed shared answers by its running statistics. */
import { expect, it } from 'vitest';
import { pixelSource } from '../../src/data/encode.ts';
import { type Network, parameters } from '../../src/nn/network.ts';
import { decode } from '../../src/ring/fixed.ts';
import { add } from '../../src/ring/z64.ts';
import { type InputPart, PARTY_NAMES } from '../../src/server/ipc.ts';
import type { ServeJob, TrainJob } from '../../src/server/job.ts';
import type { ServingEnds } from '../../src/server/serving-ends.ts';
import { inputParts, ofEach, type OfEach, resultsIn, serveFederated } from '../federated.ts';
import { TRAINED_ON, trainTiny } from '../tiny-served.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';

const UNITS = 4;
const EPSILON = 0.01;
/** The first normalisation would fold into the dense layer before it if somebody held the weights, the second has none before it. */
const NORMED: Network = {
  name: 'normed',
  input: [2, 2, 1],
  layers: [
    { type: 'flatten' },
    { type: 'dense', units: UNITS },
    { type: 'batchnorm', epsilon: EPSILON },
    { type: 'relu' },
    { type: 'batchnorm', epsilon: EPSILON },
    { type: 'dense', units: 3 },
  ],
};
const DOCUMENT = 'd1'.repeat(32);
const TRAINING: TrainJob = {
  ...{ kind: 'train', sessionId: '', document: DOCUMENT, network: NORMED, ...DIRECT_SUITE, ...SOFTMAX_SGD },
  ...{ batch: 6, trainImages: 12, testImages: 0, steps: 12, checkpointEvery: 100, keepModel: true },
};
const SERVING: ServeJob = {
  ...{ kind: 'serve', sessionId: 's', document: '5f'.repeat(32), network: NORMED, ...DIRECT_SUITE },
  ...{ model: DOCUMENT, scores: true, maxBatch: 64, maxWaitMs: 0 },
};

function input(id: string, pixels: Uint8Array): OfEach<InputPart> {
  return inputParts({ id, client: 'somebody', images: pixels.length / 4 }, pixelSource(pixels, 16));
}

/** Of one image, in doubles. */
function scoresOf(model: ReadonlyMap<string, Float64Array>, pixels: Uint8Array): number[] {
  const of = (layer: number, name: string): Float64Array => model.get(`layers.${layer}.${name}`)!;
  const dense = (x: readonly number[], layer: number, units: number): number[] =>
    Array.from({ length: units }, (_, u) =>
      x.reduce((sum, value, i) => sum + value * of(layer, 'weight')[i * units + u], of(layer, 'bias')[u]),
    );
  const normed = (x: readonly number[], layer: number): number[] =>
    x.map((value, c) => {
      const deviation = Math.sqrt(of(layer, 'variance')[c] + EPSILON);
      return ((value - of(layer, 'mean')[c]) / deviation) * of(layer, 'weight')[c] + of(layer, 'bias')[c];
    });
  const first = dense(
    [...pixels].map((pixel) => pixel / 255),
    1,
    UNITS,
  );
  const hidden = normed(first, 2).map((value) => Math.max(0, value));
  return dense(normed(hidden, 4), 5, 3);
}

it('serves what it trained: every image by itself and beside others', async () => {
  const folder = await trainTiny('serving-normed', TRAINING);
  const results = await resultsIn(folder, TRAINING);
  const model = new Map(parameters(NORMED).map(({ name }) => [name, decode(results.get(`model/${name}`)!, 16)]));
  // Statistics have moved from where they start.
  expect(Math.abs(model.get('layers.2.mean')![0])).toBeGreaterThan(2 ** -10);
  expect(Math.abs(model.get('layers.4.variance')![0] - 1)).toBeGreaterThan(2 ** -10);

  const shares = new Map<string, BigUint64Array[]>();
  const awaited = new Set(PARTY_NAMES.flatMap((party) => ['one', 'all'].map((id) => `${party} ${id}`)));
  let ends: OfEach<ServingEnds> | undefined;
  const { outcomes } = await serveFederated(SERVING, {
    ...{ seed: 2, folder, onBegin: (begun) => (ends = begun) },
    onNotice: (party, notice) => {
      if (notice.type === 'event' && notice.event.kind === 'ready' && party === 'P0')
        for (const parts of [input('one', TRAINED_ON.subarray(0, 4)), input('all', TRAINED_ON)])
          for (const each of PARTY_NAMES) ends![each].take([parts[each]]);
      if (notice.type !== 'answers') return;
      for (const { id, share } of notice.answers) {
        if (share !== null) shares.set(id, [...(shares.get(id) ?? []), share]);
        awaited.delete(`${party} ${id}`);
      }
      if (awaited.size === 0) void ends!.P0.stop();
    },
  });
  expect(outcomes).toEqual(ofEach(() => ({ kind: 'done' })));
  const answer = (id: string): number[] => {
    const [a, b] = shares.get(id)!;
    return [...decode(add(a, b), 16)];
  };
  const expected = Array.from({ length: 12 }, (_, i) => scoresOf(model, TRAINED_ON.subarray(4 * i, 4 * i + 4))).flat();
  expect(expected.some((score) => Math.abs(score) > 0.1)).toBe(true);
  answer('all').forEach((score, i) => expect(score).toBeCloseTo(expected[i], 2));
  answer('one').forEach((score, i) => expect(score).toBeCloseTo(expected[i], 2));
  expect(answer('all').length).toBe(expected.length);
});
