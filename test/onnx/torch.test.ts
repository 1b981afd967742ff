/** Weights under PyTorch's names beside a network file, as the real safetensors library writes them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { parseNetwork } from '../../src/nn/networkFile.ts';
import type { Network } from '../../src/nn/network.ts';
import { isSafetensors, refuseForeign } from '../../src/onnx/foreign.ts';
import type { Imported } from '../../src/onnx/model.ts';
import { importTorch } from '../../src/onnx/torch.ts';
import { distance, type Facts, factsOf, floatScoresOf, FOLDER } from './fixtures.ts';

const WEIGHTS = readFileSync(join(FOLDER, 'torch-weights.safetensors'));

function network(change: (layers: object[]) => object[] = (layers) => layers): Network {
  const conv = { type: 'conv2d', filters: 3, kernel: 3, padding: 1 };
  const layers = [
    conv,
    { type: 'batchnorm' },
    { type: 'relu', name: 'stem' },
    conv,
    { type: 'relu' },
    { ...conv, name: 'long' },
    { type: 'add', from: ['stem', 'long'] },
    { type: 'relu' },
    { type: 'maxpool', window: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 10 },
    { type: 'batchnorm' },
    { type: 'relu' },
    { type: 'dense', units: 4 },
  ];
  return parseNetwork({ name: 'net', input: [8, 7, 2], layers: change(layers) }, 'test');
}

function read(
  net: Network,
  map: Readonly<Record<string, string>> = {},
  bytes = WEIGHTS,
): ReturnType<typeof importTorch> {
  const options = { network: net, fractionBits: 16, limit: 2 ** 16, map: new Map(Object.entries(map)) };
  return importTorch(bytes, 'weights', options);
}

function thrownBy(run: () => unknown): Problem {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** PyTorch's images are channels, height, width. */
function asImported({ model }: ReturnType<typeof importTorch>, [channels, height, width]: readonly number[]): Imported {
  const pixels = height * width;
  const places = Uint32Array.from(
    { length: channels * pixels },
    (_, i) => (i % channels) * pixels + Math.floor(i / channels),
  );
  return { model, notes: [], reference: { input: { places }, single: false } } as unknown as Imported;
}

describe('weights of PyTorch', () => {
  it('find their layers, and give the scores that PyTorch gives', () => {
    const facts: Facts = factsOf('torch-weights');
    const { model, notes } = read(network());
    const from = asImported({ model, notes }, facts.input);
    const expected = facts.scores.map((row) => [...row]);
    expect(distance(floatScoresOf(from, facts), expected)).toBeLessThan(1e-5);
    expect(notes.map(({ text }) => text)).toEqual([
      'layer 0 (conv2d 3x3, 3 filters): conv1, weight [3,2,3,3]; no bias: zeros',
      'layer 1 (batchnorm): bn1, weight [3]; no bias: zeros'.replace('; no bias: zeros', ''),
      'layer 3 (conv2d 3x3, 3 filters): conv2, weight [3,3,3,3]',
      'layer 5 "long" (conv2d 3x3, 3 filters): conv3, weight [3,3,3,3]',
      'layer 10 (dense 10): fc1, weight [10,36]; rows reordered from channels, height, width',
      'layer 11 (batchnorm): bn2, weight [10]',
      'layer 13 (dense 4): fc2, weight [4,10]',
    ]);
  });

  it('go where --map says', () => {
    const swapped = read(network(), { 3: 'conv3', long: 'conv2' });
    const plain = read(network());
    expect(swapped.model.tensors.get('layers.3.weight')).toEqual(plain.model.tensors.get('layers.5.weight'));
    expect(thrownBy(() => read(network(), { 4: 'conv3' })).message).toContain('no layer with weights');
    expect(thrownBy(() => read(network(), { 3: 'conv9' })).message).toContain('it holds bn1, bn2, conv1');
    expect(thrownBy(() => read(network(), { 3: 'conv1' })).message).toContain(
      'takes [3,3,3,3], conv1.weight is [3,2,3,3]',
    );
  });

  it('are refused where names do not say which is which', () => {
    const renamed = Buffer.from(WEIGHTS.toString('latin1').replaceAll('conv3.', 'shrtc.'), 'latin1');
    const { message, fix } = thrownBy(() => read(network(), {}, renamed));
    expect(message).toContain('weights of one shape, and so have conv2, shrtc');
    expect(fix).toContain('--map');
    expect(read(network(), { long: 'shrtc' }, renamed).model.tensors).toEqual(read(network()).model.tensors);
  });

  it('are refused when a layer has none, or a module no layer', () => {
    const more = network((layers) => [...layers, { type: 'relu' }, { type: 'dense', units: 4 }]);
    expect(thrownBy(() => read(more)).message).toContain('layer 15 (dense 4): a weight [4,4] each, found 0');
    const fewer = network((layers) => layers.slice(0, -3));
    expect(thrownBy(() => read(fewer)).message).toContain('bn2 [10], fc2 [4,10]: of no layer of network net');
  });

  it('of a convolution in groups are asked for as ONNX', () => {
    const layers = [{ type: 'conv2d', filters: 3, kernel: 3 }, { type: 'flatten' }, { type: 'dense', units: 4 }];
    const { message, fix } = thrownBy(() => read(parseNetwork({ name: 'net', input: [8, 7, 4], layers }, 'test')));
    expect(message).toContain('layer 0 (conv2d 3x3, 3 filters): a weight [3,4,3,3] each, found 0');
    expect(fix).toContain('conv1 looks like a convolution in groups: give the model as ONNX');
  });

  it('are told from other files', () => {
    expect(isSafetensors(WEIGHTS)).toBe(true);
    expect(isSafetensors(readFileSync(join(FOLDER, 'mlp-new.onnx')))).toBe(false);
  });

  it.each([640, 896, 1152, 1408])('with a header of %i bytes, begin as a pickle does, and are none', (length) => {
    const header = Buffer.alloc(8 + length, ' ');
    header.writeBigUInt64LE(BigInt(length));
    header.write('{"__metadata__":{"format":"pt"}}', 8);
    expect(() => refuseForeign(header, 'weights.safetensors')).not.toThrow();
  });
});

describe('a file of torch.save', () => {
  it('is refused once, with the lines that export it', () => {
    const { message, fix } = thrownBy(() => refuseForeign(readFileSync(join(FOLDER, 'torch-weights.pt')), 'net.pt'));
    expect(message).toContain('a file of PyTorch');
    expect(fix).toContain('torch.onnx.export(model');
    expect(fix).toContain('safetensors.torch.save_file');
  });
});
