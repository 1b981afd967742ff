/**
 * The training state as a party that leads reads it, to keep or to reveal it: one whole tensor after the other, so that never more than one of them
 * is put together, and of other ranks' pieces no others are here (docs/ranks.md).
 */
import type { Engine, Value } from '../engine/engine.ts';
import type { Shape } from '../ring/shape.ts';
import type { State } from './optimizer.ts';
import type { Pieces } from './pieces.ts';

/** What is known of a value before it is there. */
export interface ValueFacts {
  readonly fractionBits: number;
  /** The parties have opened it. */
  readonly opened: boolean;
}

/** What other ranks hold, of which rank 0 asks for some at a time. */
export interface OthersState {
  /** By key. */
  readonly facts: ReadonlyMap<string, ValueFacts>;
  take(keys: readonly string[]): Promise<State>;
  /** Nothing more is asked for. */
  end(): Promise<void>;
}

/** A parameter, or what an optimizer remembers of one. */
export interface WholeTensor extends ValueFacts {
  readonly name: string;
  readonly shape: Shape;
}

export class WholeState {
  readonly #engine: Engine;
  readonly #pieces: Pieces;
  readonly #mine: State;
  readonly #others: OthersState | undefined;

  /** @param mine the pieces that are here, all of them where there are no other ranks */
  constructor(engine: Engine, pieces: Pieces, mine: State, others?: OthersState) {
    this.#engine = engine;
    this.#pieces = pieces;
    this.#mine = mine;
    this.#others = others;
  }

  /** In the order in which they come. @param opened whether a value is open */
  facts(opened: (x: Value) => boolean): WholeTensor[] {
    const factsOf = (key: string): ValueFacts => {
      const x = this.#mine.get(key);
      return x === undefined ? this.#others!.facts.get(key)! : { fractionBits: x.fractionBits, opened: opened(x) };
    };
    return this.#wholes().map(({ name, shape, keys }) => {
      const facts = keys.map(factsOf);
      return { name, shape, fractionBits: facts[0].fractionBits, opened: facts.every((piece) => piece.opened) };
    });
  }

  /** Once. */
  async *values(): AsyncGenerator<readonly [name: string, x: Value], void> {
    try {
      for (const { name, shape, keys } of this.#wholes()) {
        const theirs = await this.#others?.take(keys.filter((key) => !this.#mine.has(key)));
        const values = keys.map((key) => (this.#mine.get(key) ?? theirs?.get(key))!);
        yield [name, this.#engine.join(values, shape)];
      }
    } finally {
      await this.#others?.end();
    }
  }

  #wholes(): ReturnType<Pieces['wholes']> {
    return this.#pieces.wholes(new Set([...this.#mine.keys(), ...(this.#others?.facts.keys() ?? [])]));
  }
}
