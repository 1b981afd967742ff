/**
 * What happened to a job, for those concerned: one JSON object a line, numbered, kept on the disk, waited for by who has read them all.
 *
 * Changes of state are on the disk at once; of a job's progress the last lines may be lost in a power cut. So that no number is given twice all the
 * same, a later life of the party leaves out as many as can have been lost.
 */
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { syncFolder } from '../../data/atomic-write.ts';
import { makeFolder } from '../../data/folders.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { JobEvent } from '../jobs-api.ts';
import { DISK, type StoreFiles } from '../store/store-files.ts';

/** After so many lines the disk has them. */
const UNSYNCED = 256;
/** In one answer. */
const MOST_AT_ONCE = 1000;

const line: z.ZodType<JobEvent> = z.looseObject({ n: z.int().min(0), time: z.string(), event: z.string() });

type Handle = Awaited<ReturnType<StoreFiles['open']>>;

export class EventLog {
  readonly #path: string;
  readonly #folder: string;
  readonly #files: StoreFiles;
  readonly #onFault: (error: unknown) => void;
  #events: JobEvent[] = [];
  #next = 0;
  #closed = false;
  #named = false;
  #unsynced = 0;
  readonly #waiting: Set<() => void> = new Set();
  /** What is written follows each other. */
  #writing: Promise<void>;
  #handle: Handle | undefined;

  private constructor(folder: string, job: Digest, onFault: (error: unknown) => void, files: StoreFiles) {
    this.#folder = folder;
    this.#path = join(folder, `${job}.jsonl`);
    this.#onFault = onFault;
    this.#files = files;
    this.#writing = Promise.resolve();
  }

  /** @param onFault told when lines cannot be kept: the job goes on without */
  static async open(
    folder: string,
    job: Digest,
    onFault: (error: unknown) => void,
    files: StoreFiles = DISK,
  ): Promise<EventLog> {
    const log = new EventLog(folder, job, onFault, files);
    await log.#read();
    return log;
  }

  append(event: string, facts: Readonly<Record<string, unknown>>, now: number): void {
    if (this.#closed) return;
    const entry: JobEvent = { ...facts, n: this.#next++, time: new Date(now).toISOString(), event };
    this.#events.push(entry);
    const lasting = event !== 'progress' && event !== 'answers';
    this.#writing = this.#writing.then(() => this.#write(entry, lasting)).catch(this.#onFault);
    for (const wake of this.#waiting) wake();
  }

  /** Those from number `from` on, some at least unless the signal aborts first. */
  async from(from: number, signal: AbortSignal): Promise<readonly JobEvent[]> {
    while (this.#next <= from && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
    return this.#since(from);
  }

  /** The party ends: nothing is added any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.rest();
  }

  /** All is on the disk, and the file closed until something is added. */
  async rest(): Promise<void> {
    this.#writing = this.#writing
      .then(async () => {
        const handle = this.#handle;
        this.#handle = undefined;
        try {
          await handle?.sync();
        } finally {
          await handle?.close();
        }
      })
      .catch(this.#onFault);
    await this.#writing;
  }

  #since(from: number): readonly JobEvent[] {
    // Numbers grow by one but where a life of the party ended: search from the end that is asked for mostly.
    let first = this.#events.length;
    while (first > 0 && this.#events[first - 1].n >= from) first--;
    return this.#events.slice(first, first + MOST_AT_ONCE);
  }

  async #write(entry: JobEvent, lasting: boolean): Promise<void> {
    if (this.#handle === undefined) {
      const made = await makeFolder(this.#folder, { mode: 0o700, make: this.#files.mkdir });
      if (made !== undefined) await syncFolder(dirname(made), this.#files);
      this.#handle = await this.#files.open(this.#path, 'a', 0o600);
    }
    await this.#handle.appendFile(`${JSON.stringify(entry)}\n`);
    this.#unsynced++;
    if (!lasting && this.#unsynced < UNSYNCED) return;
    await this.#handle.sync();
    // Its name has to outlive a power cut as well.
    if (!this.#named) await syncFolder(this.#folder, this.#files);
    this.#named = true;
    this.#unsynced = 0;
  }

  /** A torn last line is left out, and ended so that the next one stands by itself. */
  async #read(): Promise<void> {
    const text = await this.#files.readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    if (text === '') return;
    this.#named = true;
    this.#events = text.split('\n').flatMap((each) => {
      try {
        return [line.parse(JSON.parse(each))];
      } catch {
        return [];
      }
    });
    this.#next = (this.#events.at(-1)?.n ?? -1) + 1 + UNSYNCED;
    if (text.endsWith('\n')) return;
    const handle = await this.#files.open(this.#path, 'a', 0o600);
    await handle.appendFile('\n').finally(() => handle.close());
  }
}
