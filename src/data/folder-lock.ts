/**
 * One process at a time in a folder, of checkpoints or of a party: `run-N.lock` says whose it is. N only grows, and a lock is made by linking a file that is
 * whole, so of two that come at the same time one wins. The lock of a process that is gone, however it ended, holds nobody up.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmdirSync, rmSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { faultOf } from './atomic-write.ts';
import { Problem } from './problem.ts';

const holder = z.object({ host: z.string(), pid: z.int(), started: z.string() });
type Holder = z.infer<typeof holder>;

/** In errors: `FOLDER: WHO (process 12) HOLDS`. */
export interface LockWords {
  readonly who: string;
  readonly holds: string;
}

const RUN: LockWords = { who: 'a run', holds: 'keeps its checkpoints here' };

export interface LockOptions {
  readonly words?: LockWords | undefined;
  /**
   * The holder shows so often that it is alive, by touching its lock. One of another host, or container, that does not is gone; without this
   * only a person can tell.
   */
  readonly heartbeatMs?: number | undefined;
  /** This process was taken for one that is gone, for it did not run for long enough: the folder is another's now. */
  readonly onLost?: (() => void) | undefined;
}

/** Takes the folder for this process, and makes it if need be. Returns how to give it back. */
export async function lockFolder(
  folder: string,
  { words = RUN, heartbeatMs, onLost }: LockOptions = {},
): Promise<() => void> {
  const own = join(folder, `${randomUUID()}.lock.tmp`);
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(own, JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) }));
    for (;;) {
      const locks = await locksIn(folder);
      for (const { path } of locks) await checkIsStale(folder, path, words, heartbeatMs);
      const path = join(folder, `run-${(locks.at(-1)?.number ?? 0) + 1}.lock`);
      if (!(await links(own, path))) continue; // Somebody else was faster.
      const heart = heartbeatMs === undefined ? undefined : setInterval(() => touch(path, onLost), heartbeatMs).unref();
      const release = (): void => {
        clearInterval(heart);
        process.off('exit', release);
        rmSync(path, { force: true });
        if (made !== undefined) removeIfEmpty(folder);
      };
      process.on('exit', release);
      for (const stale of locks) await rm(stale.path, { force: true });
      return release;
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`${folder}: cannot be written: ${faultOf(error)}`, 'give another folder', { cause: error });
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
}

/** A run that ended before it kept anything leaves nothing. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is not empty.
  }
}

async function locksIn(folder: string): Promise<{ path: string; number: number }[]> {
  const found = (await readdir(folder)).flatMap((name) => {
    const number = /^run-(\d{1,15})\.lock$/.exec(name)?.[1];
    return number === undefined ? [] : [{ path: join(folder, name), number: Number(number) }];
  });
  return found.sort((a, b) => a.number - b.number);
}

function touch(path: string, onLost: (() => void) | undefined): void {
  const now = new Date();
  utimes(path, now, now).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') onLost?.();
  });
}

/** Whether the holder does nothing for longer than it may. Only its own changes are compared, no clocks. */
async function isSilent(path: string, heartbeatMs: number): Promise<boolean> {
  const changed = (): Promise<number> =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  const before = await changed();
  await sleep(3 * heartbeatMs);
  return (await changed()) === before;
}

async function checkIsStale(
  folder: string,
  path: string,
  { who, holds }: LockWords,
  heartbeatMs: number | undefined,
): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined; // It has just been given back.
    throw error;
  });
  const found = text === undefined ? undefined : parse(text);
  if (found === undefined) return;
  const it = who.replace(/^an? /, '');
  if (found.host !== hostname()) {
    if (heartbeatMs !== undefined && (await isSilent(path, heartbeatMs))) return;
    const what = `${folder}: ${who} on ${found.host} (process ${found.pid}) ${holds}`;
    throw new Problem(what, `give another folder or, if that ${it} is gone, remove ${path}`);
  }
  if (isAlive(found)) {
    const what = `${folder}: ${who} that is under way (process ${found.pid}) ${holds}`;
    throw new Problem(what, `give another folder, or end that ${it} first`);
  }
}

/** Undefined: not one of ours, so nobody's. */
function parse(text: string): Holder | undefined {
  try {
    return holder.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // Numbers of processes are given again.
  return startOf(pid) === started;
}

/** When a process started, in the system's own count; empty where the system does not say. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything; the start is the twentieth field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Whether the name was free. */
async function links(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    // A file system without links: the other way to be the only one.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EOPNOTSUPP') throw error;
    return writeFile(name, await readFile(file), { flag: 'wx' }).then(
      () => true,
      (reason: NodeJS.ErrnoException) => {
        if (reason.code === 'EEXIST') return false;
        throw reason;
      },
    );
  }
}
