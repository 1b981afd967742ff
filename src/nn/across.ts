/**
 * What layers compute once for a batch whose parts are computed side by side: statistics over all its samples. Parts of this rank meet, then
 * sums go up to rank 0 of the party, which computes, at an address of the whole batch, and hands on what parts need. So it does not matter who computes
 * a part, nor which one comes last (docs/ranks.md).
 */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import type { Made, Once, WholeBatch } from '../functions/wholeBatch.ts';
import type { Together } from './layers/layer.ts';
import type { Team } from './ranks.ts';

/** A part that has come, and the values that it brings. */
interface Comer {
  readonly part: BatchPart;
  readonly engine: Engine;
  readonly terms: readonly Value[];
}

/** What `once` gives, and what comes before it. */
type Met<T> = Partial<Made<T>> & Pick<Made<T>, 'handed'> & { readonly after: Engine };

interface Meeting {
  readonly comers: Comer[];
  readonly met: Promise<Met<unknown>>;
  readonly settle: (met: Promise<Met<unknown>>) => void;
}

export class PartsTogether implements Together {
  readonly #step: Engine;
  readonly #label: string;
  readonly #parts: number;
  readonly #team: Team | undefined;
  readonly #meetings: Map<string, Meeting> = new Map();

  /**
   * @param label of the step, unlike any other of the session
   * @param parts that this rank has
   */
  constructor(step: Engine, label: string, parts: number, team: Team | undefined) {
    this.#step = step;
    this.#label = label;
    this.#parts = parts;
    this.#team = team;
  }

  of(index: number, scope: string, part: BatchPart): WholeBatch {
    return {
      part,
      once: async <T>(engine: Engine, name: string, task: Once<T>) => {
        const { after, ...made } = await this.#come(`${index}/${name}`, { part, engine, terms: task.terms }, (comers) =>
          this.#meet(`${index}/${name}`, scope, comers, task),
        );
        engine.follow(after);
        return made as Met<T>;
      },
    };
  }

  /** @param meet called by the last one */
  #come(name: string, comer: Comer, meet: (comers: readonly Comer[]) => Promise<Met<unknown>>): Promise<Met<unknown>> {
    let meeting = this.#meetings.get(name);
    if (meeting === undefined) {
      let settle: Meeting['settle'];
      const met = new Promise<Met<unknown>>((resolve) => (settle = resolve));
      meeting = { comers: [], met, settle: settle! };
      this.#meetings.set(name, meeting);
    }
    meeting.comers.push(comer);
    if (meeting.comers.length === this.#parts) {
      this.#meetings.delete(name);
      meeting.settle(meet(meeting.comers.toSorted((x, y) => x.part.from - y.part.from)));
    }
    return meeting.met;
  }

  #meet<T>(name: string, scope: string, comers: readonly Comer[], task: Once<T>): Promise<Met<T>> {
    const [{ engine }, ...others] = comers;
    for (const other of others) engine.follow(other.engine);
    return engine.under(this.#step, `together/${name}`, async (place) => {
      const made = await place.scope(scope, (fork) =>
        this.#compute(fork, `${this.#label}/together/${name}`, comers, task),
      );
      return { ...made, after: place };
    });
  }

  async #compute<T>(
    engine: Engine,
    label: string,
    comers: readonly Comer[],
    task: Once<T>,
  ): Promise<Partial<Made<T>> & Pick<Made<T>, 'handed'>> {
    const team = this.#team;
    const sums: Value[] = [];
    for (const [i, last] of comers.at(-1)!.terms.entries()) {
      const before = comers.slice(0, -1).map(({ terms }) => terms[i]);
      const own = before.length === 0 ? undefined : before.reduce((sum, x) => engine.add(sum, x));
      const sum =
        team === undefined
          ? own === undefined
            ? last
            : engine.add(own, last)
          : await team.sum(engine, `${label}/${i}`, own, last);
      if (sum !== undefined) sums.push(sum);
    }
    const made = team === undefined || team.rank === 0 ? await task.compute(engine, sums) : undefined;
    if (team === undefined) return made!;
    const handed = await Promise.all(
      task.handed.map((facts, i) => team.handOn(engine, `${label}/handed/${i}`, facts, made?.handed[i])),
    );
    return { handed, ...(made && { kept: made.kept }) };
  }
}
