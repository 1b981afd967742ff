/** A host of the demo: a folder of its own, in which commands are typed, and a service that runs until it is told to end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../data/problem.ts';

/** What a command printed, kept for an error. */
const KEPT = 4000;
const END_MS = 15_000;

export interface HostOptions {
  readonly folder: string;
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Told of each line that a command typed here prints. */
  readonly onLine: (line: string) => void;
}

export class Host {
  readonly name: string;
  readonly folder: string;
  readonly #options: HostOptions;
  #service: ChildProcess | undefined;
  /** Resolves when it has ended and all that it said is in the file. */
  #logged: Promise<void> = Promise.resolve();

  private constructor(options: HostOptions) {
    this.name = options.name;
    this.folder = join(options.folder, options.name);
    this.#options = options;
  }

  static async make(options: HostOptions): Promise<Host> {
    const host = new Host(options);
    await mkdir(host.folder, { mode: 0o700 });
    return host;
  }

  /** Types a `securenn` command; resolves with what it printed on standard output. */
  async type(words: readonly string[]): Promise<string> {
    const { signal, onLine } = this.#options;
    signal.throwIfAborted();
    const child = this.#spawn(words);
    const stop = (): void => void child.kill('SIGINT');
    signal.addEventListener('abort', stop);
    let [output, errors] = ['', ''];
    const lines = lineByLine(onLine);
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      // What is for a program is shown to nobody.
      if (!words.includes('--json')) lines(text);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-KEPT);
      lines(text);
    });
    const ended = await new Promise<number | string | Error>((resolve) => {
      child.on('error', resolve);
      child.on('close', (code, killed) => resolve(code ?? killed ?? 'no exit code'));
    });
    signal.removeEventListener('abort', stop);
    signal.throwIfAborted();
    if (ended === 0) return output;
    const said = errors.trim().split('\n').at(-1) ?? '';
    throw new Problem(
      `${this.name}: securenn ${words.join(' ')}: ended with ${String(ended)}${said === '' ? '' : `: ${said}`}`,
      `type it again in ${this.folder} to see why`,
    );
  }

  /** Starts `securenn party serve` here; its output goes to a file. */
  serve(words: readonly string[]): void {
    const child = this.#spawn(words);
    const log = createWriteStream(join(this.folder, 'serve.log'), { flags: 'a', mode: 0o600 });
    // Both write to it: it ends with the later one.
    for (const stream of [child.stdout!, child.stderr!]) stream.pipe(log, { end: false });
    child.once('close', () => log.end());
    this.#service = child;
    this.#logged = new Promise((resolve) => log.once('close', () => resolve()));
  }

  get serving(): boolean {
    return this.#service !== undefined && this.#service.exitCode === null && this.#service.signalCode === null;
  }

  /** Ends the service as its supervisor would: SIGTERM, and later SIGKILL. */
  async end(): Promise<void> {
    const child = this.#service;
    if (child === undefined || !this.serving) return;
    child.kill('SIGTERM');
    if ((await Promise.race([this.#logged, sleep(END_MS, 'late', { ref: false })])) === 'late') child.kill('SIGKILL');
  }

  /** The last resort, should this process end in a hurry. */
  kill(): void {
    if (this.serving) this.#service!.kill('SIGKILL');
  }

  #spawn(words: readonly string[]): ChildProcess {
    // The same program, started as this one was.
    return spawn(process.execPath, [...process.execArgv, process.argv[1], ...words], {
      cwd: this.folder,
      env: { ...process.env, ...this.#options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

/** Cuts text into lines; of a line that is written over and over, as a progress bar is, the last state counts. */
function lineByLine(onLine: (line: string) => void): (text: string) => void {
  let unfinished = '';
  return (text) => {
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop()!;
    for (const line of lines) {
      const shown = line.split('\r').at(-1)!.trimEnd();
      if (shown !== '') onLine(shown);
    }
  };
}
