/** Layers as they are made while a file is read: still to be simplified, named and written as a network (`network.ts`). */
import type { FloatTensor } from '../data/safetensors.ts';

export interface Layer {
  readonly type: string;
  /** What the network file says of it besides. */
  readonly fields: Record<string, unknown>;
  /** Undefined: the network's input. */
  inputs: (Layer | undefined)[];
  /** `weight`, `bias`, …: laid out as in a model file (docs/networks.md). */
  tensors: ReadonlyMap<string, FloatTensor>;
  /** The node it comes from. */
  readonly where: string;
}

export type Source = Layer | undefined;

/** What is told about an import: what became of nodes that became no layer, or a larger one, and what to mind. */
export interface Note {
  readonly kind: 'folded' | 'dropped' | 'expanded' | 'note';
  readonly text: string;
}

export function vector(data: ArrayLike<number>): FloatTensor {
  return { shape: [1, data.length], data: Float64Array.from(data) };
}
