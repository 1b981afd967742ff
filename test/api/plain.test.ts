/** Networks, models, data and the plain engine as the package gives them, by the names of their sources. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  describeModel,
  formatModel,
  initialModel,
  loadModel,
  makeDataset,
  namedNetwork,
  networkShapes,
  parseModel,
  parseNetwork,
  plainInference,
  plainTraining,
  type PlainStep,
  Problem,
  saveModel,
} from '../../src/api/index.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { decode } from '../../src/ring/fixed.ts';
import { createPlainEngine } from '../../src/engine/plain.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { modelInTheClear } from '../../src/client/in-the-clear.ts';
import { inferScores } from '../../src/nn/infer.ts';
import { encode } from '../../src/ring/fixed.ts';
import { temporaryFolder } from '../folder.ts';

/** Images that tell nothing, but are always the same. */
function pixels(count: number): Uint8Array {
  return Uint8Array.from({ length: 784 * count }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
}

const problem = async (run: () => unknown): Promise<Problem> => {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
    return error as Problem;
  }
  throw new Error('it went well');
};

describe('networks', () => {
  it('come from text or JSON, and have names', async () => {
    const json = { name: 'n', input: [4], layers: [{ type: 'dense', units: 2 }] };
    expect(parseNetwork(json)).toEqual(parseNetwork(JSON.stringify(json)));
    expect(networkShapes(parseNetwork(json))).toEqual([[4], [2]]);
    expect(Object.keys(NETWORKS)).toEqual(
      Object.keys(NETWORKS).filter((name) => namedNetwork(name as 'A').name === name),
    );
    const { message } = await problem(() => parseNetwork('{ "name": "n", }', 'net.json'));
    expect(message).toMatch(/^net\.json: not readable as JSON: line 1, column 16/);
    expect((await problem(() => namedNetwork('a' as 'A'))).fix).toMatch(/give one of A, B, C, D/);
  });
});

describe('models', () => {
  it('are the same once they have been a file', async () => {
    const model = initialModel(namedNetwork('D'), 3);
    const path = join(temporaryFolder('api'), 'model.safetensors');
    await saveModel(path, model);
    expect(await loadModel(path)).toEqual(model);
    expect(parseModel(formatModel(model))).toEqual(model);
    expect(describeModel(model)).toMatchObject({ name: 'D', inputShape: [28, 28, 1], classes: 10, parameters: 99_240 });
  });

  it('are asked for again when they are none', async () => {
    expect((await problem(() => loadModel('/none/there'))).message).toMatch(/^\/none\/there: cannot be read/);
    expect((await problem(() => parseModel(new Uint8Array(3)))).message).toMatch(/^model: too short/);
  });
});

describe('data', () => {
  const square = { shape: [1, 2], images: [0, 1, 2, 3], labels: [0, 1] };

  it('of values in memory has what training asks for', () => {
    const data = makeDataset({ ...square, images: new Uint8Array([0, 255, 1, 2]), classes: ['a', 'b'] });
    expect(data).toMatchObject({ rows: 1, columns: 2, channels: 1, classes: 2, classNames: ['a', 'b'] });
    expect(data.scaling.divideBy).toBe(255);
    expect(makeDataset(square).scaling.divideBy).toBe(1);
  });

  it.each([
    [{ ...square, labels: [0] }, /images: 4 values, expected 2 \(1 labels, 2 values an image\)/],
    [{ ...square, labels: [0, 0.5] }, /label 0\.5 of image 1/],
    [{ ...square, labels: [0, 300] }, /label 300 of image 1/],
    [{ ...square, classes: 1 }, /1 classes, labels go to 1/],
    [{ ...square, shape: [] }, /shape \[\]/],
    [{ ...square, images: [0, 1, 2, NaN] }, /image 1, value 1: NaN/],
    [{ ...square, scaling: { divideBy: 1, mean: [0, 0, 0], std: [1] } }, /lists 3 numbers/],
  ])('that does not fit is refused: %j', async (values, message) => {
    expect((await problem(() => makeDataset(values))).message).toMatch(message);
  });
});

describe('the plain engine', () => {
  it('gives the scores of the engine that it is, bit for bit', async () => {
    const model = initialModel(namedNetwork('C'), 5);
    const images = pixels(3);
    const { label, labels, scores } = await plainInference(model, images);
    const compute = await createWasmCompute({ workers: 0 });
    let expected: Float64Array | undefined;
    const engine = createPlainEngine({
      ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, seed: 0, compute },
      reveal: (_, value) => Promise.resolve(void (expected = decode(value, 16))),
    });
    const samples = encode(
      Float64Array.from(images, (x) => x / 255),
      16,
    );
    await engine.scope('batch/0', async (scope) => {
      const weights = modelInTheClear(engine, model, 16);
      await scope.reveal('', await inferScores(scope, model.network, weights, engine.input([3, 784], 16, samples)));
    });
    expect(Array.from(scores)).toEqual(Array.from(expected!));
    const rows = [0, 1, 2].map((i) => Array.from(scores.subarray(10 * i, 10 * i + 10)));
    expect(labels).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
    expect(label).toBe(labels[0]);
  });

  it('scales bytes as the model says, and takes numbers as they are', async () => {
    const model = { ...initialModel(namedNetwork('A'), 5), scaling: { divideBy: 255, mean: [0.5], std: [0.25] } };
    const numbers = Array.from(pixels(1), (x) => (x / 255 - 0.5) / 0.25);
    const [bytes, given] = [await plainInference(model, pixels(1)), await plainInference(model, numbers)];
    expect(bytes).toEqual(given);
    const named = { ...model, classNames: Array.from({ length: 10 }, (_, i) => `digit ${i}`) };
    expect((await plainInference(named, pixels(1))).name).toBe(`digit ${bytes.label}`);
  });

  it('gives 8 and 16 bits the same answer, whichever the model was trained on', async () => {
    const model = initialModel(namedNetwork('A'), 5);
    const deep = { ...model, scaling: { divideBy: 65_535, mean: [0], std: [1] } };
    const same = [pixels(1), Uint16Array.from(pixels(1), (value) => 257 * value)];
    const expected = await plainInference(model, same[0]);
    for (const image of same)
      for (const each of [model, deep]) expect(await plainInference(each, image)).toEqual(expected);
    const numbers = Float64Array.from(pixels(1), (value) => 1e12 * value);
    expect((await problem(() => plainInference(model, numbers))).message).toMatch(/^value 0 of the image is out of/);
  });

  it('trains, tells of it, and goes on from a model', async () => {
    const images = [0, 0, 0, 1, 1, 0, 1, 1];
    const data = makeDataset({
      shape: [2],
      images,
      labels: [0, 1, 1, 0],
      testImages: images,
      testLabels: [0, 1, 1, 0],
    });
    const layers = [{ type: 'dense', units: 16 }, { type: 'relu' }, { type: 'dense', units: 2 }];
    const network = parseNetwork({ name: 'xor', input: [2], layers });
    const steps: PlainStep[] = [];
    const job = { network, data, batch: 4, learningRate: 2 ** -3 };
    const first = await plainTraining({ ...job, steps: 20, onStep: (step) => steps.push(step) });
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(steps.filter(({ loss }) => loss !== undefined).map(({ step }) => step)).toEqual([1, 10, 20]);
    const { model, test } = await plainTraining({ ...job, from: first.model, steps: 180 });
    expect(test).toEqual({ correct: 4, images: 4 });
    expect((await plainInference(model, images)).labels).toEqual([0, 1, 1, 0]);
  });

  it('ends between two steps when its signal says so', async () => {
    const data = makeDataset({ shape: [1], images: [0, 1], labels: [0, 1] });
    const network = parseNetwork({ name: 'n', input: [1], layers: [{ type: 'dense', units: 2 }] });
    const ending = new AbortController();
    const seen: number[] = [];
    const onStep = ({ step }: PlainStep): void => {
      seen.push(step);
      if (step === 3) ending.abort(new Error('enough'));
    };
    const training = plainTraining({ network, data, batch: 2, steps: 1000, onStep, signal: ending.signal });
    await expect(training).rejects.toThrow('enough');
    expect(seen).toEqual([1, 2, 3]);
  });

  it.each([
    [{ fractionBits: 40 }, /fractionBits: 40/],
    [{ workers: -1 }, /workers: -1/],
  ])('refuses %j', async (options, message) => {
    const { message: found } = await problem(() => plainInference(initialModel(namedNetwork('A')), pixels(1), options));
    expect(found).toMatch(message);
  });

  it('refuses what does not fit', async () => {
    const model = initialModel(namedNetwork('A'));
    expect((await problem(() => plainInference(model, pixels(1).subarray(1)))).message).toMatch(/^783 values/);
    const data = makeDataset({ shape: [2], images: [0, 1], labels: [1] });
    const misfits = [
      [{ network: namedNetwork('A'), data }, /takes \[784\], images of data set are \[1, 2, 1\]/],
      [{ network: parseNetwork({ name: 'n', input: [2], layers: [{ type: 'dense', units: 1 }] }), data }, /tells 1/],
    ] as const;
    for (const [job, message] of misfits)
      expect((await problem(() => plainTraining({ ...job, batch: 1 }))).message).toMatch(message);
    const network = parseNetwork({ name: 'n', input: [2], layers: [{ type: 'dense', units: 2 }] });
    const wrong = [{ batch: 2 }, { epochs: 1, steps: 1 }, { learningRate: 2 }, { momentum: 1 }, { from: model }];
    for (const options of wrong) await problem(() => plainTraining({ network, data, batch: 1, steps: 1, ...options }));
  });
});
