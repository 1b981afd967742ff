/** The same network on clear values, in this page alone: the demo's analyst has been given the model, and gives it to the page. */
import { Problem } from 'securenn/client';
import type * as Engine from 'securenn';

interface Loaded {
  readonly engine: typeof Engine;
  readonly model: Engine.Model;
}

export interface PlainAnswer {
  readonly label: number;
  readonly scores: Float64Array;
  readonly ms: number;
}

/** Loaded when it is first asked: the code of the plain engine, and the model. */
export class Plain {
  readonly #token: string;
  #loaded: Promise<Loaded> | undefined;

  /** @param token of the address that the demo printed */
  constructor(token: string) {
    this.#token = token;
  }

  async ask(pixels: Uint8Array): Promise<PlainAnswer> {
    this.#loaded ??= this.#load();
    const { engine, model } = await this.#loaded.catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    const began = performance.now();
    const { label, scores } = await engine.plainInference(model, pixels);
    return { label, scores, ms: performance.now() - began };
  }

  async #load(): Promise<Loaded> {
    const headers = { authorization: `Bearer ${this.#token}` };
    const [engine, answer] = await Promise.all([
      import('securenn'),
      fetch('model.safetensors', { headers, cache: 'no-store' }),
    ]);
    if (!answer.ok)
      throw new Problem(
        'the demo gives the model only to the address that it printed',
        'open that one, with all that follows the #',
      );
    return { engine, model: engine.parseModel(new Uint8Array(await answer.arrayBuffer()), 'the model') };
  }
}
