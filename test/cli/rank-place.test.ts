/** Which rank a process is, and where the others are, by options and by what launchers set. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rankPlaceOf } from '../../src/cli/federation/rank-place.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('rank-place');
function hosts(...lines: readonly string[]): string {
  const path = join(folder, `hosts-${lines.length}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}
const three = hosts('# rank 0 first', 'a.example.org:7603', 'b.example.org:7603  # the second', '', '[::1]:7605');
const at = [
  { host: 'b.example.org', port: 7603 },
  { host: '::1', port: 7605 },
];

const first = at.slice(0, 1);

it.each([
  ['nothing is said', {}, {}, undefined],
  ['so many, here', { ranks: 3 }, { SLURM_PROCID: '2', SLURM_NTASKS: '3' }, { rank: 0, size: 3 }],
  ['by options', { rank: 1, hosts: three }, {}, { rank: 1, size: 3, at, announced: at }],
  ['by Slurm', { hosts: three }, { SLURM_PROCID: '2', SLURM_NTASKS: '3' }, { rank: 2, size: 3, at, announced: at }],
  ['by an indexed job', { hosts: three }, { JOB_COMPLETION_INDEX: '1' }, { rank: 1, size: 3, at, announced: at }],
  ['fewer than there are hosts', { hosts: three, ranks: 2 }, {}, { rank: 0, size: 2, at: first, announced: first }],
  [
    'options before the environment',
    { hosts: three, rank: 0 },
    { SLURM_PROCID: '2' },
    { rank: 0, size: 3, at, announced: at },
  ],
  [
    'names with the rank in them',
    { hosts: 'p0-{rank}.ranks:7603 p0-{rank}.example.org:443', ranks: 2 },
    { JOB_COMPLETION_INDEX: '1' },
    {
      ...{ rank: 1, size: 2, at: [{ host: 'p0-1.ranks', port: 7603 }] },
      announced: [{ host: 'p0-1.example.org', port: 443 }],
    },
  ],
])('%s', async (_, options, environment, place) => {
  expect(await rankPlaceOf(options, environment)).toEqual(place);
});

it.each([
  [{ rank: 1 }, {}, '--rank: rank 1 is not told where the others are'],
  [{ rank: 3, hosts: three }, {}, '--rank: rank 3 of 3: they are 0 to 2'],
  [{ hosts: three }, { SLURM_PROCID: '4', SLURM_NTASKS: '3' }, 'SLURM_PROCID: rank 4 of 3: they are 0 to 2'],
  [{ hosts: three }, { SLURM_PROCID: '0', SLURM_NTASKS: '4' }, 'names 3 hosts, there are 4 ranks'],
  [{ hosts: three }, { JOB_COMPLETION_INDEX: 'x' }, 'JOB_COMPLETION_INDEX: expected a whole number'],
  [{ hosts: 'p0-{rank}.ranks:7603' }, {}, 'does not say how many ranks there are'],
  [{ hosts: 'p0.ranks:7603', ranks: 2 }, {}, '--hosts: p0.ranks:7603 cannot be read: '],
  [{ hosts: hosts('a:1', 'b:2', 'b'), ranks: 2 }, {}, 'line 3: expected HOST:PORT, found "b"'],
  [{ hosts: hosts('a:1', 'b:2', 'c:3', 'b:2') }, {}, '--hosts: ranks 1 and 3 have the same place'],
])('%j with %j is refused', async (options, environment, complaint) => {
  await expect(rankPlaceOf(options, environment)).rejects.toThrow(complaint);
});
