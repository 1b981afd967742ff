/**
 * How fast a federation's services are, on this machine: three `securenn party serve` on loopback with TLS.
 *
 *   node dist/bench/service-speed.js [--only start,upload,inference] [--out bench/results/service-speed.json]
 *
 * start: from the command to `/ready`, one service at a time. upload: `securenn data put mnist`, all 60,000 images, as its owner types it;
 * memory is what each process had resident at the most, less what it had before. inference: one image of network C asked of a warm session by
 * a client of this process, HTTPS and sealing included, in turns with `securenn local infer` of one image a batch; the ratio is the median of
 * those of the turns. Run parts one by one on a quiet machine; results of the others stay in the file.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inferAt } from '../src/client/federated/inference.ts';
import { fetchModel } from '../src/client/federated/results.ts';
import { formatModel } from '../src/data/model-file.ts';
import { ROLES } from '../src/federation/card.ts';
import { NETWORKS } from '../src/nn/named.ts';
import { local } from './local-runs.ts';
import { save } from './machine.ts';
import { median, quantile, rounded } from './measure.ts';
import { optionsOf } from './options.ts';
import { COMMAND, forgetPeak, ServedFederation } from './service/federation.ts';
import { memoryOf } from './service/job-processes.ts';
import { openSession } from './service/session.ts';
import { byRole } from '../src/service/loopback.ts';

const { values } = optionsOf(import.meta.url, {
  only: { type: 'string', default: 'start,upload,inference' },
  out: { type: 'string' },
  starts: { type: 'string', default: '5' },
  turns: { type: 'string', default: '5' },
  images: { type: 'string', default: '100' },
});

/** Of each start. */
async function starts(federation: ServedFederation): Promise<object> {
  const times: number[] = [];
  for (let n = 0; n < Number(values.starts); n++) {
    const role = ROLES[n % ROLES.length];
    times.push((await federation.start(role)) / 1000);
    await federation.stop(role);
  }
  return { seconds: rounded(median(times)), each: times.map(rounded), goal: 1.5 };
}

/** A command of the member. @returns how long it took, and KiB resident at the most */
async function command(
  { folder }: ServedFederation,
  words: readonly string[],
): Promise<{ readonly seconds: number; readonly peak: number }> {
  const began = performance.now();
  const member = ['--identity', join(folder, 'member.key'), '--federation', join(folder, 'federation.json')];
  const child = spawn(process.execPath, [COMMAND, ...words, ...member], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, XDG_STATE_HOME: folder },
  });
  const exit = once(child, 'exit');
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peak = Math.max(peak, memoryOf(child.pid!).peak || 0);
    await Promise.race([exit, sleep(20)]);
  }
  if (child.exitCode !== 0) throw new Error(`securenn ${words.join(' ')}: exit code ${child.exitCode}`);
  return { seconds: (performance.now() - began) / 1000, peak };
}

async function upload(federation: ServedFederation): Promise<object> {
  await Promise.all(ROLES.map((role) => federation.start(role)));
  // What a service loads once for its first upload is counted as well.
  const before = byRole((role) => memoryOf(federation.pids(role)[0]));
  for (const role of ROLES) await forgetPeak(federation.pids(role)[0]);
  const idle = await command(federation, ['data', 'list']);
  const owner = await command(federation, ['data', 'put', 'mnist', '--name', 'mnist']);
  const mb = (kibibytes: number): number => Math.round((kibibytes * 1024) / 1e6);
  const more = byRole((role) => mb(memoryOf(federation.pids(role)[0]).peak - before[role].now));
  for (const role of ROLES) await federation.stop(role);
  return {
    ...{ images: 60_000, seconds: rounded(owner.seconds), goal: 10 },
    moreMemoryMB: { ...more, 'owner, more than to list data': mb(owner.peak - idle.peak), goal: 300 },
    ownerMemoryMB: mb(owner.peak),
  };
}

/** One image at a time. */
async function inference(federation: ServedFederation): Promise<object> {
  await Promise.all(ROLES.map((role) => federation.start(role)));
  const { member, folder } = federation;
  const reveal = { model: true, loss: false, counts: 'none' } as const;
  const session = await openSession(federation, NETWORKS.C, { training: { reveal } });
  const model = join(folder, 'C.safetensors');
  await writeFile(model, formatModel(await fetchModel(member, session.trained, session.training)));
  let asked = 0;
  const ask = async (count: number): Promise<number[]> => {
    const times: number[] = [];
    for (let n = 0; n < count; n++) {
      const began = performance.now();
      await inferAt(member, session.job, session.document, session.source(asked++));
      times.push(performance.now() - began);
    }
    return times;
  };
  const count = Number(values.images);
  await ask(50); // Compiled, connected.
  const turns: { readonly service: number; readonly local: number }[] = [];
  const all: number[] = [];
  for (let turn = 0; turn < Number(values.turns); turn++) {
    const service = await ask(count);
    all.push(...service);
    const args = ['infer', '--model', model, '--no-scores', '--batch', '1', '--count', `${count}`, '--workers', '1'];
    const { secondsPerBatch } = await local(folder, args);
    turns.push({ service: rounded(median(service)), local: rounded(1000 * secondsPerBatch!.median) });
    console.log(JSON.stringify(turns.at(-1)));
  }
  for (const role of ROLES) await federation.stop(role);
  const ratio = median(turns.map((turn) => turn.service / turn.local));
  return {
    ...{ network: 'C', images: all.length, milliseconds: rounded(median(all)) },
    ...{
      p90: rounded(quantile(all, 0.9)),
      local: rounded(median(turns.map((turn) => turn.local))),
    },
    ...{ ratio: rounded(ratio), goal: 1.2, turns },
  };
}

const PARTS: Readonly<Record<string, (federation: ServedFederation) => Promise<object>>> = {
  start: starts,
  upload,
  inference,
};

const rows: Record<string, object> = {};
for (const name of values.only.split(',')) {
  const folder = await mkdtemp(join(tmpdir(), 'securenn-speed-'));
  const federation = await ServedFederation.make(folder);
  try {
    rows[name] = await PARTS[name](federation);
    console.log(name, JSON.stringify(rows[name]));
  } finally {
    await federation.close();
    await rm(folder, { recursive: true, force: true });
  }
}
if (values.out !== undefined) {
  const kept = JSON.parse(await readFile(values.out, 'utf8').catch(() => '{}')) as { readonly rows?: object };
  await save(values.out, 'service-speed', { rows: { ...kept.rows, ...rows } });
}
process.exit(0);
