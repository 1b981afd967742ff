/**
 * How the training state is cut: a tensor in pieces, each updated by itself, under an address of its own. So any rank of a party may hold and
 * update a piece, and its bits do not depend on which one does (docs/ranks.md). A small tensor is one piece.
 */
import type { Engine, Value } from '../engine/engine.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { type Network, parameterName, parameters } from './network.ts';
import type { State } from './optimizer.ts';

/** Elements of a piece: what a protocol takes at a time (`party.ts`), and as many of those as keep a tensor below MOST_PIECES. */
const UNIT = 16384;
const MOST_PIECES = 64;

/** A run of a tensor's elements. */
export interface Piece {
  /** Of all pieces of the network. */
  readonly number: number;
  /** Its name in the state; the tensor's where that is one piece. What an optimizer remembers beside it has this name at its end. */
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly shape: Shape;
}

export interface Tensor {
  readonly name: string;
  readonly shape: Shape;
  /** By gradients. */
  readonly trained: boolean;
  /** Where its layer stands: `layer/4:dense`. */
  readonly scope: string;
  /** It enters products and nothing else; of others shares are needed. */
  readonly operand: boolean;
  readonly pieces: readonly Piece[];
}

/** The tensors of a network, in the order of its layers. */
export class Pieces {
  readonly tensors: readonly Tensor[];
  readonly #named: ReadonlyMap<string, Tensor>;
  readonly #elements: number;

  constructor(network: Network) {
    let number = 0;
    const tensors: Tensor[] = [];
    for (const { name, shape, trained, operand = false } of parameters(network)) {
      const index = network.layers.findIndex((_, i) => name.startsWith(parameterName(i, '')));
      const ranges = rangesOf(sizeOf(shape));
      const pieces = ranges.map(([from, to], i): Piece => ({
        number: number++,
        ...(ranges.length === 1 ? { key: name, shape } : { key: `piece/${i}/${name}`, shape: [1, to - from] }),
        from,
        to,
      }));
      tensors.push({ name, shape, trained, scope: `layer/${index}:${network.layers[index].type}`, operand, pieces });
    }
    this.tensors = tensors;
    this.#named = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.#elements = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  tensor(name: string): Tensor {
    const tensor = this.#named.get(name);
    if (tensor === undefined) throw new Error(`the network has no parameter ${name}`);
    return tensor;
  }

  /** Which of `size` ranks holds each piece, by number: runs of them, with about as many elements each. */
  owners(size: number): readonly number[] {
    let before = 0;
    const owners: number[] = [];
    for (const { pieces } of this.tensors)
      for (const { from, to } of pieces) {
        owners.push(Math.min(size - 1, Math.floor((size * (before + (to - from) / 2)) / this.#elements)));
        before += to - from;
      }
    return owners;
  }

  /** The state in pieces. Keys that are none of the network's stay out. */
  split(engine: Engine, whole: ReadonlyMap<string, Value>): State {
    const state: State = new Map();
    for (const [key, x] of whole) {
      const { pieces, name } = this.tensor(nameOf(key));
      const before = key.slice(0, key.length - name.length);
      const parts = engine.split(
        x,
        pieces.map(({ shape }) => shape),
      );
      for (const [i, part] of parts.entries()) state.set(before + pieces[i].key, part);
    }
    return state;
  }

  /** Of which tensors, parameters and what optimizers remember of them, these are the keys: in the order of layers, each with those of all its pieces. */
  wholes(
    keys: ReadonlySet<string>,
  ): { readonly name: string; readonly shape: Shape; readonly keys: readonly string[] }[] {
    return this.tensors.flatMap(({ name, shape, pieces }) =>
      [...keys]
        .filter((key) => key.endsWith(pieces[0].key) && nameOf(key) === name)
        .map((key) => {
          const before = key.slice(0, key.length - pieces[0].key.length);
          return { name: before + name, shape, keys: pieces.map((piece) => before + piece.key) };
        }),
    );
  }

  /** Those pieces of the state that are parameters'. */
  parametersOf(state: State): State {
    const keys = new Set(this.tensors.flatMap(({ pieces }) => pieces.map(({ key }) => key)));
    return new Map([...state].filter(([key]) => keys.has(key)));
  }

  /** The parameters alone. */
  parameters(engine: Engine, state: ReadonlyMap<string, Value>): Map<string, Value> {
    return new Map(
      this.tensors.map(({ name, shape, pieces }) => {
        const values = pieces.map(({ key }) => state.get(key)!);
        return [name, engine.join(values, shape)] as const;
      }),
    );
  }
}

/** `velocity/piece/3/layers.0.weight` → `layers.0.weight` */
function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function rangesOf(elements: number): [from: number, to: number][] {
  const each = UNIT * Math.ceil(elements / (UNIT * MOST_PIECES));
  const ranges: [number, number][] = [];
  for (let from = 0; from < elements; from += each) ranges.push([from, Math.min(elements, from + each)]);
  return ranges;
}
