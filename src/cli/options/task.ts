/** What is computed on what: network, data set, images per step. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import type { Reading } from '../../data/reading.ts';
import { didYouMean } from '../../nn/nearest.ts';
import { NETWORKS } from '../../nn/named.ts';
import type { Network } from '../../nn/network.ts';
import { readNetworkText } from '../../nn/networkFile.ts';
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
    default: 'A',
    describe: `Network: ${Object.keys(NETWORKS).join(', ')}, or a JSON file`,
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
  let text: string;
  try {
    text = readFileSync(name, 'utf8');
  } catch (error) {
    const reason = statSync(name).isDirectory() ? 'it is a folder' : (error as Error).message;
    throw new Problem(`--network: ${name}: cannot be read: ${reason}`, 'give a JSON file to --network', {
      cause: error,
    });
  }
  try {
    return readNetworkText(text, `--network: ${name}`);
  } catch (error) {
    throw new Problem((error as Error).message, NETWORK_FIX, { cause: error });
  }
}
