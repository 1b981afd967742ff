/** A party's process keeps the memory of arrays that are gone, unless whoever starts it says otherwise. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { partyEnvironment } from '../../src/server/party-child.ts';

/** Makes and drops arrays of 1 MiB, and prints how many pages were touched for the first time after the first ones. */
const ARRAYS = `
  const make = () => { for (let i = 0; i < 64; i++) { new Uint8Array(2 ** 20).fill(1); gc({ type: 'minor' }); } };
  make();
  const before = process.resourceUsage().minorPageFault;
  for (let i = 0; i < 4; i++) make();
  console.log(process.resourceUsage().minorPageFault - before);
`;

async function newPages(env: NodeJS.ProcessEnv): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '-e', ARRAYS], { env });
  return Number(stdout);
}

/** Of Node itself: undefined where the C library is another one. */
const glibc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;

describe("a party's environment", () => {
  it('is that of its starter, whose word on memory counts', () => {
    expect(partyEnvironment({ HOME: '/h' })).toMatchObject({ HOME: '/h', MALLOC_TRIM_THRESHOLD_: `${2 ** 30}` });
    expect(partyEnvironment({ MALLOC_TRIM_THRESHOLD_: '1' })).toMatchObject({ MALLOC_TRIM_THRESHOLD_: '1' });
  });

  it.runIf(glibc !== undefined)('lets arrays have the pages of those before them', async () => {
    expect(await newPages(partyEnvironment())).toBeLessThan(
      0.2 * (await newPages({ MALLOC_MMAP_THRESHOLD_: '131072' })),
    );
  });
});
