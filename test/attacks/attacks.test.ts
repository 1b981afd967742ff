/** Whatever one party sends, what it sees is what it would have seen of other inputs: every protocol of a private session, each party in turn. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Compute } from '../../runtime/compute.ts';
import { testCompute } from '../simulate.ts';
import { campaign } from './campaign.ts';
import { ATTACKED, LONG } from './table.ts';

let compute: Compute;
beforeAll(async () => {
  compute = await testCompute();
});

const SHORT = ATTACKED.map((protocol, i) => [protocol.name, protocol, i] as const).filter(([name]) => !LONG.has(name));

/** Each message is rewritten by one of the rules; `bench/attacks.ts` goes through all. */
describe.each(SHORT)('%s', (_name, protocol, i) => {
  it.each(['P0', 'P1', 'P2'] as const)('%s cheats', async (by) => {
    const { faults } = await campaign({ protocol, by, compute, each: 8, most: 1, number: 3 * i + Number(by[1]) });
    expect(faults.length, faults.slice(0, 10).join('\n')).toBe(0);
  });
});
