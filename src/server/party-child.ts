/** One party's process, as the process that started it sees it. */
import { fork, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Problem } from '../data/problem.ts';
import { beside } from './beside.ts';
import { Deferred } from './deferred.ts';
import { lastWords, remedy } from './last-words.ts';
import { isLogLine } from './log.ts';
import { noticeSchema, type FailureNotice, type Notice, type Order, type PartyName } from './ipc.ts';

/** Of what a party printed besides its log, the last characters are kept: a crash explains itself there. */
export const KEPT_OUTPUT = 4000;
/** A line that is longer is no line of a log. */
const LONGEST_LINE = 2 ** 16;

type Listening = Extract<Notice, { type: 'listening' }>;
/** What a party tells that does not change its state. */
export type News =
  | Exclude<Notice, { type: 'listening' | 'done' | 'stopped' | 'error' }>
  /** A line of its log. */
  | { readonly type: 'log'; readonly line: string };

export interface PartyChildOptions {
  /** It listens, has ended, or says that it must. */
  readonly onChange: (child: PartyChild) => void;
  readonly onNews: (news: News) => void;
  /** All three parties share this machine's cores. */
  readonly together?: boolean;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A party allocates and drops about 100 MB of tensors a step, which V8 holds to be memory pressure: it counts them to a heap of some 15 MB, whose
 * limit they pass again and again, so that by default it collects everything in every step, and marks on four threads a party. With one thread and a
 * heap that may grow (nothing is taken from the system for that) it does so once in six steps, in increments, and ends in 3 ms. On two
 * cores a step of network A took 0.057 s; 0.063 with marking in one go, which stopped the party for 19 ms at a time; 0.091 by default.
 *
 * Once 64 MB of tensors have come since the last collection, V8 marks for 5 ms at each further one. So marking begins before, once more than 3 % of
 * the limit (30 MB) have come, and goes on in tasks of a tenth of a millisecond: at 5 % a party took the same time, and P2 25 MiB more in a training
 * of D. There is a young collection for 32 MB of new tensors whatever the young generation may hold: so that holds little, for each of its pages is
 * visited then.
 */
export const GARBAGE_COLLECTION: readonly string[] = [
  '--single-threaded-gc',
  '--initial-heap-size=1000',
  '--incremental-marking-soft-trigger=3',
  '--max-semi-space-size=16',
  // Arrays can be given back before a collection (`ring/release.ts`): as later versions of Node can without being told.
  ...('transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer']),
];

/**
 * For the C library where it is glibc; others read none of these. By default it gives an array of 128 KiB or more back to the system when it is
 * collected, and asks for the next one anew: 25,000 new pages, each of them zeroed, in a step of network C, and as many that the collector
 * gives back. So a party keeps what it has taken, up to 1 GiB at the end of its heap, and takes 16 MiB at a time; its peak is the same. The
 * main threads took 5 to 20 % less of a core a step.
 */
const KEPT_MEMORY: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: `${2 ** 25}`,
  MALLOC_TRIM_THRESHOLD_: `${2 ** 30}`,
  MALLOC_TOP_PAD_: `${2 ** 24}`,
};

/** Of a party's process, started from one with this environment, which may say otherwise. */
export function partyEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return { ...KEPT_MEMORY, ...environment };
}

/** Starts a process that computes. @param entry the program, next to the file `from` */
export function forkBeside(from: string, entry: string, name: string): ChildProcess {
  return fork(fileURLToPath(beside(from, entry)), [name], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    env: partyEnvironment(),
    execArgv: [...process.execArgv, ...GARBAGE_COLLECTION],
  });
}

/**
 * In a training the helper waits for nobody, the workers for each other and for it. Where the three share cores it computes in the time that the
 * workers leave: a step became 3 % faster on two cores. In an inference they wait for its answers more than it has to deal ahead: there it gives
 * no way, and an image takes 4 % less.
 */
function giveWay(helper: ChildProcess): void {
  try {
    if (helper.pid !== undefined) setPriority(helper.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not everywhere may a process do that; then all three are alike.
  }
}

export class PartyChild {
  readonly name: PartyName;
  readonly exited: Deferred<void> = new Deferred();
  readonly listening: Deferred<Listening> = new Deferred();
  exit: Exit | undefined;
  /** What it said went wrong. */
  failure: FailureNotice | undefined;
  done = false;
  /** The step after which it stopped as it was told, if it did; then it is done, too. */
  stoppedAt: number | undefined;
  readonly #process: ChildProcess;
  readonly #onNews: (news: News) => void;
  readonly #givesWay: boolean;
  #output = '';
  /** The beginning of a line. */
  #unfinished = '';

  constructor(name: PartyName, { onChange, onNews, together = false }: PartyChildOptions) {
    this.name = name;
    this.#onNews = onNews;
    this.#givesWay = together && name === 'P2';
    this.#process = forkBeside(import.meta.url, 'party-process', name);
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => this.#printed(text));
    this.#process.on('message', (message) => {
      if (this.#hear(message)) onChange(this);
    });
    this.#process.on('error', (error) => {
      this.failure ??= { type: 'error', origin: 'here', message: `cannot be started: ${error.message}` };
      onChange(this);
    });
    this.#process.on('exit', (code, signal) => {
      this.exit = { code, signal };
      onChange(this);
    });
    // Ended, and all that it printed is here.
    this.#process.on('close', () => this.exited.resolve());
  }

  send(order: Order): void {
    if (this.#givesWay && order.type === 'start' && order.job.kind === 'train') giveWay(this.#process);
    // A party that is gone is noticed by its exit, not here.
    if (this.#process.connected) this.#process.send(order, () => undefined);
  }

  /** Hands over a connection to the links port, which is paused. @param head what has been read of it */
  hand(socket: Socket, head: Uint8Array): void {
    const order: Order = { type: 'connection', head };
    if (this.#process.connected) this.#process.send(order, socket, () => undefined);
    else socket.destroy();
  }

  /** Whether the party's state has changed. */
  #hear(message: unknown): boolean {
    const { data: notice } = noticeSchema.safeParse(message);
    if (notice === undefined) {
      this.failure ??= { type: 'error', origin: 'here', message: 'said what no party process says' };
      this.kill('SIGKILL');
      return true;
    }
    if (notice.type === 'listening') this.listening.resolve(notice);
    else if (notice.type === 'error') this.failure = notice;
    else if (notice.type === 'done' || notice.type === 'stopped') this.done = true;
    else {
      this.#onNews(notice);
      return false;
    }
    if (notice.type === 'stopped') this.stoppedAt = notice.step;
    return true;
  }

  #printed(text: string): void {
    const lines = (this.#unfinished + text).split('\n');
    this.#unfinished = lines.pop()!.slice(-LONGEST_LINE);
    for (const line of lines) {
      if (isLogLine(line, this.name)) this.#onNews({ type: 'log', line });
      else this.#output = `${this.#output}${line}\n`.slice(-KEPT_OUTPUT);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** It ended, or said that it must, before its work was done. */
  get failed(): boolean {
    return this.failure !== undefined || (this.exit !== undefined && !this.done);
  }

  /** It ended without a word: killed, or crashed. */
  get died(): boolean {
    return this.exit !== undefined && !this.done && this.failure === undefined;
  }

  /** How it died: by which signal or exit code, and what it said of that. */
  obituary(): Problem {
    const { code, signal } = this.exit!;
    const manner = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
    const last = lastWords(this.#output + this.#unfinished, signal);
    const said = last === '' ? '' : `: ${last}`;
    const died = `party ${this.name} ${manner}`;
    return new Problem(`${died}${said}`, remedy(signal, last), { told: died });
  }
}
