import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFileAtomically } from '../../src/data/atomic-write.ts';
import { formatModel, parseModel, type Model } from '../../src/data/model-file.ts';
import { checkModelNetwork } from '../../src/data/model-network.ts';
import { readModel } from '../../src/data/read-model.ts';
import { formatSafetensors, parseSafetensors } from '../../src/data/safetensors.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import type { Network } from '../../src/nn/network.ts';
import { temporaryFolder } from '../folder.ts';

const network: Network = { name: 'tiny', input: [2], layers: [{ type: 'dense', units: 3 }] };

const model: Model = {
  network,
  fractionBits: 16,
  tensors: new Map([
    ['layers.0.weight', { shape: [2, 3], data: Float64Array.of(1, -2, 0.5, 2 ** -16, 0, -(2 ** 30)) }],
    ['layers.0.bias', { shape: [1, 3], data: Float64Array.of(0, 1, 2) }],
  ]),
};

/** The model's file with something changed in it. */
function changed(edit: (file: { tensors: Map<string, unknown>; metadata: Map<string, string> }) => void): Uint8Array {
  const file = parseSafetensors(formatModel(model), 'x');
  const copy = { tensors: new Map(file.tensors), metadata: new Map(file.metadata) };
  edit(copy);
  return formatSafetensors(copy);
}

describe('model files', () => {
  it('give back the model', async () => {
    const path = join(temporaryFolder('model'), 'deep', 'model.safetensors');
    await writeFileAtomically(path, formatModel(model));
    expect(await readModel(path)).toEqual(model);
    expect(readdirSync(join(path, '..'))).toEqual(['model.safetensors']);
  });

  it('keep how values were scaled, which programs that do not know of it refuse, and what classes are called', () => {
    const scaling = { divideBy: 1, mean: [0.5, -1], std: [2] };
    const classNames = ['cat', 'dog', 'bird'];
    const bytes = formatModel({ ...model, scaling, classNames });
    expect(parseModel(bytes, 'x')).toEqual({ ...model, scaling, classNames });
    expect(parseSafetensors(bytes, 'x').metadata.get('version')).toBe('2');
    const ofBytes = formatModel({ ...model, scaling: OF_BYTES });
    expect(parseModel(ofBytes, 'x').scaling).toEqual(OF_BYTES);
    expect(parseSafetensors(ofBytes, 'x').metadata.get('version')).toBe('1');
  });

  it('stay as they were when writing fails, and leave nothing behind', async () => {
    const folder = temporaryFolder('model');
    // A folder in the target's place makes the last step, the rename, fail.
    const blocked = join(folder, 'blocked');
    await writeFileAtomically(join(blocked, 'inside'), new Uint8Array(1));
    await expect(writeFileAtomically(blocked, new Uint8Array(1))).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(['blocked']);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['no format', changed(({ metadata }) => metadata.delete('format')), /format: expected securenn-model, found none/],
    ['another version', changed(({ metadata }) => metadata.set('version', '3')), /version: expected 1 or 2, found 3/],
    [
      'a scaling that is none',
      changed(({ metadata }) => metadata.set('scaling', '{"divideBy":0}')),
      /its scaling cannot be read/,
    ],
    [
      'a scaling of another input',
      changed(({ metadata }) => metadata.set('scaling', '{"divideBy":1,"mean":[1,2,3],"std":[1]}')),
      /--mean lists 3 numbers, images are 1 x 2 x 1/,
    ],
    [
      'too many names',
      changed(({ metadata }) => metadata.set('classes', '["a","b","c","d"]')),
      /names 4 classes, its network has 3/,
    ],
    ['no network', changed(({ metadata }) => metadata.delete('network')), /its network is not JSON/],
    ['a network that is none', changed(({ metadata }) => metadata.set('network', '{}')), /network: /],
    ['fraction bits that are none', changed(({ metadata }) => metadata.set('fractionBits', '1e9')), /fractionBits/],
    [
      'a missing tensor',
      changed(({ tensors }) => tensors.delete('layers.0.bias')),
      /tensor layers\.0\.bias is missing/,
    ],
    [
      'a tensor too many',
      changed(({ tensors }) => tensors.set('extra', { shape: [1], data: Float64Array.of(1) })),
      /tensor extra does not belong to network tiny/,
    ],
    [
      'another shape',
      changed(({ tensors }) => tensors.set('layers.0.bias', { shape: [3], data: new Float64Array(3) })),
      /layers\.0\.bias: expected \[1,3\], found \[3\]/,
    ],
    [
      'a number that is none',
      changed(({ tensors }) => tensors.set('layers.0.bias', { shape: [1, 3], data: Float64Array.of(0, NaN, 0) })),
      /not finite/,
    ],
  ])('are refused with %s', (_, bytes, message) => {
    expect(() => parseModel(bytes, 'x')).toThrow(message);
  });

  it('of another program: says what they hold and what is expected', () => {
    const header = JSON.stringify({
      'fc1.weight': { dtype: 'F32', shape: [3, 2], data_offsets: [0, 24] },
      'fc1.bias': { dtype: 'F32', shape: [3], data_offsets: [24, 36] },
      __metadata__: { format: 'pt' },
    });
    const bytes = new Uint8Array(8 + header.length + 36);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(new TextEncoder().encode(header), 8);
    const found =
      'm: a safetensors file of another program: format: expected securenn-model, found pt; ' +
      'it holds fc1.weight F32 [3,2], fc1.bias F32 [3]';
    expect(() => parseModel(bytes, 'm')).toThrow(expect.objectContaining({ message: found }));
    expect(() => parseModel(bytes, 'm', network)).toThrow(
      expect.objectContaining({
        message: `${found}; network tiny expects layers.0.weight F64 [2,3], layers.0.bias F64 [1,3]`,
        fix: expect.stringContaining('docs/onnx.md') as string,
      }),
    );
  });

  it('with a weight as PyTorch keeps it: says that it is the transpose', () => {
    const bytes = changed(({ tensors }) =>
      tensors.set('layers.0.weight', { shape: [3, 2], data: new Float64Array(6) }),
    );
    expect(() => parseModel(bytes, 'm')).toThrow(
      'm: tensor layers.0.weight: expected [2,3], found [3,2], which is its transpose',
    );
  });

  it('are refused for another network', () => {
    expect(() => checkModelNetwork(model, network, 'x')).not.toThrow();
    expect(() => checkModelNetwork(model, NETWORKS.A, 'x')).toThrow(
      'x: holds network tiny (2-3), not the network A (784-128-128-10) asked for',
    );
    const twin: Network = { ...network, layers: [...network.layers, { type: 'relu' }] };
    expect(() => checkModelNetwork(model, twin, 'x')).toThrow('a network tiny (2-3) with other layers');
    expect(() => checkModelNetwork({ ...model, network: twin }, network, 'x')).toThrow(
      'asked for: its layer 1 (relu) is one more than was asked for',
    );
    expect(() => checkModelNetwork(model, twin, 'x')).toThrow('asked for: it has no layer 1 (relu)');
    const wide: Network = { ...network, layers: [{ type: 'dense', units: 4 }] };
    expect(() => checkModelNetwork(model, wide, 'x')).toThrow('its layer 0 (dense 3) is not layer 0 (dense 4)');
    expect(() => checkModelNetwork(model, { ...network, input: [3] }, 'x')).toThrow('its input is [2], not [3]');
    expect(() => checkModelNetwork(model, { ...network, name: 'another name' }, 'x')).not.toThrow();
    const strided = (stride: number): Network => ({
      ...{ name: 's', input: [8, 8, 1] },
      layers: [{ type: 'conv2d', filters: 1, kernel: 2, stride }, { type: 'flatten' }, { type: 'dense', units: 2 }],
    });
    expect(() => checkModelNetwork({ ...model, network: strided(1) }, strided(2), 'x')).toThrow(
      'its layer 0 (conv2d 2x2, 1 filters) is not layer 0 (conv2d 2x2, 1 filters) in stride',
    );
  });

  it('that do not say their network are read as the one that is asked for', () => {
    const silent = changed(({ metadata }) => metadata.delete('network'));
    expect(parseModel(silent, 'x', network)).toEqual(model);
    expect(() => parseModel(silent, 'x', NETWORKS.A)).toThrow(/tensor layers\.0\.weight: expected \[784,128\]/);
  });

  it('that are not there are named', async () => {
    await expect(readModel('/no/such.safetensors')).rejects.toThrow('model file /no/such.safetensors: cannot be read');
    const path = join(temporaryFolder('model'), 'text');
    writeFileSync(path, 'hello');
    await expect(readModel(path)).rejects.toThrow(/text: too short for a safetensors file.*; it is text$/);
    writeFileSync(path, 'PK\x03\x04 and what torch.save writes next');
    await expect(readModel(path)).rejects.toThrow(
      /text: header length: .*: not a safetensors file; it is a zip archive \(PyTorch \.pt/,
    );
    await expect(readModel(join(path, '..'))).rejects.toThrow(/cannot be read: it is a folder$/);
    await expect(readModel('/no/such.safetensors')).rejects.toThrow(/cannot be read: no such file$/);
  });
});
