/** `securenn model import`: a model that another program trained, as a model file. */
import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { Options } from 'yargs';
import { formatModel, type Model } from '../../data/model-file.ts';
import { Problem } from '../../data/problem.ts';
import { listTensors } from '../../data/safetensors.ts';
import { comparisonLimit } from '../../engine/ranges.ts';
import { layerName } from '../../nn/layers/table.ts';
import { layerShapes } from '../../nn/network.ts';
import { sizeOf } from '../../ring/shape.ts';
import { readOnnx, type OnnxFile } from '../../onnx/file.ts';
import { isSafetensors, refuseForeign } from '../../onnx/foreign.ts';
import type { Note } from '../../onnx/layer.ts';
import { importOnnx, type Reference } from '../../onnx/model.ts';
import { importTorch } from '../../onnx/torch.ts';
import { readNetwork } from '../options/task.ts';
import { protocolOptions, readProtocol, type ProtocolSettings } from '../options/protocol.ts';
import {
  jsonOption,
  number,
  oneOf,
  optionalInteger,
  optionalText,
  RESULTS,
  TASK,
  text,
  type Argv,
} from '../options/values.ts';
import { checkWritable, freshModelPath, say, saveResult, writeReport } from '../output.ts';
import { check } from './check.ts';

const { 'fraction-bits': fractionBits, 'compare-bits': compareBits } = protocolOptions;

export const importOptions: Readonly<Record<string, Options>> = {
  network: {
    ...text,
    group: TASK,
    defaultDescription: "an ONNX file's own",
    describe: 'Of safetensors with weights alone: the network that was trained, a name or a JSON file',
  },
  map: {
    ...text,
    group: TASK,
    defaultDescription: 'found out',
    describe: 'Of such: which module is which layer, as in 0=features.0,7=fc',
  },
  input: {
    ...text,
    group: TASK,
    defaultDescription: 'what the file says',
    describe: 'Shape of one sample where an ONNX file leaves it open: 784, 3x32x32',
  },
  output: { ...text, group: TASK, defaultDescription: 'the scores', describe: 'Which of several outputs is wanted' },
  order: {
    ...text,
    group: TASK,
    defaultDescription: 'found out',
    describe: "Order of an image's axes in an ONNX file: nchw or nhwc",
  },
  pixels: {
    ...number,
    group: TASK,
    defaultDescription: 'found out',
    describe: 'What the model takes for a white pixel: 1 or 255',
  },
  name: { ...text, group: TASK, defaultDescription: "the file's", describe: 'Name of the network' },
  check: { ...number, group: TASK, defaultDescription: 'none', describe: 'Try so many random samples: 1 to 10000' },
  images: {
    ...text,
    group: TASK,
    defaultDescription: 'random',
    describe: 'With --check: images to try, a file or folder of any format that infer reads',
  },
  'fraction-bits': fractionBits,
  'compare-bits': compareBits,
  out: {
    ...text,
    group: RESULTS,
    defaultDescription: 'models/NAME-DATE.safetensors',
    describe: 'Save the model here (overwrites)',
  },
  json: jsonOption,
};

interface Read {
  readonly model: Model;
  readonly notes: readonly Note[];
  readonly onnx?: { readonly file: OnnxFile; readonly reference: Reference };
}

export async function modelImport(argv: Argv): Promise<void> {
  const path = optionalText(argv, 'FILE')!;
  const settings = readProtocol({ suite: 'direct', ...argv });
  const count = optionalInteger(argv, 'check', 1, 10000);
  const images = optionalText(argv, 'images');
  const [out, json] = [optionalText(argv, 'out'), optionalText(argv, 'json')];
  if (images !== undefined && count === undefined)
    throw new Problem('--images: without --check nothing is tried', 'add --check 100, or leave --images out');
  if (out !== undefined) await checkWritable('out', out);
  const { model, notes, onnx } = await read(path, argv, settings);
  const tell = (line: string): void => say(json, line);
  describe(model, tell);
  for (const { kind, text } of notes) tell(kind === 'note' ? text : `${kind}: ${text}`);
  const checked = count === undefined ? undefined : await check(count, images, model, onnx, settings, tell);
  const target = out ?? freshModelPath(model.network.name, new Date());
  const saved = await saveResult('the model', target, formatModel(model), 'make room, then import it again');
  if (saved.path !== undefined) tell(`model saved: ${saved.path}`);
  await writeReport(json, {
    command: 'model import',
    ...{
      network: model.network,
      fractionBits: model.fractionBits,
      notes,
      check: checked ?? null,
      path: saved.path ?? null,
    },
  });
  if (saved.problem !== undefined) throw saved.problem;
}

async function read(path: string, argv: Argv, settings: ProtocolSettings): Promise<Read> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const reasons = { ENOENT: 'no such file', EISDIR: 'it is a folder', EACCES: 'not permitted' };
    const reason = reasons[error.code as keyof typeof reasons] ?? error.message;
    throw new Problem(`${path}: cannot be read: ${reason}`, 'give an ONNX or a safetensors file', { cause: error });
  });
  refuseForeign(bytes, path);
  const { fractionBits } = settings;
  const name = optionalText(argv, 'name') ?? (basename(path, extname(path)).slice(0, 64) || 'model');
  if (isSafetensors(bytes)) {
    if (listTensors(bytes, path).metadata.get('format') === 'securenn-model')
      throw new Problem(`${path}: a model file of securenn already`, 'use it as it is');
    if (argv.network === undefined)
      throw new Problem(
        `${path}: weights without their network`,
        'add --network NET.json, the network that was trained',
      );
    const network = readNetwork(argv);
    return importTorch(bytes, path, { network, fractionBits, limit: comparisonLimit(settings), map: readMap(argv) });
  }
  if (argv.network !== undefined) throw new Problem('--network: an ONNX file holds its network', 'leave --network out');
  const file = await readOnnx(path);
  const white = optionalInteger(argv, 'pixels', 1, 255);
  if (white !== undefined && white !== 1 && white !== 255)
    throw new Problem(`--pixels: expected 1 or 255, found ${white}`, 'give the number that stands for white');
  const { model, notes, reference } = importOnnx(file, {
    ...{ name, fractionBits, limit: comparisonLimit(settings), white },
    input: readShape(argv),
    output: optionalText(argv, 'output'),
    order: argv.order === undefined ? undefined : oneOf(argv, 'order', ['nchw', 'nhwc'] as const),
  });
  return { model, notes, onnx: { file, reference } };
}

/** `0=features.0,7=fc`. */
function readMap(argv: Argv): Map<string, string> {
  const typed = optionalText(argv, 'map');
  const pairs = (typed ?? '').split(',').filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const [layer, module, more] = pair.split('=');
      if (layer === '' || !module || more !== undefined)
        throw new Problem(`--map: expected LAYER=MODULE,…, found "${pair}"`, 'such as --map 0=features.0,7=fc');
      return [layer, module];
    }),
  );
}

/** `3x32x32`. */
function readShape(argv: Argv): number[] | undefined {
  const typed = optionalText(argv, 'input');
  if (typed === undefined) return undefined;
  if (!/^[1-9]\d{0,4}(x[1-9]\d{0,4}){0,2}$/.test(typed))
    throw new Problem(`--input: expected a shape such as 784 or 3x32x32, found "${typed}"`, 'leave out the batch');
  return typed.split('x').map(Number);
}

/** The network, a line for each layer. */
function describe({ network, tensors }: Model, tell: (line: string) => void): void {
  const shapes = layerShapes(network);
  const count = [...tensors.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  tell(
    `network ${network.name}: input [${network.input.join(',')}], ${network.layers.length} layers, ${count} weights`,
  );
  network.layers.forEach((spec, i) => tell(`  ${layerName(spec, i)}: [${shapes[i + 1].join(',')}]`));
}
