/** Tells when files change that people and programs write beside a running service. Looked at now and then: all systems can do that. */
import { stat } from 'node:fs/promises';

const LOOK_MS = 1000;

export class FileWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #states: Map<string, string> = new Map();
  #looking = false;

  private constructor(paths: readonly string[], onChange: (path: string) => Promise<void>, everyMs: number) {
    this.#timer = setInterval(() => void this.#look(paths, onChange), everyMs).unref();
  }

  /** @param onChange must not reject */
  static async open(
    paths: readonly string[],
    onChange: (path: string) => Promise<void>,
    everyMs: number = LOOK_MS,
  ): Promise<FileWatch> {
    const watch = new FileWatch(paths, onChange, everyMs);
    for (const path of paths) watch.#states.set(path, await stateOf(path));
    return watch;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(paths: readonly string[], onChange: (path: string) => Promise<void>): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const path of paths) {
        const state = await stateOf(path);
        if (state === this.#states.get(path)) continue;
        this.#states.set(path, state);
        await onChange(path);
      }
    } finally {
      this.#looking = false;
    }
  }
}

/** Empty: not there. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    return '';
  }
}
