/** `bench tables` with the built program: what it writes, also when it is interrupted, and what it refuses. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allGone, Command, run } from './command.ts';
import { temporaryFolder } from '../folder.ts';

interface Json {
  readonly complete: boolean;
  readonly measurements: Readonly<
    Record<string, { readonly seconds: { median: number }; readonly bytes: number; readonly onlineRounds: number }>
  >;
}

const folder = temporaryFolder('e2e');

describe('bench tables', () => {
  it('an interrupted run writes what was measured until then', async () => {
    const command = new Command(['bench', 'tables', '--quick', '--tables', '8', '--out', 'partial'], folder);
    await command.shows(/^1\/2 · single protocols, LAN/m);
    const parties = command.parties();
    command.process.kill('SIGINT');
    const { code, stdout, stderr } = await command.outcome;
    expect(code).toBe(130);
    expect(stderr).toContain(
      'ended early; what was measured is written: tables.json, tables.md, tables.svg in partial',
    );
    await allGone(parties.values());
    expect(stdout).toContain('**The run ended early');
    const json = JSON.parse(readFileSync(join(folder, 'partial', 'tables.json'), 'utf8')) as Json;
    expect(json.complete).toBe(false);
    expect(readFileSync(join(folder, 'partial', 'tables.svg'), 'utf8')).toMatch(/^<svg /);
    // Rounds of all rows on the LAN: a product 1, a level of the tree 3 and back 1, a comparison 3, by a kept bit 1.
    const rounds = Array.from({ length: 18 }, (_, row) => json.measurements[`micro/lan/${row}`].onlineRounds);
    expect(rounds).toEqual([1, 1, 1, 1, 1, 1, 12, 6, 6, 4, 2, 2, 3, 3, 3, 1, 1, 1]);
    for (const { seconds, bytes } of Object.values(json.measurements)) {
      expect(seconds.median).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(0);
    }
  });

  it('refuses a folder it cannot write to, and an unknown table, before it starts', async () => {
    writeFileSync(join(folder, 'file'), '');
    const nowhere = await run(['bench', 'tables', '--out', 'file'], folder);
    expect([nowhere.code, nowhere.stderr]).toEqual([
      1,
      expect.stringMatching(/^securenn: --out: .*cannot be written.*\n$/),
    ]);
    const unknown = await run(['bench', 'tables', '--tables', '5', '--out', 'new'], folder);
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringMatching(/^securenn: --tables: .*found "5".*\n$/)]);
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });
});
