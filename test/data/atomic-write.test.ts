/** A disk that fails at any operation: nothing half written is left, and what was there stays. */
import * as disk from 'node:fs/promises';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, saveSomewhere, tryToWrite, writeFileAtomically, type Files } from '../../src/data/atomic-write.ts';
import { temporaryFolder } from '../folder.ts';

const CODES = ['ENOSPC', 'EDQUOT', 'ENOENT', 'EACCES', 'EROFS', 'EIO'] as const;
/** What a write does, in order: each of them may fail. */
const OPERATIONS = ['mkdir', 'open', 'writeFile', 'sync', 'close', 'rename'] as const;
type Operation = (typeof OPERATIONS)[number];

/** A file system whose operation fails for paths under `root`. */
function failing(operation: Operation, code: string, root: string): Files {
  const fail = (path: string): Promise<never> =>
    Promise.reject(Object.assign(new Error(`${code}: ${operation} '${path}'`), { code }));
  const here = (path: unknown): path is string => String(path).startsWith(root);
  const open: Files['open'] = async (path, flags, mode) => {
    if (operation === 'open' && here(path)) return fail(path);
    const file = await disk.open(path, flags, mode);
    if (!here(path) || !['writeFile', 'sync', 'close'].includes(operation)) return file;
    return new Proxy(file, {
      get(target, name) {
        if (name === operation) {
          // As on a disk that fills up: a part has been written. What is open must be closed, whatever it answers.
          return async () => {
            if (name === 'writeFile') await target.write(new Uint8Array(3));
            if (name === 'close') await target.close();
            return fail(path);
          };
        }
        const member = Reflect.get(target, name) as unknown;
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  };
  return {
    ...disk,
    open,
    mkdir: ((path: string, options: object) =>
      operation === 'mkdir' && here(path) ? fail(path) : disk.mkdir(path, options)) as Files['mkdir'],
    rename: (from, to) => (operation === 'rename' && here(to) ? fail(to) : disk.rename(from, to)),
  };
}

const bytes = new TextEncoder().encode('what took hours');
const faults = OPERATIONS.flatMap((operation) => CODES.map((code) => [operation, code] as const));

describe('a file written whole or not at all', () => {
  it('is there with its bytes, in folders made for it', async () => {
    const path = join(temporaryFolder('write'), 'a', 'b', 'file');
    await writeFileAtomically(path, bytes);
    expect(readFileSync(path)).toEqual(Buffer.from(bytes));
    expect(readdirSync(dirname(path))).toEqual(['file']);
  });

  it('is private if asked to be, and so are folders made for it', async () => {
    const path = join(temporaryFolder('write'), 'a', 'file');
    await writeFileAtomically(path, bytes, 'private');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  it('writes through nothing that lies in wait, at its name or at those of its temporary files', async () => {
    const [folder, elsewhere] = [temporaryFolder('write'), temporaryFolder('elsewhere')];
    const [path, victim] = [join(folder, 'file'), join(elsewhere, 'victim')];
    writeFileSync(victim, 'before');
    symlinkSync(victim, path);
    const opened: string[] = [];
    // Somebody who could guess each name in time.
    const files: Files = {
      ...disk,
      open: (name, flags, mode) => {
        if (String(name).endsWith('.tmp')) {
          opened.push(String(name));
          if (opened.length === 1) symlinkSync(victim, String(name));
        }
        return disk.open(name, flags, mode);
      },
    };
    await expect(writeFileAtomically(path, bytes, 'private', files)).rejects.toThrow('EEXIST');
    expect(readFileSync(victim, 'utf8')).toBe('before');
    expect(readlinkSync(path)).toBe(victim);
    await writeFileAtomically(path, bytes, 'private', files);
    expect(lstatSync(path).isFile()).toBe(true);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path)).toEqual(Buffer.from(bytes));
    expect(readFileSync(victim, 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['file']);
    // Nor can anybody guess it.
    expect(opened[0]).not.toBe(opened[1]);
    expect(opened[1]).not.toContain(String(process.pid));
  });

  it.each(faults)('%s fails with %s: the old file stays, nothing else', async (operation, code) => {
    const folder = temporaryFolder('write');
    const path = join(folder, 'file');
    writeFileSync(path, 'before');
    await expect(writeFileAtomically(path, bytes, undefined, failing(operation, code, folder))).rejects.toThrow(code);
    expect(readdirSync(folder)).toEqual(['file']);
    expect(readFileSync(path, 'utf8')).toBe('before');
  });
});

describe('a file that is only tried', () => {
  it('leaves what is there, and no folder', async () => {
    const folder = temporaryFolder('try');
    writeFileSync(join(folder, 'file'), 'before');
    await tryToWrite(join(folder, 'file'), 3 * 2 ** 20 + 1);
    await tryToWrite(join(folder, 'a', 'b', 'file'), 0);
    expect(readdirSync(folder)).toEqual(['file']);
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('before');
    mkdirSync(join(folder, 'own'));
    await tryToWrite(join(folder, 'own', 'file'), 1);
    expect(readdirSync(folder)).toEqual(['file', 'own']);
  });

  it('takes the room it would take', async () => {
    const folder = temporaryFolder('try');
    let written = 0;
    const files: Files = {
      ...disk,
      open: async (path, flags, mode) => {
        const file = await disk.open(path, flags, mode);
        const write = file.writeFile.bind(file);
        file.writeFile = (data) => {
          written += (data as Uint8Array).length;
          return write(data);
        };
        return file;
      },
    };
    await tryToWrite(join(folder, 'file'), 5_000_000, files);
    expect(written).toBe(5_000_000);
  });

  it.each(faults.filter(([operation]) => operation !== 'rename'))('%s fails with %s', async (operation, code) => {
    const folder = temporaryFolder('try');
    await expect(tryToWrite(join(folder, 'a', 'file'), 1, failing(operation, code, folder))).rejects.toThrow(code);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('meets real faults, too: a file where a folder should be', async () => {
    const file = join(temporaryFolder('try'), 'file');
    writeFileSync(file, '');
    const error: unknown = await tryToWrite(join(file, 'below'), 1).catch((reason: unknown) => reason);
    expect(faultOf(error)).toMatch(/^a part of the path is a file, not a folder \((EEXIST|ENOTDIR)\)$/);
  });
});

describe('what cannot be had again', () => {
  it('is saved where it should be', async () => {
    const path = join(temporaryFolder('save'), 'model');
    expect(await saveSomewhere(path, bytes, [])).toEqual({ path, faults: [] });
    expect(readFileSync(path)).toEqual(Buffer.from(bytes));
  });

  it('makes its folder anew when that has vanished', async () => {
    const folder = join(temporaryFolder('save'), 'models');
    mkdirSync(folder);
    rmSync(folder, { recursive: true });
    expect(await saveSomewhere(join(folder, 'model'), bytes, [])).toEqual({ path: join(folder, 'model'), faults: [] });
  });

  it.each(faults)('%s fails with %s: it is saved in the next place, for its user alone', async (operation, code) => {
    const [wished, home] = [temporaryFolder('save'), temporaryFolder('home')];
    chmodSync(home, 0o755);
    const path = join(wished, 'model');
    const saved = await saveSomewhere(path, bytes, ['/nonexistent', home], failing(operation, code, wished));
    expect(saved.faults).toHaveLength(2);
    expect(saved.faults[0]).toMatch(new RegExp(`^${path}: .*${code}`));
    expect(saved.faults[1]).toBe('/nonexistent: its folder is not there (ENOENT)');
    expect(dirname(dirname(saved.path!))).toBe(home);
    expect(readFileSync(saved.path!)).toEqual(Buffer.from(bytes));
    expect(statSync(saved.path!).mode & 0o777).toBe(0o600);
    expect(existsSync(path)).toBe(false);
  });

  it('says of every place why not, and leaves nothing there', async () => {
    const [wished, home] = [temporaryFolder('save'), temporaryFolder('home')];
    const files = failing('writeFile', 'ENOSPC', dirname(wished));
    const saved = await saveSomewhere(join(wished, 'model'), bytes, [home], files);
    expect(saved).toEqual({
      path: undefined,
      faults: [
        `${join(wished, 'model')}: no room is left on the disk (ENOSPC)`,
        `${home}: no room is left on the disk (ENOSPC)`,
      ],
    });
    expect([...readdirSync(wished), ...readdirSync(home)]).toEqual([]);
  });
});
