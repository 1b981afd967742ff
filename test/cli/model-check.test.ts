/** `model import --check`: a user's own images through the plain engine and through onnxruntime, whose answers stand in the fixtures. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';
import { modelImport } from '../../src/cli/model/import.ts';
import { howToInstall, loadRuntime, runtimeScores, type Runtime } from '../../src/cli/model/runtime.ts';
import { Problem } from '../../src/data/problem.ts';
import { idxBytes } from '../data/fixtures.ts';
import { asHere, type Facts, factsOf, FOLDER, imported, pixels } from '../onnx/fixtures.ts';
import { temporaryFolder } from '../folder.ts';

vi.mock('../../src/cli/model/runtime.ts', async (original) => {
  const actual = await original<{ loadRuntime: typeof loadRuntime }>();
  return { ...actual, loadRuntime: vi.fn(actual.loadRuntime) };
});

const folder = temporaryFolder('check');
let said: string[];

beforeEach(() => {
  said = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
});
afterEach(() => {
  vi.mocked(loadRuntime).mockReset();
});

class Tensor {
  readonly type: string;
  readonly data: Float32Array;
  readonly dims: readonly number[];
  constructor(type: string, data: Float32Array, dims: readonly number[]) {
    [this.type, this.data, this.dims] = [type, data, dims];
  }
}

/** onnxruntime's answers to the inputs of a fixture, if these are what it is asked; `calls`: the shapes it was given. */
function runtimeOf(facts: Facts, calls: (readonly number[])[] = []): Runtime {
  const width = facts.input.reduce((product, extent) => product * extent, 1);
  const inputs = pixels(facts.scores.length * width).map((pixel) => Math.fround(pixel) * facts.white);
  const answers = new Map(
    facts.scores.map((row, i) => [keyOf(inputs.subarray(i * width, (i + 1) * width)), row] as const),
  );
  const zeros = facts.scores[0].map(() => 0);
  const run = (feeds: Readonly<Record<string, unknown>>): Promise<Record<string, { data: number[] }>> => {
    const { data, dims } = feeds.x as Tensor;
    calls.push(dims);
    const rows = Array.from({ length: dims[0] }, (_, i) => data.subarray(i * width, (i + 1) * width));
    const found = rows.map((row) => (row.every((value) => value === 0) ? zeros : answers.get(keyOf(row))));
    if (found.includes(undefined)) throw new Error('asked of other inputs');
    return Promise.resolve({ y: { data: found.flatMap((row) => row!) } });
  };
  const session = { inputNames: ['x'], outputNames: ['y'], run };
  return { InferenceSession: { create: () => Promise.resolve(session) }, Tensor };
}

/** Of float32 numbers that were computed in two ways. */
function keyOf(row: ArrayLike<number>): string {
  return Array.from(row, (value) => value.toFixed(3)).join();
}

/** The fixture's inputs as a file of bytes, laid out as images are here. */
async function imagesOf(name: string, count: number, shape?: readonly number[]): Promise<string> {
  const [facts, from] = [factsOf(name), await imported(name)];
  const width = facts.input.reduce((product, extent) => product * extent, 1);
  const bytes = asHere(pixels(count * width), from).map((pixel) => Math.round(pixel * 255));
  const path = join(folder, `${name}-${count}-images-idx4-ubyte`);
  const { input } = from.model.network;
  writeFileSync(path, idxBytes([count, ...(shape ?? (input.length === 1 ? [1, input[0]] : input))], bytes));
  return path;
}

const fixture = (name: string): string => join(FOLDER, `${name}.onnx`);
const out = join(folder, 'net.safetensors');

async function problemOf(argv: Readonly<Record<string, unknown>>): Promise<Problem> {
  const none = join(folder, 'none.safetensors');
  const thrown: unknown = await modelImport({ out: none, check: 10, ...argv }).catch((error: unknown) => error);
  if (!(thrown instanceof Problem)) throw thrown;
  expect(existsSync(none)).toBe(false);
  return thrown;
}

describe('--check with --images', () => {
  it.each([
    ['colour-old', 'channels first in the file, last in the images'],
    ['keras-scaled', 'channels last, pixels of 0 to 255, mean and deviation'],
    ['keras-grey', 'no axis for channels'],
    ['lenet-new', 'grey'],
  ])('%s: %s', async (name) => {
    const [facts, json] = [factsOf(name), join(folder, 'report.json')];
    vi.mocked(loadRuntime).mockResolvedValue(runtimeOf(facts));
    await modelImport({ FILE: fixture(name), out, json, check: 100, images: await imagesOf(name, 100) });
    const text = said.join('\n');
    expect(text).toMatch(/check: 100 images: the same class as onnxruntime for 100 of 100; scores up to/);
    expect(text).toMatch(/check: largest value compared .*, the window holds 65536/);
    const { check } = JSON.parse(readFileSync(json, 'utf8')) as { check: Record<string, number> };
    expect(check).toMatchObject({ samples: 100, sameClass: 100, outside: [] });
    expect(check.largestDifference).toBeGreaterThan(0);
    expect(check.largestDifference).toBeLessThan(1e-2);
  });

  it('takes a vector from a list, an image, too, and as many as there are', async () => {
    vi.mocked(loadRuntime).mockResolvedValue(runtimeOf(factsOf('skl-mlp')));
    await modelImport({ FILE: fixture('skl-mlp'), out, check: 100, images: await imagesOf('skl-mlp', 3) });
    expect(said.join('\n')).toMatch(/check: 3 images, all of .*: the same class as onnxruntime for 3 of 3/);
    vi.mocked(loadRuntime).mockResolvedValue(runtimeOf(factsOf('colour-old')));
    const list = await imagesOf('colour-old', 1, [1, 3 * 11 * 14]);
    await modelImport({ FILE: fixture('colour-old'), out, check: 1, images: list });
    expect(said.join('\n')).toMatch(/check: 1 image: the same class as onnxruntime for 1 of 1/);
  });

  it('tells a model that gives other answers', async () => {
    const facts = factsOf('colour-old');
    const scores = facts.scores.map((row) => row.map((score) => -score));
    vi.mocked(loadRuntime).mockResolvedValue(runtimeOf({ ...facts, scores }));
    await modelImport({ FILE: fixture('colour-old'), out, check: 50, images: await imagesOf('colour-old', 100) });
    expect(said.join('\n')).toMatch(
      /check: 50 images: the same class as onnxruntime for [0-9] of 50; .* differ by at most 1\d/,
    );
  });

  it('says that values look scaled already, as an inference does', async () => {
    vi.mocked(loadRuntime).mockResolvedValue(undefined);
    const path = join(folder, 'dark.csv');
    const row = (i: number): string => Array.from({ length: 300 }, (_, k) => ((i + k) % 7) / 7).join();
    writeFileSync(path, [row(0), row(1)].join('\n'));
    await modelImport({ FILE: fixture('keras-scaled'), out, check: 2, images: path });
    expect(said.join('\n')).toMatch(/warning: values of .*dark.csv go up to 0.857 and are divided by 255/);
  });

  it('refuses what it cannot try', async () => {
    const FILE = fixture('colour-old');
    const missing = await problemOf({ FILE, images: join(folder, 'nothing.png') });
    expect(missing.message).toContain('no such file');
    const turned = await problemOf({ FILE, images: await imagesOf('colour-old', 2, [14, 11, 3]) });
    expect(turned.message).toMatch(/network colour-old takes \[11,14,3\], images of .* are 14 x 11 x 3/);
    expect(turned.fix).toBe('give images of that size to --images');
    const grey = await problemOf({ FILE, images: await imagesOf('lenet-new', 2) });
    expect(grey.message).toMatch(/takes \[11,14,3\], images of .* are 28 x 28/);
    writeFileSync(join(folder, 'text.txt'), 'no image');
    expect((await problemOf({ FILE, images: join(folder, 'text.txt') })).message).toContain(
      'nor one image of 462 bytes',
    );
    const cut = readFileSync(await imagesOf('colour-old', 2)).subarray(0, 500);
    writeFileSync(join(folder, 'cut-images-idx4-ubyte'), cut);
    expect((await problemOf({ FILE, images: join(folder, 'cut-images-idx4-ubyte') })).message).toContain('cut');
    writeFileSync(join(folder, 'empty-images-idx4-ubyte'), idxBytes([0, 11, 14, 3], []));
    expect(await problemOf({ FILE, images: join(folder, 'empty-images-idx4-ubyte') })).toBeInstanceOf(Problem);
    for (const check of [0, 10001, 1.5]) expect((await problemOf({ FILE, check })).message).toContain('--check');
    const huge = join(folder, 'huge.csv');
    writeFileSync(huge, Array.from({ length: 462 }, () => '1e30').join());
    expect((await problemOf({ FILE, images: huge })).message).toContain('values up to 1.00e+30');
  });
});

describe('onnxruntime-node', () => {
  it('is asked for, with where it belongs, when it is not there', async () => {
    vi.mocked(loadRuntime).mockResolvedValue(undefined);
    await modelImport({ FILE: fixture('mlp-new'), out, check: 2 });
    const text = said.join('\n');
    expect(text).toContain('check: 2 random samples on the plain engine: largest value compared');
    expect(text).toMatch(
      /not compared with onnxruntime, which is not installed: npm i --ignore-scripts onnxruntime-node, in \//,
    );
    expect(text).toContain('model saved');
  });

  it('belongs beside securenn, wherever that is', () => {
    expect(howToInstall('/home/me/clone')).toBe('npm i --ignore-scripts onnxruntime-node, in /home/me/clone');
    expect(howToInstall('/usr/lib/none/node_modules/securenn')).toContain('onnxruntime-node -g, as securenn is');
    writeFileSync(join(folder, 'package.json'), '{}');
    expect(howToInstall(join(folder, 'node_modules', 'securenn'))).toBe(
      `npm i --ignore-scripts onnxruntime-node, in ${folder}`,
    );
  });

  it('is given batches of the size that a file fixes, the last one filled up', async () => {
    const [facts, calls] = [factsOf('skl-scaled'), [] as (readonly number[])[]];
    const samples = Float32Array.from(pixels(10 * 4));
    const scores = await runtimeScores(runtimeOf(facts, calls), new Uint8Array(), samples, [4], 8);
    expect([...scores]).toEqual(facts.scores.slice(0, 10).flat());
    expect(calls).toEqual([
      [8, 4],
      [8, 4],
    ]);
  });

  it('does not run every model: a Problem', async () => {
    const failing = runtimeOf({ ...factsOf('mlp-new'), scores: [[0]] });
    vi.mocked(loadRuntime).mockResolvedValue(failing);
    const { message, fix } = await problemOf({ FILE: fixture('mlp-new'), check: 3 });
    expect(message).toContain('onnxruntime does not run the model: asked of other inputs');
    expect(fix).toContain('leave --check out');
  });

  it('that does not know the file gives another number of scores: a Problem', async () => {
    const facts = factsOf('mlp-new');
    const scores = facts.scores.map((row) => [...row, 0]);
    vi.mocked(loadRuntime).mockResolvedValue(runtimeOf({ ...facts, scores }));
    expect((await problemOf({ FILE: fixture('mlp-new'), check: 3 })).message).toContain('15 scores, the model 12');
  });
});
