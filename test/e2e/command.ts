/** Runs the built command line as a person would, and looks at its processes from outside. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const MAIN: string = fileURLToPath(new URL('../../bin/securenn.js', import.meta.url));

/** Nothing that still goes on takes as long, however busy the machine is: a test that waits no longer reports what it has. */
const GUARD_MS = 240_000;

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that has been started. */
export class Command {
  readonly process: ChildProcess;
  readonly outcome: Promise<Outcome>;
  stdout = '';
  stderr = '';

  /** @param environment what it finds in its environment besides */
  constructor(words: readonly string[], folder: string, environment: Readonly<Record<string, string>> = {}) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: run npm run build first`);
    // A group of its own, so that a test can do what a terminal does at Ctrl-C.
    this.process = spawn(process.execPath, [MAIN, ...words], {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.outcome = new Promise((resolve) => {
      this.process.on('close', (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Resolves when standard error shows this; throws when the command ends without, however long it takes, within reason. */
  async shows(pattern: RegExp): Promise<void> {
    const ended = new AbortController();
    void this.outcome.then(() => ended.abort());
    const end = AbortSignal.any([ended.signal, AbortSignal.timeout(GUARD_MS)]);
    while (!pattern.test(this.stderr)) {
      if (end.aborted) throw new Error(`${pattern} never came; so far:\n${this.stderr}`);
      await once(this.process.stderr!, 'data', { signal: end }).catch(() => undefined);
    }
  }

  /** Process ids of the parties, by name. */
  parties(): Map<string, number> {
    const found = new Map<string, number>();
    for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const parent = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1]);
        const words = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
        const at = words.findIndex((word) => /party-process(\.bundle)?\.js$/.test(word));
        if (parent === this.pid && at >= 0) found.set(words[at + 1], Number(entry));
      } catch {
        // It ended while we looked.
      }
    }
    return found;
  }
}

export async function run(words: readonly string[], folder: string): Promise<Outcome> {
  return new Command(words, folder).outcome;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when none of these processes is left; `withinMs` 0: none is now. */
export async function allGone(pids: Iterable<number>, withinMs: number = GUARD_MS): Promise<void> {
  const end = Date.now() + withinMs;
  const left = (): number[] => [...pids].filter(isAlive);
  while (left().length > 0) {
    if (Date.now() > end) throw new Error(`still running after ${withinMs} ms: ${left().join(', ')}`);
    await sleep(20);
  }
}

/** A network for the small data set, as a file. */
export function writeNetwork(folder: string, name = 'tiny', hidden = 8): string {
  const path = join(folder, `${name}.json`);
  const layers = [{ type: 'dense', units: hidden }, { type: 'relu' }, { type: 'dense', units: 4 }];
  writeFileSync(path, JSON.stringify({ name, input: [16], layers }));
  return path;
}
