/** What is computed on what: network, data set, images per step. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Options } from 'yargs';
import { modelNetwork } from '../../data/model-file.ts';
import { Problem } from '../../data/problem.ts';
import type { Reading } from '../../data/reading.ts';
import { didYouMean } from '../../nn/nearest.ts';
import { NETWORKS } from '../../nn/named.ts';
import type { Network } from '../../nn/network.ts';
import { readNetworkText } from '../../nn/networkFile.ts';
import { isSafetensors } from '../../onnx/foreign.ts';
import { readingOptions, readReading } from './data.ts';
import { integer, number, optionalText, TASK, text, type Argv } from './values.ts';

export interface TaskSettings {
  readonly network: Network;
  /** `mnist`, `cifar10`, a folder or a file. */
  readonly data: string;
  readonly batch: number;
  /** How it is read. */
  readonly reading: Reading;
}

export const taskOptions: Readonly<Record<string, Options>> = {
  network: {
    ...text,
    group: TASK,
    defaultDescription: 'A',
    describe: `Network: ${Object.keys(NETWORKS).join(', ')}, a JSON file, or a model file, for its network`,
  },
  data: {
    ...text,
    group: TASK,
    default: 'mnist',
    describe: 'Data set: mnist, cifar10, or a folder or file with one (docs/data.md)',
  },
  batch: { ...number, group: TASK, default: 128, describe: 'Images per step: 1 to 4096' },
  ...readingOptions,
};

export function readTask(argv: Argv): TaskSettings {
  return {
    network: readNetwork(argv),
    data: optionalText(argv, 'data') ?? 'mnist',
    batch: integer(argv, 'batch', 1, 4096, 128),
    reading: readReading(argv),
  };
}

const NETWORK_FIX = 'write the network as docs/networks.md shows';

export function readNetwork(argv: Argv): Network {
  const name = optionalText(argv, 'network') ?? 'A';
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name];
  const known = Object.keys(NETWORKS);
  if (!existsSync(name)) {
    throw new Problem(
      `--network: no network and no file is named ${name}${didYouMean(name, known)}`,
      `use one of ${known.join(', ')}, or an existing JSON file`,
    );
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(name);
  } catch (error) {
    const reason = statSync(name).isDirectory() ? 'it is a folder' : (error as Error).message;
    throw new Problem(`--network: ${name}: cannot be read: ${reason}`, 'give a JSON file to --network', {
      cause: error,
    });
  }
  if (isSafetensors(bytes)) return modelNetwork(bytes, `--network: ${name}`);
  try {
    return readNetworkText(bytes.toString(), `--network: ${name}`);
  } catch (error) {
    throw new Problem((error as Error).message, NETWORK_FIX, { cause: error });
  }
}

/** The network of a model file; undefined where it is none, which is refused when its weights are read. */
export function networkOfModel(path: string): Network | undefined {
  if (!existsSync(path) || !statSync(path).isFile()) return undefined;
  const bytes = readFileSync(path);
  return isSafetensors(bytes) ? modelNetwork(bytes, path) : undefined;
}
