/** One run at a time in a folder; the lock of a process that is gone holds nobody up. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockFolder } from '../../src/data/folder-lock.ts';
import { Problem } from '../../src/data/problem.ts';
import { temporaryFolder } from '../folder.ts';

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

const locked = (holder: object, name = 'run-3.lock'): string => {
  const folder = temporaryFolder('lock');
  writeFileSync(join(folder, name), JSON.stringify(holder));
  return folder;
};

describe('a folder of checkpoints', () => {
  it('is one run’s until it is given back', async () => {
    const folder = join(temporaryFolder('lock'), 'new');
    const release = await lockFolder(folder);
    expect(readdirSync(folder)).toEqual(['run-1.lock']);
    const problem = await problemOf(lockFolder(folder));
    expect(problem.message).toBe(
      `${folder}: a run that is under way (process ${process.pid}) keeps its checkpoints here`,
    );
    expect(problem.fix).toBe('give another folder, or end that run first');
    release();
    expect(existsSync(folder)).toBe(false);
    mkdirSync(folder);
    (await lockFolder(folder))();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is that of one only, of many that come at the same time', async () => {
    for (let round = 0; round < 20; round++) {
      const folder =
        round % 2 === 0 ? temporaryFolder('lock') : locked({ host: hostname(), pid: 2 ** 22, started: '' });
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(Problem);
        else result.value();
      }
    }
  });

  it('is free when its process is gone, or its number is another one’s', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    for (const holder of [
      { host: hostname(), pid: gone, started: '123' },
      { host: hostname(), pid: process.pid, started: 'another time' },
    ]) {
      const folder = locked(holder);
      const release = await lockFolder(folder);
      expect(readdirSync(folder)).toEqual(['run-4.lock']);
      release();
    }
    const folder = locked({});
    writeFileSync(join(folder, 'run-9.lock'), 'half wri');
    (await lockFolder(folder))();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is another process’s while that lives, also after it was killed and begun anew', async () => {
    const folder = temporaryFolder('lock');
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    await once(child, 'spawn');
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    writeFileSync(join(folder, 'run-1.lock'), JSON.stringify({ host: hostname(), pid: child.pid, started }));
    expect((await problemOf(lockFolder(folder))).message).toContain(`(process ${child.pid})`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    (await lockFolder(folder))();
  });

  it('names the other machine, and the file to remove', async () => {
    const folder = locked({ host: 'elsewhere', pid: 1, started: '' });
    const problem = await problemOf(lockFolder(folder));
    expect(problem.message).toBe(`${folder}: a run on elsewhere (process 1) keeps its checkpoints here`);
    expect(problem.fix).toBe(`give another folder or, if that run is gone, remove ${join(folder, 'run-3.lock')}`);
  });

  it('is taken over from another machine’s process that shows no life, and not from one that does', async () => {
    const other = { host: 'elsewhere', pid: 1, started: '' };
    const words = { who: 'a party', holds: 'serves from here' };
    const folder = locked(other);
    const lock = join(folder, 'run-3.lock');
    let time = Date.now();
    const heart = setInterval(() => utimesSync(lock, new Date(++time), new Date(time)), 5);
    const problem = await problemOf(lockFolder(folder, { words, heartbeatMs: 20 }));
    expect(problem.message).toBe(`${folder}: a party on elsewhere (process 1) serves from here`);
    clearInterval(heart);
    const release = await lockFolder(folder, { words, heartbeatMs: 20 });
    expect(readdirSync(folder)).toEqual(['run-4.lock']);
    release();
  });

  it('tells a process that it was taken for one that is gone', async () => {
    const folder = temporaryFolder('lock');
    const lost = new Promise<void>((resolve) => {
      void lockFolder(folder, { heartbeatMs: 5, onLost: resolve }).then(() => rmSync(join(folder, 'run-1.lock')));
    });
    await lost;
  });

  it('must be one that can be written', async () => {
    const folder = temporaryFolder('lock');
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'inner'));
    const problem = await problemOf(lockFolder(join(folder, 'file', 'below')));
    expect(problem.message).toMatch(/below: cannot be written: a part of the path is a file, not a folder/);
  });
});
