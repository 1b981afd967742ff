/** Where results go: tried before, and saved elsewhere if need be. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import * as disk from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkAppendable, checkWritable, freshModelPath, saveResult } from '../../src/cli/output.ts';
import type { Files } from '../../src/data/atomic-write.ts';
import { Problem } from '../../src/data/problem.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('output');
const file = join(folder, 'file');
writeFileSync(file, 'before');
mkdirSync(join(folder, 'inner'));
symlinkSync('/dev/null', join(folder, 'null'));

/** A disk that takes no file. */
const broken = (code: string): Files => ({
  ...disk,
  open: () => Promise.reject(Object.assign(new Error(code), { code })),
});

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

describe('a path that is tried', () => {
  it('may be a new file, an old one, or in a folder that is not there', async () => {
    for (const path of [join(folder, 'new'), file, join(folder, 'a', 'b', 'c')]) await checkWritable('out', path, 1e6);
    expect(readdirSync(folder).sort()).toEqual(['file', 'inner', 'null']);
    expect(readFileSync(file, 'utf8')).toBe('before');
  });

  it.each([
    [join(folder, 'inner'), /^--out: .*inner is a folder$/],
    [join(folder, 'null'), /^--out: .*null is a device or a pipe, not a file$/],
    [join(file, 'below'), /^--out: .*below cannot be written: a part of the path is a file, not a folder/],
    [join(folder, 'x'.repeat(300)), /^--out: .*x cannot be written: the name is too long/],
  ])('%s', async (path, message) => {
    const problem = await problemOf(checkWritable('out', path));
    expect(problem.message).toMatch(message);
    expect(problem.fix).toBe('give another file to --out');
  });

  it('needs room for all of the file', async () => {
    const problem = await problemOf(checkWritable('out', file, 4_200_000, broken('ENOSPC')));
    expect(problem.message).toBe(`--out: ${file} cannot be written: no room is left on the disk (ENOSPC)`);
    expect(problem.fix).toBe('make room for 4.2 MB, or give another file to --out');
    const readOnly = await problemOf(checkWritable('out', file, 1, broken('EROFS')));
    expect(readOnly.message).toMatch(/the file system is read-only \(EROFS\)$/);
  });

  it('of a log may be a device', () => {
    expect(() => checkAppendable('log-file', '/dev/null')).not.toThrow();
    expect(() => checkAppendable('log-file', join(folder, 'logs', 'log'))).not.toThrow();
    expect(() => checkAppendable('log-file', join(file, 'log'))).toThrow(/^--log-file: .*log cannot be written: /);
    expect(() => checkAppendable('log-file', folder)).toThrow(/it is a folder \(EISDIR\)$/);
  });
});

describe('a model without a name', () => {
  it('gets one that no file has', () => {
    const now = new Date('2025-01-31T23:59:59.9Z');
    expect(freshModelPath('my net', now)).toBe('models/my_net-20250131-235959.safetensors');
    const place = temporaryFolder('models');
    writeFileSync(join(place, 'A-20250131-235959.safetensors'), '');
    expect(freshModelPath('A', now, place)).toBe(join(place, 'A-20250131-235959-2.safetensors'));
  });
});

describe('a result', () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const save = (path: string, places: string[], files?: Files): ReturnType<typeof saveResult> =>
    saveResult('the model', path, bytes, 'make room, then train again', places, files);

  it('lies where it should', async () => {
    const path = join(temporaryFolder('result'), 'model');
    expect(await save(path, [])).toEqual({ path, problem: undefined });
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  });

  it('lies elsewhere, and the problem says where', async () => {
    const { path, problem } = await save(join(file, 'model'), [temporaryFolder('home')]);
    expect([...readFileSync(path!)]).toEqual([1, 2, 3]);
    expect(problem!.message).toMatch(/^the model cannot be saved at .*file.model: a part of the path is a file/);
    expect(problem!.message).toContain(`; it is saved as ${path}`);
    expect(problem!.fix).toBe('move it from there');
  });

  it('lies nowhere, and the problem says what helps', async () => {
    const { path, problem } = await save(join(file, 'model'), ['/nonexistent']);
    expect(path).toBeUndefined();
    expect(problem!.message).toMatch(/^the model cannot be saved: .*model: a part .*; .nonexistent: its folder is not/);
    expect(problem!.fix).toBe('make room, then train again');
  });
});
