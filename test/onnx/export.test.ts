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
