/** Tells when files change that people and programs write beside a running service. Looked at now and then: all systems can do that. */
import { stat } from 'node:fs/promises';

const LOOK_MS = 1000;

export class FileWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #states: Map<string, string>;
  #looking = false;

  private constructor(states: Map<string, string>, onChange: (path: string) => Promise<void>, everyMs: number) {
    this.#states = states;
    this.#timer = setInterval(() => void this.#look(onChange), everyMs).unref();
  }

  /**
   * @param onChange must not reject
   * @param readAt the moment, in milliseconds since 1970, at which the caller began to read them: what has changed since is told of
   */
  static async open(
    paths: readonly string[],
    onChange: (path: string) => Promise<void>,
    readAt: number,
    everyMs: number = LOOK_MS,
  ): Promise<FileWatch> {
    const states = new Map<string, string>();
    for (const path of paths) {
      const { state, changedAt } = await lookAt(path);
      states.set(path, changedAt > readAt ? '' : state);
    }
    // It looks only once it knows them all: one that it does not know would count as changed.
    return new FileWatch(states, onChange, everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(onChange: (path: string) => Promise<void>): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const path of this.#states.keys()) {
        const { state } = await lookAt(path);
        if (state === this.#states.get(path)) continue;
        this.#states.set(path, state);
        await onChange(path);
      }
    } finally {
      this.#looking = false;
    }
  }
}

/** An empty state: it is not there. `changedAt`: written, or put there, in whole milliseconds. */
async function lookAt(path: string): Promise<{ readonly state: string; readonly changedAt: number }> {
  try {
    const { ino, size, mtimeNs, ctimeMs } = await stat(path, { bigint: true });
    return { state: `${ino} ${size} ${mtimeNs}`, changedAt: Number(ctimeMs) };
  } catch {
    return { state: '', changedAt: 0 };
  }
}
