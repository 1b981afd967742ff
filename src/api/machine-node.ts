/** Node: files, worker threads, a GPU by the package `webgpu`. What needs more than this module is loaded when it is asked for. */
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { faultOf, writeFileAtomically } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';
import type { Machine } from './machine.ts';

export const machine: Machine = {
  openCompute: async (choice) => {
    const { openCompute } = await import('../server/compute.ts');
    return (await openCompute(choice, () => undefined, 'backend')).compute;
  },
  nextTurn: () => setImmediate(),
  readFile: (path) =>
    readFile(path).catch((error: unknown) => {
      throw new Problem(`${path}: cannot be read: ${faultOf(error)}`, 'give an existing file', { cause: error });
    }),
  writeFile: (path, bytes) =>
    writeFileAtomically(path, bytes).catch((error: unknown) => {
      throw new Problem(`${path}: cannot be written: ${faultOf(error)}`, 'give another path', { cause: error });
    }),
  readDataset: async (name, reading) => (await import('../data/load.ts')).loadDataset(name, reading),
};
