/** Files that are cut, damaged, hostile or of a kind that is not read: a Problem that says what to do, and nothing else. */
import { clone, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { parseOnnx, readOnnx } from '../../src/onnx/file.ts';
import { importOnnx, type ImportOptions } from '../../src/onnx/model.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation as Location,
  TensorProto_DataType as Type,
} from '../../src/onnx/schema.ts';
import { runs } from '../runs.ts';
import { distance, factsOf, floatScoresOf, FOLDER, imported, OPTIONS } from './fixtures.ts';

function bytesOf(name: string): Uint8Array {
  return readFileSync(join(FOLDER, `${name}.onnx`));
}

function read(bytes: Uint8Array, options: Partial<ImportOptions> = {}): ReturnType<typeof importOnnx> {
  return importOnnx(parseOnnx(bytes, 'net.onnx'), { ...OPTIONS, ...options });
}

/** A fixture, changed. */
function changed(
  name: string,
  change: (model: ModelProto & { graph: NonNullable<ModelProto['graph']> }) => void,
): Uint8Array {
  const model = clone(ModelProtoSchema, fromBinary(ModelProtoSchema, bytesOf(name)));
  change(model as Parameters<typeof change>[0]);
  return toBinary(ModelProtoSchema, model);
}

async function problemOf(run: () => unknown): Promise<Problem> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

async function told(run: () => unknown): Promise<string> {
  const { message, fix } = await problemOf(run);
  return `${message} (fix: ${fix})`;
}

describe('no ONNX file', () => {
  it.each([
    ['an empty file', new Uint8Array(), 'an empty file'],
    ['text', Buffer.from('weights, please'), 'no ONNX file'],
    ['a web page', Buffer.from('<!doctype html><html>'), 'a web page'],
    ['a pointer of Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 'Git LFS'],
    ['zeros', new Uint8Array(64), 'no ONNX file'],
  ])('%s', async (_, bytes, words) => {
    expect(await told(() => parseOnnx(bytes, 'net.onnx'))).toContain(words);
  });

  it('cut anywhere', async () => {
    const whole = bytesOf('skl-scaled');
    for (let length = 0; length < whole.length - 20; length += 7)
      expect(await problemOf(() => read(whole.subarray(0, length)))).toBeInstanceOf(Problem);
    // Behind the graph stand the versions of operators, in one or two fields of a few bytes.
    for (let length = whole.length - 20; length < whole.length; length++) {
      try {
        expect(read(whole.subarray(0, length)).model.tensors).toEqual(read(whole).model.tensors);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
      }
    }
  });

  it('of which bytes are others: a Problem, or a model', () => {
    const files = ['skl-mlp-two', 'residual-old', 'keras-cnn', 'odd-new', 'lenet-old', 'groups-old'].map(bytesOf);
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (file, flips, early) => {
          const bytes = Uint8Array.from(file);
          // Structure lies between the weights; half of the changes go to the beginning, where names and sizes are.
          for (const [at, value] of flips) bytes[at % (early ? Math.min(600, bytes.length) : bytes.length)] = value;
          try {
            read(bytes);
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
          }
        },
      ),
      runs(400),
    );
  });
});

describe('weights beside the file', () => {
  let folder: string;
  let inside: Buffer;
  const outside = (location: string, offset = '0'): Uint8Array => {
    let first: TensorProto | undefined;
    return changed('mlp-new', ({ graph }) => {
      first = graph.initializer.find(({ rawData }) => rawData.length > 1000)!;
      inside = Buffer.from(first.rawData);
      first.rawData = new Uint8Array();
      first.dataLocation = Location.EXTERNAL;
      const said = Object.entries({ location, offset, length: String(inside.length) });
      first.externalData = said.map(([key, value]) => ({ $typeName: 'onnx.StringStringEntryProto', key, value }));
    });
  };
  const at = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'securenn-onnx-'));
  });

  it('are read, at any place of their file', async () => {
    const path = at('net.onnx', outside('net.data', '13'));
    at('net.data', Buffer.concat([Buffer.alloc(13), inside]));
    const from = importOnnx(await readOnnx(path), OPTIONS);
    expect(from.model.tensors).toEqual((await imported('mlp-new')).model.tensors);
  });

  it('are named where they are missing', async () => {
    const path = at('lost.onnx', outside('lost.data'));
    expect(await told(() => readOnnx(path))).toMatch(
      /"lost.data", which is not there.*same folder.*external_data=False/,
    );
  });

  it('are asked for again where the file is too short', async () => {
    const path = at('short.onnx', outside('short.data'));
    at('short.data', inside.subarray(5));
    expect(await told(async () => importOnnx(await readOnnx(path), OPTIONS))).toContain('do not belong together');
  });

  it.each(['../secret', '/etc/hostname', 'a/../../secret', 'C:\\secret', '..\\secret', '', 'x\0y'])(
    'are not looked for at %j',
    async (name) => {
      expect(await told(() => readOnnx(at('bad.onnx', outside(name))))).toContain('outside its folder');
    },
  );

  it('are not looked for where a link leads out', async () => {
    const path = at('link.onnx', outside('link.data'));
    symlinkSync(join(FOLDER, 'mlp-new.onnx'), join(folder, 'link.data'));
    expect(await told(() => readOnnx(path))).toContain('outside its folder');
  });
});

describe('what is open or of another kind', () => {
  const open = (bytes: Uint8Array = bytesOf('colour-new')): Uint8Array => {
    const model = fromBinary(ModelProtoSchema, bytes);
    const kind = model.graph!.input[0].type!.value;
    if (kind.case !== 'tensorType') throw new Error('no tensor');
    for (const name of ['height', 'width'])
      kind.value.shape!.dim[name === 'height' ? 2 : 3].value = { case: 'dimParam', value: name };
    return toBinary(ModelProtoSchema, model);
  };

  it('a size of images: --input says it', async () => {
    expect(await told(() => read(open()))).toMatch(
      /\[.*, 3, height, width\]: of a size that is left open.*--input 3x32x32/,
    );
    const { model } = read(open(), { input: [3, 11, 14] });
    expect(model.tensors).toEqual((await imported('colour-new')).model.tensors);
    expect(await told(() => read(open(), { input: [3, 11] }))).toContain('leave out the batch');
    expect(await told(() => read(open(), { input: [1, 11, 14] }))).toContain('--input: 1x11x14');
  });

  it.each([
    ['float16', Type.FLOAT16, (x: number): number => halfOf(x)],
    ['bfloat16', Type.BFLOAT16, (x: number): number => new Uint32Array(Float32Array.of(x).buffer)[0] >>> 16],
  ])('weights of %s are taken as they are', async (name, dataType, bits) => {
    const narrowed = (raw: boolean): Uint8Array =>
      changed('colour-old', ({ graph }) => {
        for (const tensor of graph.initializer) {
          const values = new Float32Array(Uint8Array.from(tensor.rawData).buffer);
          const halves = Uint16Array.from(values, bits);
          tensor.dataType = dataType;
          tensor.rawData = raw ? new Uint8Array(halves.buffer) : new Uint8Array();
          tensor.int32Data = raw ? [] : [...halves];
        }
      });
    const [facts, from, other] = [factsOf('colour-old'), read(narrowed(true)), read(narrowed(false))];
    expect(from.model.tensors).toEqual(other.model.tensors);
    expect(from.notes.map(({ text }) => text).join()).toContain(`weights of type ${name}`);
    const exact = await imported('colour-old');
    const far = distance(floatScoresOf(from, facts), floatScoresOf(exact, facts));
    expect(far).toBeGreaterThan(0);
    expect(far).toBeLessThan(0.3); // of scores up to 10
  });

  it('weights of eight bits, and of kinds that are no numbers', async () => {
    for (const dataType of [Type.FLOAT8E4M3FN, Type.INT4, Type.STRING, Type.COMPLEX64]) {
      const bytes = changed('mlp-new', ({ graph }) =>
        graph.initializer.forEach((tensor) => (tensor.dataType = dataType)),
      );
      expect(await told(() => read(bytes))).toContain('model.float()');
    }
  });

  it('weights that leave the window, or are not finite', async () => {
    const filled = (value: number): Uint8Array =>
      changed('mlp-new', ({ graph }) => {
        const tensor = graph.initializer.find(({ rawData }) => rawData.length > 1000)!;
        tensor.rawData = new Uint8Array(new Float32Array(tensor.rawData.length / 4).fill(value).buffer);
      });
    expect(await told(() => read(filled(1e6)))).toMatch(
      /holds numbers up to 1.00e\+6: .*the window holds 65536.*--fraction-bits/,
    );
    expect(await told(() => read(filled(NaN)))).toContain('not finite');
    expect(await told(() => read(filled(-Infinity)))).toContain('not finite');
    expect(
      read(filled(1e-7))
        .notes.map(({ text }) => text)
        .join(),
    ).toContain('it becomes zero');
  });

  it('a batch of any name or none, or one that the file fixes', async () => {
    const { model } = await imported('colour-old');
    for (const value of [
      { case: undefined },
      { case: 'dimParam' as const, value: 'batch_size' },
      { case: 'dimValue' as const, value: 8n },
      { case: 'dimValue' as const, value: 0n },
    ]) {
      const bytes = changed('colour-old', ({ graph }) => {
        const kind = graph.input[0].type!.value;
        if (kind.case === 'tensorType') kind.value.shape!.dim[0].value = value;
      });
      const from = read(bytes, { name: 'test' });
      expect(from.model.tensors).toEqual(model.tensors);
      expect(from.reference.input.batch).toBe(value.case === 'dimValue' && value.value > 0n ? 8 : undefined);
    }
  });

  it('operators of an unknown version', async () => {
    for (const version of [8n, 99n]) {
      const bytes = changed('mlp-new', (model) => (model.opsetImport[0].version = version));
      expect(await told(() => read(bytes))).toMatch(/opset (8|99): known are 9 to 28.*opset_version/);
    }
  });

  it('several outputs: --output says which', async () => {
    const two = changed('mlp-new', ({ graph }) => {
      graph.output.push({ ...graph.output[0], name: graph.node.at(-1)!.input[0] });
    });
    expect(await told(() => read(two))).toContain('say with --output');
    expect(read(two, { output: 'y' }).model.tensors).toEqual((await imported('mlp-new')).model.tensors);
    expect(await told(() => read(two, { output: 'z' }))).toContain('no output "z"');
  });

  it('several inputs', async () => {
    const two = changed('mlp-new', ({ graph }) => graph.input.push({ ...graph.input[0], name: 'more' }));
    expect(await told(() => read(two))).toContain('2 inputs: "x", "more"');
  });

  it('a value that nothing gives', async () => {
    const cut = changed('mlp-new', ({ graph }) => graph.node.splice(1, 1));
    expect(await told(() => read(cut))).toContain('which nothing before it gives');
  });
});

function halfOf(x: number): number {
  const sign = x < 0 ? 0x8000 : 0;
  const size = Math.abs(x);
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -24)));
  const fraction = Math.round((size / 2 ** exponent) * 1024);
  return sign + (size < 2 ** -14 ? Math.round(size * 2 ** 24) : (exponent + 14) * 1024 + fraction);
}
