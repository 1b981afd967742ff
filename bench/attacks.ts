/**
 * One party that lies, in a hundred thousand private sessions: every protocol of both suites, pieces of whole jobs, each party in turn and each
 * worker as the one that digits are sent to, each message by every rule (`test/attacks/`), and whether what the party sees depends on the inputs.
 * Then the attack on digits, with and without proofs, and one wrong digit in ten million comparisons. It takes half an hour.
 *
 *   npx tsx -C securenn-source bench/attacks.ts [--each 10] [--each-long 8] [--least 200] [--only PATTERN] [--comparisons 10000000]
 *     [--with FILE]… [--out bench/results/attacks.json]
 *
 * Of each lie there are `each` sessions, of protocols of many steps `each-long`, and of all lies of a row `least` together. Each row is
 * written to `out` as it comes, with the commit that it was made from; started again on the same commit it goes on from there, and takes rows of
 * other results as they are (`with`). Exits with 1 when something was found. It runs from sources alone, as tests do.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { campaign } from '../test/attacks/campaign.ts';
import { dealRarely } from '../test/attacks/rare.ts';
import { RULES } from '../test/attacks/rules.ts';
import { readSigns } from '../test/attacks/signs.ts';
import { ATTACKED, LONG } from '../test/attacks/table.ts';
import { testCompute } from '../test/simulate.ts';
import { save } from './machine.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, {
  each: { type: 'string', default: '10' },
  'each-long': { type: 'string', default: '8' },
  least: { type: 'string', default: '200' },
  only: { type: 'string', default: '' },
  comparisons: { type: 'string', default: '10000000' },
  with: { type: 'string', multiple: true, default: [] },
  out: { type: 'string' },
});

interface Row {
  /** What was attacked, by whom. */
  readonly name: string;
  readonly sessions?: number;
  readonly sound: boolean;
  /** Of the sources; `changed` where files of them were not as committed. */
  readonly commit: string;
}

/** What all rows of a result have been made with. */
interface Settings {
  readonly each: number;
  readonly eachLong: number;
  readonly least: number;
  readonly comparisons: number;
}

async function git(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', words);
  return stdout.trim();
}

async function commitOf(): Promise<string> {
  const changed = await git('status', '--porcelain', '--', 'src', 'runtime', 'test', 'bench/attacks.ts');
  return `${await git('rev-parse', 'HEAD')}${changed === '' ? '' : ', changed'}`;
}

/** Rows of a run that ended before, with these settings. */
async function rowsOf(file: string | undefined): Promise<readonly Row[]> {
  const text = file === undefined ? '{}' : await readFile(file, 'utf8').catch(() => '{}');
  const { settings: others, rows = [] } = JSON.parse(text) as { settings?: Settings; rows?: Row[] };
  return JSON.stringify(others) === JSON.stringify(settings) ? rows : [];
}

const settings: Settings = {
  each: Number(values.each),
  eachLong: Number(values['each-long']),
  least: Number(values.least),
  comparisons: Number(values.comparisons),
};
const commit = await commitOf();
const before = [
  ...(await rowsOf(values.out)).filter((one) => one.commit === commit),
  ...(await Promise.all(values.with.map(rowsOf))).flat(),
];
const rows: Row[] = [];
const pattern = new RegExp(values.only);
const compute = await testCompute();

/** A row that is not there yet. */
async function row(name: string, make: () => Promise<Omit<Row, 'name' | 'commit'>>): Promise<void> {
  if (!pattern.test(name)) return;
  const made = before.find((one) => one.name === name) ?? { name, ...(await make()), commit };
  rows.push(made);
  console.error(JSON.stringify(made));
  const sessions = rows.reduce((sum, one) => sum + (one.sessions ?? 0), 0);
  if (values.out !== undefined)
    await save(values.out, 'attacks', { settings, sessions, sound: rows.every(({ sound }) => sound), rows });
}

for (const [i, protocol] of ATTACKED.entries()) {
  for (const by of ['P0', 'P1', 'P2'] as const)
    for (const drawer of ['P0', 'P1'] as const) {
      await row(`${protocol.name}, ${by}, drawer ${drawer}`, async () => {
        const { each: some, eachLong, least } = settings;
        const each = LONG.has(protocol.name) ? eachLong : some;
        const number = 1000 + 6 * i + 2 * Number(by[1]) + Number(drawer[1]);
        const most = protocol.most ?? RULES.size;
        const { faults, ...counts } = await campaign({ protocol, by, drawer, compute, each, most, least, number });
        for (const fault of faults.slice(0, 20)) console.error(`${protocol.name}: ${fault}`);
        return { ...counts, faults: faults.length, sound: faults.length === 0 };
      });
    }
}

const VALUES = 1024;
for (const security of ['semi-honest', 'private'] as const) {
  await row(`on digits, ${security}`, async () => {
    const all = await Promise.all(Array.from({ length: 16 }, (_, i) => readSigns(security, VALUES, 500 + i, compute)));
    const sum = (of: (one: (typeof all)[number]) => number): number => all.reduce((total, one) => total + of(one), 0);
    const [answered, right] = [sum((one) => one.answered), sum((one) => one.right)];
    const sound = security === 'semi-honest' ? right > 0.95 * answered && answered > 0 : answered === 0;
    return { values: all.length * VALUES, answered, right, sound };
  });
}

await row('one wrong digit', async () => {
  const { comparisons } = settings;
  const { accepted, failed } = await dealRarely({ comparisons, at: comparisons - 7 });
  return { comparisons, accepted, sound: failed.includes('is no code of digits') };
});

console.table(rows, ['name', 'sessions', 'ended', 'messages', 'lies', 'faults', 'sound']);
if (rows.some(({ sound }) => !sound)) process.exitCode = 1;
