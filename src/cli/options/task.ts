/** What is computed on what: network, data set, images per step. */
import { existsSync, readFileSync } from 'node:fs';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { NETWORKS, parseNetwork, type Network } from '../../nn/network.ts';
import { integer, number, optionalText, TASK, text, type Argv } from './values.ts';

export interface TaskSettings {
  readonly network: Network;
  /** `mnist` or a folder. */
  readonly data: string;
  readonly batch: number;
}

export const taskOptions: Readonly<Record<string, Options>> = {
  network: {
    ...text,
    group: TASK,
    default: 'A',
    describe: `Network: ${Object.keys(NETWORKS).join(', ')}, or a JSON file`,
  },
  data: { ...text, group: TASK, default: 'mnist', describe: 'Data set: mnist, or a folder with four IDX files' },
  batch: { ...number, group: TASK, default: 128, describe: 'Images per step: 1 to 4096' },
};

export function readTask(argv: Argv): TaskSettings {
  return {
    network: readNetwork(argv),
    data: optionalText(argv, 'data') ?? 'mnist',
    batch: integer(argv, 'batch', 1, 4096, 128),
  };
}

function readNetwork(argv: Argv): Network {
  const name = optionalText(argv, 'network') ?? 'A';
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name];
  if (!existsSync(name)) {
    const known = Object.keys(NETWORKS).join(', ');
    throw new Problem(
      `--network: no network and no file is named ${name}`,
      `use one of ${known}, or an existing JSON file`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(name, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(`--network: ${name}: not readable as JSON: ${reason}`, 'write the network as README.md shows', {
      cause: error,
    });
  }
  try {
    return parseNetwork(json, name);
  } catch (error) {
    throw new Problem((error as Error).message, 'write the network as README.md shows', { cause: error });
  }
}
