/** Threads of ranks that are lost in the middle of a batch normalisation, which all ranks of all parties wait for. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { temporaryFolder } from '../folder.ts';
import { allGone, Command, run } from './command.ts';
import { arm, losing } from './lost-rank.ts';

const folder = temporaryFolder('lost-ranks');
const network = join(folder, 'normed.json');
const layers = [
  { type: 'conv2d', filters: 4, kernel: 3 },
  { type: 'batchnorm' },
  { type: 'relu' },
  { type: 'flatten' },
  { type: 'dense', units: 4 },
];
writeFileSync(network, JSON.stringify({ name: 'normed', input: [4, 4, 1], layers }));
const data = writeDataset(smallDataset(96, 16));
const task = ['local', 'train', '--network', network, '--data', data, '--batch', '24', '--epochs', '2', '--ranks', '3'];
const common = [...task, '--workers', '1', '--insecure-keys', '11'];
const model = (name: string): string => readFileSync(join(folder, name)).toString('hex');
let undisturbed: string | undefined;

it.each([
  ['hands up its sum of squares', 'P1.1', 'sum/step/5/together/1/squares', 1],
  ['hands slopes on to the rank below it', 'P2.1', 'step/5/together/1/slope/handed', 2],
  ['hands up its sum of errors', 'P0.2', 'sum/step/5/together/1/errors', 3],
])(
  'a thread that is lost as it %s: the run ends by its name, and goes on to the model of the undisturbed',
  async (_what, who, label, ranks) => {
    if (undisturbed === undefined) {
      const { code, stderr } = await run([...common, '--out', 'undisturbed'], folder);
      expect(code, stderr).toBe(0);
      undisturbed = model('undisturbed');
    }
    const [party, rank] = who.split('.');
    const armed = join(folder, `armed-${who}`);
    arm(armed);
    const words = ['--checkpoint', who, '--checkpoint-every', '2', '--out', `out-${who}`];
    const command = new Command([...common, ...words], folder, losing(who, label, armed));
    await command.shows(/training normed/);
    const parties = command.parties();
    const { code, stderr } = await command.outcome;
    expect(existsSync(armed)).toBe(false);
    expect(code).toBe(1);
    expect(stderr).toContain(`${party} lost a rank: its thread has ended (rank ${rank})`);
    await allGone(parties.values());
    const resumed = await run(
      ['local', 'train', '--resume', who, '--ranks', `${ranks}`, '--out', `again-${who}`],
      folder,
    );
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(model(`again-${who}`)).toBe(undisturbed);
  },
);
