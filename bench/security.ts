/**
 * Private sessions and semi-honest ones of this build in turns on this machine (PROTOCOLS §10): training steps at batch 128 (2,560 images of MNIST).
 * Medians of each, the median of the ratios pair by pair, and bytes and rounds of a step, which are the same in every run.
 *
 *   node dist/bench/security.js [--pairs 5] [--networks A,C] [--out bench/results/security.json]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { local, type LocalReport, writeSubset } from './local-runs.ts';
import { save } from './machine.ts';
import { inTurn, median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

/** Enough that the median is of a session under way. */
const STEPS: Readonly<Record<string, number>> = { A: 100, B: 12, C: 8, D: 80 };
const SECURITIES = ['semi-honest', 'private'] as const;
type Reports = Readonly<Record<(typeof SECURITIES)[number], LocalReport>>;

const { values } = optionsOf(import.meta.url, {
  pairs: { type: 'string', default: '5' },
  networks: { type: 'string', default: 'A,C' },
  out: { type: 'string', default: 'bench/results/security.json' },
});
const rows: object[] = [];
const folder = await mkdtemp(join(tmpdir(), 'securenn-security-'));
try {
  await writeSubset(folder);
  for (const network of values.networks.split(',')) {
    const measure = (security: string): Promise<LocalReport> =>
      local(folder, [
        ...['train', '--network', network, '--steps', `${STEPS[network]}`, '--data', folder],
        ...['--out', join(folder, 'model.safetensors'), '--security', security],
      ]);
    const pairs: (Reports & { readonly load: number })[] = [];
    for (let i = 0; i < Number(values.pairs); i++) {
      const load = rounded(loadavg()[0]);
      pairs.push({ ...(await inTurn(i, SECURITIES, measure)), load });
      console.log(`train ${network}, pair ${i + 1}: ${SECURITIES.map((s) => seconds(pairs[i][s])).join(', ')} s`);
    }
    const of = (security: (typeof SECURITIES)[number]): object => {
      const reports = pairs.map((pair) => pair[security]);
      return {
        secondsPerStep: rounded(median(reports.map(seconds))),
        megabytesPerStep: rounded(bytes(reports[0]) / 1e6),
        onlineRoundsPerStep: reports[0].onlineRoundsPerStep,
      };
    };
    rows.push({
      name: `train ${network}`,
      semiHonest: of('semi-honest'),
      private: of('private'),
      ratioOfTime: rounded(median(pairs.map((pair) => seconds(pair.private) / seconds(pair['semi-honest'])))),
      ratioOfBytes: rounded(bytes(pairs[0].private) / bytes(pairs[0]['semi-honest'])),
      pairs: pairs.map((pair) => ({
        semiHonest: seconds(pair['semi-honest']),
        private: seconds(pair.private),
        load: pair.load,
      })),
    });
    await save(values.out, 'security', { rows });
  }
  console.table(rows.map((row) => ({ ...row, pairs: undefined })));
} finally {
  await rm(folder, { recursive: true, force: true });
}

function seconds({ secondsPerStep }: LocalReport): number {
  return secondsPerStep!.median;
}

function bytes({ bytesSentPerStep }: LocalReport): number {
  return bytesSentPerStep!.total;
}
