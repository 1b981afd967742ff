import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFolder, makeFolderSync } from '../../src/data/folders.ts';
import { temporaryFolder } from '../folder.ts';

const ways: [string, (folder: string) => Promise<unknown>][] = [
  ['makeFolder', (folder) => makeFolder(folder)],
  // eslint-disable-next-line @typescript-eslint/require-await
  ['makeFolderSync', async (folder) => makeFolderSync(folder)],
];

describe.each(ways)('%s', (_, make) => {
  it('makes a folder and those above it, and takes one that is there', async () => {
    const folder = join(temporaryFolder('folders'), 'a', 'b', 'c');
    await make(folder);
    await make(folder);
    expect(statSync(folder).isDirectory()).toBe(true);
  });

  it('refuses a file in the place of one', async () => {
    const file = join(temporaryFolder('folders'), 'file');
    writeFileSync(file, '');
    await expect(make(file)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(make(join(file, 'below'))).rejects.toThrow(/EEXIST|ENOTDIR/);
  });

  // Node's own recursive mkdir does not come to an end there.
  it.skipIf(process.platform !== 'linux')('ends where the system takes no folders', async () => {
    await expect(make('/proc/no-such-process/folder')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('makeFolder', () => {
  it('says which it made first, and gives all of them the mode', async () => {
    const top = temporaryFolder('folders');
    mkdirSync(join(top, 'there'));
    const first = await makeFolder(join(top, 'there', 'a', 'b'), { mode: 0o700 });
    expect(first).toBe(join(top, 'there', 'a'));
    expect(await makeFolder(join(top, 'there', 'a', 'b'))).toBeUndefined();
    if (process.platform !== 'win32') expect(statSync(join(top, 'there', 'a')).mode & 0o777).toBe(0o700);
  });
});
