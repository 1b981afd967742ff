/**
 * What a party did, for whom and why: lines of canonical JSON, each with the SHA-256 of the line before it.
 *
 *     {"event": …, "facts": {…}, "n": 0, "previous": "", "time": …}
 *
 * Whoever keeps the newest line's hash elsewhere notices every later change to the lines before it. A line is on the disk before what it
 * tells of is acted on. A line that a crash left half written was never acted on: it is cut off at the next start.
 *
 * One process writes, the service. What an operator does beside it waits in a folder (`noteForAudit`) until the service takes it in.
 */
import { createHash, randomBytes } from 'node:crypto';
import * as disk from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { faultOf, syncFolder, writeFileAtomically, type Files } from '../data/atomic-write.ts';
import { makeFolder } from '../data/folders.ts';
import { Problem } from '../data/problem.ts';
import { canonicalBytes } from '../federation/canonical.ts';
import type { Facts } from './jobs-api.ts';

export interface AuditLine {
  readonly n: number;
  readonly time: string;
  readonly event: string;
  readonly facts: Facts;
  /** SHA-256 of the line before, without its end of line; empty for the first. */
  readonly previous: string;
}

const factsSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));
const lineSchema: z.ZodType<AuditLine> = z.strictObject({
  n: z.int().min(0),
  time: z.iso.datetime(),
  event: z.string().min(1),
  facts: factsSchema,
  previous: z.string().regex(/^([0-9a-f]{64})?$/),
});
const noteSchema = z.strictObject({ time: z.iso.datetime(), event: z.string().min(1), facts: factsSchema });

/** What is used of the file system: a test puts a failing one in its place. */
export type AuditFiles = Files & Pick<typeof disk, 'readFile' | 'readdir' | 'truncate'>;

export class AuditLog {
  readonly #path: string;
  readonly #files: AuditFiles;
  /** Bytes of a half-written line that were cut off when it was opened: worth a line in the service's log. */
  readonly cut: number;
  /** Whether the file's name outlives a power cut. */
  #named: boolean;
  #length: number;
  #count: number;
  #head: string;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    path: string,
    files: AuditFiles,
    state: { length: number; count: number; head: string; cut: number },
  ) {
    this.#path = path;
    this.cut = state.cut;
    this.#named = state.length > 0;
    this.#files = files;
    this.#length = state.length;
    this.#count = state.count;
    this.#head = state.head;
  }

  /** Cuts off what a crash left of a last line, and takes in what operators did meanwhile. Rejects with a Problem when the chain is broken. */
  static async open(path: string, files: AuditFiles = disk): Promise<AuditLog> {
    const text = await files.readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw new Problem(`${path}: cannot be read: ${faultOf(error)}`, 'let the party read it');
    });
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const { lines, head } = verifyAudit(whole, path);
    const length = Buffer.byteLength(whole);
    const cut = Buffer.byteLength(text) - length;
    if (cut > 0) await files.truncate(path, length);
    const log = new AuditLog(path, files, { length, count: lines, head, cut });
    await log.takeNotes();
    return log;
  }

  /** SHA-256 of the newest line: keep it elsewhere, and the log cannot be changed unnoticed. */
  get head(): string {
    return this.#head;
  }

  /** Resolves when the line is on the disk. After a fault of the disk, what was half written is cut off before the next line. */
  append(event: string, facts: Facts, time: Date = new Date()): Promise<void> {
    const written = this.#writing.then(() => this.#write(event, facts, time.toISOString()));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  /** What operators did beside the service, in the order in which they did it. */
  async takeNotes(): Promise<void> {
    const folder = notesOf(this.#path);
    const names = await this.#files.readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names.filter((each) => each.endsWith('.json')).sort()) {
      const path = join(folder, name);
      const parsed = noteSchema.safeParse(readJson(await this.#files.readFile(path, 'utf8')));
      if (!parsed.success)
        throw new Problem(`${path}: is no note for the audit log`, 'look who wrote it, then remove it');
      const { event, facts, time } = parsed.data;
      // A crash before the file is gone takes it in twice, under the same name.
      await this.append(event, { ...facts, note: name }, new Date(time));
      await this.#files.rm(path, { force: true });
    }
  }

  async #write(event: string, facts: Facts, time: string): Promise<void> {
    const line: AuditLine = { n: this.#count, time, event, facts, previous: this.#head };
    const bytes = canonicalBytes(line);
    const file = await this.#files.open(this.#path, 'a', 0o600).catch((error: unknown) => {
      throw this.#unwritten(error);
    });
    try {
      if ((await file.stat()).size !== this.#length) await file.truncate(this.#length);
      await file.writeFile(Buffer.concat([bytes, Buffer.from('\n')]));
      await file.sync();
      if (!this.#named) await syncFolder(dirname(this.#path), this.#files);
      this.#named = true;
    } catch (error) {
      throw this.#unwritten(error);
    } finally {
      await file.close();
    }
    this.#length += bytes.length + 1;
    this.#count++;
    this.#head = sha256(bytes);
  }

  #unwritten(error: unknown): Problem {
    const what = `the audit log ${this.#path} cannot be written: ${faultOf(error)}`;
    return new Problem(what, 'see that the disk has room', { cause: error, told: 'the audit log cannot be written' });
  }
}

/**
 * Checks every line and the chain. Throws a Problem that names the first line that is wrong.
 * @param kept a hash that was the newest once; `place`: the number of the line, from 1, that has it
 */
export function verifyAudit(
  text: string,
  source: string,
  kept?: string,
): { readonly lines: number; readonly head: string; readonly place?: number } {
  const lines = text === '' ? [] : text.split('\n');
  if (lines.length > 0 && lines.pop() !== '')
    throw new Problem(
      `${source}: its last line has no end`,
      'a crash cuts a line off: start the service, which removes it',
    );
  let head = '';
  let place: number | undefined;
  for (const [n, line] of lines.entries()) {
    const parsed = lineSchema.safeParse(readJson(line));
    const wrong = !parsed.success
      ? 'is no line of an audit log'
      : parsed.data.n !== n || parsed.data.previous !== head
        ? 'does not follow the line before it: lines were removed, added or changed'
        : undefined;
    if (wrong !== undefined)
      throw new Problem(
        `${source}: line ${n + 1} ${wrong}`,
        'compare it with a backup: nothing of this program changes lines',
      );
    head = sha256(Buffer.from(line));
    if (head === kept) place = n + 1;
  }
  return { lines: lines.length, head, ...(place === undefined ? {} : { place }) };
}

/** Leaves what an operator did for the service to take into its log. */
export async function noteForAudit(path: string, event: string, facts: Facts, now: Date = new Date()): Promise<void> {
  const time = now.toISOString();
  const folder = notesOf(path);
  await makeFolder(folder, { mode: 0o700 });
  const name = `${time.replaceAll(/[:.]/g, '-')}-${randomBytes(4).toString('hex')}.json`;
  await writeFileAtomically(join(folder, name), Buffer.from(JSON.stringify({ time, event, facts })), 'private');
}

function notesOf(path: string): string {
  return `${path}.notes`;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
