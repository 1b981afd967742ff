/** `securenn model export --onnx`: a model file as other programs read it. */
import type { Options } from 'yargs';
import { faultOf, writeFileAtomically } from '../../data/atomic-write.ts';
import { readModel } from '../../data/read-model.ts';
import { VERSION } from '../../data/packages.ts';
import { Problem } from '../../data/problem.ts';
import { OF_BYTES } from '../../data/scaling.ts';
import { exportOnnx } from '../../onnx/export.ts';
import { optionalText, RESULTS, text, type Argv } from '../options/values.ts';
import { checkWritable } from '../output.ts';

export const exportModelOptions: Readonly<Record<string, Options>> = {
  onnx: {
    ...text,
    group: RESULTS,
    defaultDescription: 'FILE, with .onnx',
    describe: 'Save the model here as ONNX (overwrites)',
  },
};

export async function modelExport(argv: Argv): Promise<void> {
  const file = optionalText(argv, 'FILE')!;
  const path = optionalText(argv, 'onnx') ?? `${file.replace(/\.safetensors$/, '')}.onnx`;
  const model = await readModel(file);
  await checkWritable('onnx', path);
  await writeFileAtomically(path, exportOnnx(model, VERSION)).catch((error: unknown) => {
    throw new Problem(`--onnx: ${path} cannot be written: ${faultOf(error)}`, 'give another file to --onnx');
  });
  const { network, scaling = OF_BYTES } = model;
  const [height, width, channels] = network.input;
  const input = network.input.length === 3 ? `[N, ${channels}, ${height}, ${width}]` : `[N, ${network.input[0]}]`;
  const values = scaling.divideBy === 1 ? 'values as they are' : `values divided by ${scaling.divideBy}`;
  const more = [...scaling.mean, ...scaling.std.map((std) => std - 1)].some((x) => x !== 0)
    ? '; mean and deviation are part of the file'
    : '';
  console.log(`model saved: ${path}: input ${input}, ${values}${more}; output scores`);
}
