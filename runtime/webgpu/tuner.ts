/**
 * Which kernel for which product: at the first product of a shape all candidates compute it and are timed; from then on the fastest does,
 * and is remembered beyond this process. The results are compared: a kernel that differs from the reference is never used.
 */

/** Chosen kernels by the key of a shape; kept per adapter. */
export interface TuningStore {
  load(): Promise<Readonly<Record<string, string>>>;
  /** Adds a choice to what is stored. */
  save(key: string, choice: string): Promise<void>;
}

export interface Candidate {
  readonly name: string;
  /** Whether it may be chosen; the reference may be there for comparison only. */
  readonly eligible: boolean;
  /** Makes ready what only the first call needs (pipelines). */
  prepare(): Promise<void>;
  run(): Promise<BigUint64Array>;
}

/** A candidate slower than the best so far by this factor in its first run is not run again. */
const HOPELESS = 3;

export class Tuner {
  readonly #store: TuningStore | undefined;
  readonly #onWrong: (name: string, key: string) => void;
  #choices: Promise<Map<string, string>> | undefined;
  /** One trial at a time, or they would slow each other down. */
  #trials: Promise<unknown> = Promise.resolve();

  /** `onWrong` is told of a kernel that gave another result than the reference. */
  constructor(store: TuningStore | undefined, onWrong: (name: string, key: string) => void) {
    this.#store = store;
    this.#onWrong = onWrong;
  }

  /** The product, by the candidate chosen for `key`. The first of the candidates, which are never none, is the reference. */
  async run(key: string, candidates: readonly Candidate[]): Promise<BigUint64Array> {
    const choices = await this.#load();
    const known = (): Candidate | undefined => candidates.find(({ name }) => name === choices.get(key));
    const chosen = known();
    if (chosen !== undefined) return chosen.run();
    const trial = this.#trials.then(async () => {
      // Another product of this shape may have been tried while this one waited.
      const before = known();
      if (before !== undefined) return before.run();
      const { result, best } = await this.#try(key, candidates);
      choices.set(key, best);
      await this.#store?.save(key, best);
      return result;
    });
    this.#trials = trial.catch(() => undefined);
    return trial;
  }

  async #try(key: string, candidates: readonly Candidate[]): Promise<{ result: BigUint64Array; best: string }> {
    let reference: BigUint64Array | undefined;
    // The reference stays where every eligible kernel is wrong.
    let best = { name: candidates[0].name, ms: Infinity };
    for (const candidate of candidates) {
      await candidate.prepare();
      const first = await timed(candidate);
      reference ??= first.result;
      if (!same(first.result, reference)) {
        this.#onWrong(candidate.name, key);
        continue;
      }
      if (!candidate.eligible) continue;
      let { ms } = first;
      if (ms < HOPELESS * best.ms) ms = Math.min(ms, (await timed(candidate)).ms);
      if (ms < best.ms) best = { name: candidate.name, ms };
    }
    return { result: reference as BigUint64Array, best: best.name };
  }

  #load(): Promise<Map<string, string>> {
    return (this.#choices ??= (async () => new Map(Object.entries((await this.#store?.load()) ?? {})))());
  }
}

async function timed(candidate: Candidate): Promise<{ result: BigUint64Array; ms: number }> {
  const start = performance.now();
  const result = await candidate.run();
  return { result, ms: performance.now() - start };
}

function same(a: BigUint64Array, b: BigUint64Array): boolean {
  const left = new Uint32Array(a.buffer, a.byteOffset, 2 * a.length);
  const right = new Uint32Array(b.buffer, b.byteOffset, 2 * b.length);
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
