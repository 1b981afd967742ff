/** `securenn model import` and `model export`: files in, files out, and what is said. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { modelExport } from '../../src/cli/model/export.ts';
import { modelImport } from '../../src/cli/model/import.ts';
import { readModel } from '../../src/data/read-model.ts';
import { Problem } from '../../src/data/problem.ts';
import { FOLDER, imported } from '../onnx/fixtures.ts';

let folder: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'securenn-import-'));
  said = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
});
afterEach(() => void vi.restoreAllMocks());

const fixture = (name: string): string => join(FOLDER, name);

async function problemOf(argv: Readonly<Record<string, unknown>>): Promise<Problem> {
  const thrown: unknown = await modelImport({ out: join(folder, 'no.safetensors'), ...argv }).catch(
    (error: unknown) => error,
  );
  if (!(thrown instanceof Problem)) throw thrown;
  expect(existsSync(join(folder, 'no.safetensors'))).toBe(false);
  return thrown;
}

describe('model import', () => {
  it('saves the model, and says what became of its nodes', async () => {
    const [out, json] = [join(folder, 'net.safetensors'), join(folder, 'net.json')];
    await modelImport({ FILE: fixture('mlp-old.onnx'), out, json, check: 3, name: 'mine' });
    const model = await readModel(out);
    const { model: expected } = await imported('mlp-old', { name: 'mine' });
    expect(model.network).toEqual(expected.network);
    expect(model.tensors).toEqual(expected.tensors);
    const text = said.join('\n');
    expect(text).toContain('network mine: input [8,8,1], 4 layers');
    expect(text).toMatch(/folded: node ".*BatchNormalization" \(BatchNormalization\) into node ".*Gemm" \(Gemm\)/);
    expect(text).toContain('check: 3 random samples');
    expect(text).toContain(`model saved: ${out}`);
    const report = JSON.parse(readFileSync(json, 'utf8')) as { check: { samples: number }; path: string };
    expect(report).toMatchObject({ command: 'model import', path: out, check: { samples: 3 } });
  });

  it('reads weights of PyTorch beside a network file', async () => {
    const network = join(folder, 'net.json');
    const layers = [{ type: 'flatten' }, { type: 'dense', units: 10 }];
    writeFileSync(network, JSON.stringify({ name: 'net', input: [8, 7, 2], layers }));
    const { message } = await problemOf({ FILE: fixture('torch-weights.safetensors'), network });
    expect(message).toContain('a weight [10,112] each, found 0');
  });

  it('refuses what it cannot read, with what to do', async () => {
    const { message } = await problemOf({ FILE: join(folder, 'none.onnx') });
    expect(message).toContain('no such file');
    expect((await problemOf({ FILE: fixture('torch-weights.pt') })).fix).toContain('torch.onnx.export');
    expect((await problemOf({ FILE: fixture('torch-weights.safetensors') })).fix).toContain('--network NET.json');
    expect((await problemOf({ FILE: fixture('mlp-new.onnx'), network: 'A' })).message).toContain('holds its network');
    expect((await problemOf({ FILE: fixture('mlp-new.onnx'), input: '3,32,32' })).message).toContain('3x32x32');
    expect((await problemOf({ FILE: fixture('mlp-new.onnx'), pixels: 2 })).message).toContain('expected 1 or 255');
    expect((await problemOf({ FILE: fixture('mlp-new.onnx'), images: 'x.png' })).message).toContain('without --check');
    expect((await problemOf({ FILE: fixture('torch-weights.safetensors'), network: 'A', map: '0' })).message).toContain(
      'LAYER=MODULE',
    );
  });
});

describe('model export', () => {
  it('writes what model import reads again', async () => {
    const [first, second] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')];
    await modelImport({ FILE: fixture('keras-scaled.onnx'), out: first });
    await modelExport({ FILE: first });
    expect(said.at(-1)).toContain('a.onnx: input [N, 3, 10, 10], values divided by 255; mean and deviation are part');
    await modelImport({ FILE: join(folder, 'a.onnx'), out: second, name: 'keras-scaled' });
    const [before, after] = [await readModel(first), await readModel(second)];
    expect(after.network).toEqual(before.network);
    expect(after.scaling?.std[0]).toBeCloseTo(before.scaling!.std[0], 6);
  });
});
