/**
 * One run at a time in a folder of checkpoints: `run-N.lock` says whose it is. N only grows, and a lock is made by linking a file that is
 * whole, so of two that come at the same time one wins. The lock of a process that is gone, however it ended, holds nobody up.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmdirSync, rmSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { faultOf } from './atomic-write.ts';
import { Problem } from './problem.ts';

const holder = z.object({ host: z.string(), pid: z.int(), started: z.string() });
type Holder = z.infer<typeof holder>;

/** Takes the folder for this process, and makes it if need be. Returns how to give it back. */
export async function lockFolder(folder: string): Promise<() => void> {
  const own = join(folder, `${randomUUID()}.lock.tmp`);
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(own, JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) }));
    for (;;) {
      const locks = await locksIn(folder);
      for (const { path } of locks) await checkIsStale(folder, path);
      const path = join(folder, `run-${(locks.at(-1)?.number ?? 0) + 1}.lock`);
      if (!(await links(own, path))) continue; // Somebody else was faster.
      const release = (): void => {
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

async function checkIsStale(folder: string, path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined; // It has just been given back.
    throw error;
  });
  const found = text === undefined ? undefined : parse(text);
  if (found === undefined) return;
  if (found.host !== hostname()) {
    const what = `${folder}: a run on ${found.host} (process ${found.pid}) keeps its checkpoints here`;
    throw new Problem(what, `give another folder or, if that run is gone, remove ${path}`);
  }
  if (isAlive(found)) {
    const what = `${folder}: a run that is under way (process ${found.pid}) keeps its checkpoints here`;
    throw new Problem(what, 'give another folder, or end that run first');
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
