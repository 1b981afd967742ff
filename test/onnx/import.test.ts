/** Models as real exporters write them, against the scores of onnxruntime, which were stored beside them. */
import { clone, create } from '@bufbuild/protobuf';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readOnnx } from '../../src/onnx/file.ts';
import { importOnnx } from '../../src/onnx/model.ts';
import { ModelProtoSchema, NodeProtoSchema, TensorProto_DataType, TensorProtoSchema } from '../../src/onnx/schema.ts';
import { bounded } from '../reference/bound.ts';
import {
  distance,
  expectedOf,
  factsOf,
  fixtures,
  floatScoresOf,
  FOLDER,
  imported,
  OPTIONS,
  samplesOf,
  scoresOf,
} from './fixtures.ts';

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

it.each([
  ['deviations of a table, however large', [1e-3, 5e-4, 2e-3, 1e-2], 1],
  ['what pixels are divided by', [1 / 255, 1 / 255, 1 / 255, 1 / 255], 255],
  ['one of many', [1 / 255, 1 / 255, 1 / 255, 1 / 40], 1],
])('a vector that is scaled by %s: white is taken for %j', async (_, scale, white) => {
  const file = await readOnnx(join(FOLDER, 'skl-scaled.onnx'));
  const model = clone(ModelProtoSchema, file.model);
  const scaler = model.graph!.node.find(({ opType }) => opType === 'Scaler')!;
  scaler.attribute.find(({ name }) => name === 'scale')!.floats = [...scale];
  expect(importOnnx({ ...file, model, graph: model.graph! }, OPTIONS).reference.white).toBe(white);
});

it.each([
  ['127.5', [127.5], 255],
  ['that of each colour', [123.7, 116.8, 103.9], 255],
  ['0.5', [0.5], 1],
  ['one below zero', [-127.5], 1],
  ['9.8, as sensors have it', [9.8, 9.8, 9.8], 1],
])('an image whose mean of %s is taken away: white is taken for %j', async (_, mean, white) => {
  const file = await readOnnx(join(FOLDER, 'colour-old.onnx'));
  const model = clone(ModelProtoSchema, file.model);
  const graph = model.graph!;
  const reader = graph.node.find(({ input }) => input[0] === 'x')!;
  reader.input[0] = 'centred';
  graph.node.unshift(create(NodeProtoSchema, { opType: 'Sub', input: ['x', 'mean'], output: ['centred'] }));
  const dims = [1n, BigInt(mean.length), 1n, 1n];
  graph.initializer.push(
    create(TensorProtoSchema, { name: 'mean', dims, dataType: TensorProto_DataType.FLOAT, floatData: [...mean] }),
  );
  expect(importOnnx({ ...file, model, graph }, OPTIONS).reference.white).toBe(white);
});
