/**
 * One party that lies, in a hundred thousand private sessions: every protocol of both suites, each party in turn, each message that it sends by every
 * rule (`test/attacks/`), and whether what it sees depends on the inputs. Then the attack on digits, with and without proofs, and one wrong digit
 * in ten million comparisons. It takes some minutes.
 *
 *   npx tsx bench/attacks.ts [--sessions 100000] [--only PATTERN] [--comparisons 10000000] [--out bench/results/attacks.json]
 *
 * Exits with 1 when something was found. It runs from sources alone, as tests do.
 */
import { testCompute } from '../test/simulate.ts';
import { campaign } from '../test/attacks/campaign.ts';
import { dealRarely } from '../test/attacks/rare.ts';
import { readSigns } from '../test/attacks/signs.ts';
import { ATTACKED } from '../test/attacks/table.ts';
import { report } from './machine.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, {
  sessions: { type: 'string', default: '100000' },
  only: { type: 'string', default: '' },
  comparisons: { type: 'string', default: '10000000' },
  out: { type: 'string' },
});

/** Of each lie, so that all together are about as many as are asked for: there are some 5500 lies. */
const each = 2 * Math.max(4, Math.round(Number(values.sessions) / 11_000));
const pattern = new RegExp(values.only);
const compute = await testCompute();
const rows: object[] = [];
let sound = true;

for (const [i, protocol] of ATTACKED.entries()) {
  if (!pattern.test(protocol.name)) continue;
  for (const by of ['P0', 'P1', 'P2'] as const) {
    const number = 1000 + 3 * i + Number(by[1]);
    const { faults, ...counts } = await campaign({ protocol, by, compute, each, number });
    const row = { protocol: protocol.name, by, ...counts, faults: faults.length };
    rows.push(row);
    console.error(JSON.stringify(row));
    for (const fault of faults.slice(0, 20)) console.error(`${protocol.name}: ${fault}`);
    sound &&= faults.length === 0;
  }
}

const VALUES = 1024;
for (const security of ['semi-honest', 'private'] as const) {
  const all = await Promise.all(Array.from({ length: 16 }, (_, i) => readSigns(security, VALUES, 500 + i, compute)));
  const sum = (of: (one: (typeof all)[number]) => number): number => all.reduce((total, one) => total + of(one), 0);
  const [answered, right] = [sum((one) => one.answered), sum((one) => one.right)];
  rows.push({ attack: 'on digits', security, values: all.length * VALUES, answered, right });
  sound &&= security === 'semi-honest' ? right > 0.95 * answered && answered > 0 : answered === 0;
}

const comparisons = Number(values.comparisons);
const { accepted, failed } = await dealRarely({ comparisons, at: comparisons - 7 });
rows.push({ attack: 'one wrong digit', comparisons, accepted, found: failed !== '' });
sound &&= failed.includes('is no code of digits');

await report('attacks', rows, values.out);
if (!sound) process.exitCode = 1;
