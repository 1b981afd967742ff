/** Models written as ONNX: read again they mean the same; what real onnxruntime gives for them is in docs/onnx.md. */
import { describe, expect, it } from 'vitest';
import { LAYERS } from '../../src/nn/layers/table.ts';
import { exportOnnx, WRITERS } from '../../src/onnx/export.ts';
import { parseOnnx } from '../../src/onnx/file.ts';
import { importOnnx } from '../../src/onnx/model.ts';
import { distance, factsOf, fixtures, floatScoresOf, imported, OPTIONS } from './fixtures.ts';

describe.each(fixtures())('%s', (name) => {
  it('is the same model after it was written as ONNX and read again', async () => {
    const [facts, from] = [factsOf(name), await imported(name)];
    const bytes = exportOnnx(from.model, 'test');
    const again = importOnnx(parseOnnx(bytes, 'again'), { ...OPTIONS, white: 1 });
    // Channels first, whatever the file had: the samples lie here as they did.
    const few = { ...facts, scores: facts.scores.slice(0, 10) };
    const same = { ...again, reference: { ...again.reference, input: from.reference.input, single: false } };
    expect(distance(floatScoresOf(same, few), floatScoresOf(from, few))).toBeLessThan(1e-4);
    if (from.model.network.input.length === 3) expect(again.reference.input.order).toBe('nchw');
  });
});

it('every layer has a form in ONNX', () => {
  expect(Object.keys(LAYERS).filter((type) => !(type in WRITERS))).toEqual([]);
});

it('a leaky ReLU that says no slope keeps the one it has here', () => {
  const dense = {
    weight: { shape: [2, 2], data: Float64Array.of(1, 0, 0, 1) },
    bias: { shape: [1, 2], data: new Float64Array(2) },
  };
  const layers = [{ type: 'dense', units: 2 }, { type: 'leakyrelu' }, { type: 'dense', units: 2 }] as const;
  const tensors = new Map(
    [0, 2].flatMap((i) => Object.entries(dense).map(([short, tensor]) => [`layers.${i}.${short}`, tensor] as const)),
  );
  const model = { network: { name: 'leaky', input: [2], layers }, fractionBits: 16, tensors };
  const again = importOnnx(parseOnnx(exportOnnx(model, 'test'), 'again'), { ...OPTIONS, white: 1 });
  expect(again.model.network.layers[1]).toEqual({ type: 'leakyrelu', slope: 0.01 });
});
