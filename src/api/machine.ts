/** What differs between Node and a page: `#machine` (package.json) is `machine-node.ts` or `machine-page.ts`. */
import type { Compute } from '../../runtime/compute.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Reading } from '../data/reading.ts';

export interface ComputeChoice {
  readonly backend: 'auto' | 'wasm' | 'webgpu';
  /** Threads beside the calling one; a page has none. */
  readonly workers: number;
  /** Take an adapter that computes on the CPU: for tests. */
  readonly fallbackAdapter: boolean;
}

export interface Machine {
  openCompute(choice: ComputeChoice): Promise<Compute>;
  /** Lets the event loop turn: what waits (a signal, a page's drawing) comes first. */
  nextTurn(): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  readDataset(name: string, reading: Reading): Promise<Dataset>;
}
