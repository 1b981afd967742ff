/** Where and with what the parties compute: products, threads, ports, waits, links. */
import { availableParallelism } from 'node:os';
import type { Options } from 'yargs';
import type { LinkModel } from '../../channel/linkModel.ts';
import { BACKENDS, type ComputeSettings } from '../../server/compute.ts';
import { linkOption, readLink } from './link.ts';
import { integer, MACHINE, number, oneOf, optionalInteger, text, type Argv } from './values.ts';

export interface MachineSettings extends ComputeSettings {
  /** P0 listens here, P1 and P2 on the next two. Undefined: any free ports. */
  readonly port: number | undefined;
  readonly timeoutMs: number;
  /** What every link is made to behave like; undefined: as fast as this machine. */
  readonly link: LinkModel | undefined;
}

const DEFAULT_WORKERS = Math.max(1, Math.floor(availableParallelism() / 3));

export const machineOptions: Readonly<Record<string, Options>> = {
  backend: {
    ...text,
    group: MACHINE,
    default: 'auto',
    describe: 'Local products: webgpu, wasm, or auto (the GPU where there is one and it is faster)',
  },
  'fallback-adapter': {
    type: 'boolean',
    group: MACHINE,
    default: false,
    describe: 'Take a GPU adapter that computes on the CPU: to test, it is slower than wasm',
  },
  workers: { ...number, group: MACHINE, default: DEFAULT_WORKERS, describe: 'Threads per party: 1 to 256' },
  port: {
    ...number,
    group: MACHINE,
    defaultDescription: 'free ports',
    describe: 'P0 listens here, P1 and P2 on the next two: 1 to 65533',
  },
  timeout: {
    ...number,
    group: MACHINE,
    default: 120,
    describe:
      'Give up once no party has computed, sent or received for so many seconds: 1 to 86400. A slow run is not given up',
  },
  link: linkOption,
};

export function readMachine(argv: Argv): MachineSettings {
  return {
    backend: oneOf(argv, 'backend', BACKENDS),
    fallbackAdapter: argv['fallback-adapter'] === true,
    workers: integer(argv, 'workers', 1, 256, DEFAULT_WORKERS),
    port: optionalInteger(argv, 'port', 1, 65533),
    timeoutMs: 1000 * integer(argv, 'timeout', 1, 86400, 120),
    link: readLink(argv),
  };
}
