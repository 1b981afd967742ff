/**
 * A training of A in a federation of three `party serve` on loopback with TLS, while strangers come to both public ports of each party.
 *
 *   node dist/bench/strangers.js [--connections 10000] [--rate 500] [--rounds 2] [--quiet 15] [--out bench/results/strangers.json]
 *
 * Quiet times and floods take turns within one training. A step counts to a time when all of it lay there, as P0 saw it. Memory is what a process
 * had resident at the most in the quiet times and in the floods. Meanwhile a member asks each party over a new connection, once a second.
 *
 * All share the cores of this machine: strangers run at the lowest priority, and have addresses of their own (127.0.0.2 half of them, 127.0.x.x
 * the others), as the door counts by address.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { cancel } from '../src/client/federated/jobs.ts';
import { partyEventSchema } from '../src/data/party-events.ts';
import { loadHalf } from '../src/data/load.ts';
import type { Digest } from '../src/federation/canonical.ts';
import { ROLES, type Role } from '../src/federation/card.ts';
import { NETWORKS } from '../src/nn/named.ts';
import { inputSize } from '../src/nn/network.ts';
import { machineCard } from './machine.ts';
import { median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';
import { cpuOf, forgetPeak, ServedFederation } from './service/federation.ts';
import { memoryOf } from './service/job-processes.ts';
import { byRole } from '../src/service/loopback.ts';
import { LoopbackMember } from '../src/service/loopback-member.ts';
import type { Order, Tally } from './service/strangers.ts';

const { values } = optionsOf(import.meta.url, {
  connections: { type: 'string', default: '10000' },
  rate: { type: 'string', default: '500' },
  kinds: { type: 'string', default: '' },
  rounds: { type: 'string', default: '2' },
  quiet: { type: 'string', default: '15' },
  out: { type: 'string' },
});
const rounds = Number(values.rounds);
const IMAGES = 2560;
/** Between the times: what a flood leaves behind is gone. */
const SETTLE_MS = 3000;

type Time = { readonly from: number; readonly to: number };

const eventsAnswer = z.object({
  events: z.array(z.looseObject({ n: z.number(), time: z.string() })),
  next: z.number(),
});

interface Spent extends Time {
  readonly used: Cores;
}

interface Step extends Time {
  readonly ms: number;
}

/** As a party saw them. */
async function stepsOf(federation: ServedFederation, role: Role, job: Digest): Promise<Step[]> {
  const found: Step[] = [];
  for (let from = 0; ;) {
    const path = `/v1/jobs/${job}/events?from=${from}&wait=0`;
    const { events, next } = await federation.member.ask(role, 'GET', path, eventsAnswer);
    if (events.length === 0) return found;
    for (const event of events) {
      const told = partyEventSchema.safeParse(event.progress);
      if (!told.success || told.data.kind !== 'step') continue;
      const [to, ms] = [Date.parse(event.time), 1000 * told.data.seconds];
      found.push({ from: to - ms, to, ms });
    }
    from = next;
  }
}

/** Asks over a connection of its own, as a member who comes now. @returns milliseconds to each answer, tries included */
async function visits(federation: ServedFederation, until: AbortSignal): Promise<{ ms: number[]; failed: number }> {
  const found = { ms: [] as number[], failed: 0 };
  while (!until.aborted) {
    for (const role of ROLES) {
      const member = new LoopbackMember(federation.federation, federation.member.identity);
      const began = performance.now();
      await member.client.bytes(role, 'GET', '/v1/status').then(
        () => found.ms.push(performance.now() - began),
        () => found.failed++,
      );
      member.close();
    }
    await sleep(1000);
  }
  return found;
}

interface Memory {
  readonly service: number;
  readonly job: number;
}

function peaks(federation: ServedFederation): Readonly<Record<Role, Memory>> {
  const mb = (pid: number): number => Math.round((memoryOf(pid).peak * 1024) / 1e6);
  return byRole((role) => {
    const [service, job] = federation.pids(role);
    return { service: mb(service), job: mb(job) };
  });
}

async function countAnew(federation: ServedFederation): Promise<void> {
  for (const role of ROLES) for (const pid of federation.pids(role)) await forgetPeak(pid);
}

interface Cores {
  readonly services: number;
  readonly jobs: number;
  readonly strangers: number;
}

/** Seconds of a core that each kind of process has used until now. */
function cores(federation: ServedFederation): Cores {
  const pids = ROLES.map((role) => federation.pids(role));
  const sum = (at: number): number => pids.reduce((total, each) => total + cpuOf(each[at]), 0);
  return { services: sum(0), jobs: sum(1), strangers: cpuOf(strangers.pid!) };
}

/** Of a second, on average. */
function perSecond(times: readonly Spent[]): object {
  const total = times.reduce((seconds, { from, to }) => seconds + (to - from) / 1000, 0);
  const of = (kind: keyof Cores): number => rounded(times.reduce((sum, { used }) => sum + used[kind], 0) / total);
  return { services: of('services'), jobs: of('jobs'), strangers: of('strangers') };
}

const strangers = fork(fileURLToPath(new URL('service/strangers.js', import.meta.url)));

async function flood(federation: ServedFederation, count: number): Promise<Tally> {
  const ports = ROLES.flatMap((role) => [
    { port: federation.ports[role].listen, of: 'api' } as const,
    { port: federation.ports[role].links, of: 'links' } as const,
  ]);
  const told = once(strangers, 'message') as Promise<[Tally]>;
  strangers.send({ count, rate: Number(values.rate), kinds: values.kinds, ports } satisfies Order);
  return (await told)[0];
}

function spread(all: readonly number[]): object {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  return {
    ...{ count: sorted.length, median: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999) },
    ...{ most: rounded(sorted.at(-1) ?? NaN) },
  };
}

const folder = await mkdtemp(join(tmpdir(), 'securenn-strangers-'));
const federation = await ServedFederation.make(folder);
try {
  await Promise.all(ROLES.map((role) => federation.start(role)));
  const { member } = federation;
  const train = await loadHalf('mnist', 'train');
  const size = inputSize(NETWORKS.A);
  const few = { ...train, count: IMAGES, images: train.images.subarray(0, IMAGES * size) };
  const labels = train.labels.subarray(0, IMAGES);
  const data = await federation.put('few', { ...few, labels, channels: 1, classes: 10 }, 16);
  const job = await federation.run(federation.training(NETWORKS.A, data, { steps: 20_000 }));
  await federation.until(job, ['running']);
  await sleep(10_000); // Compiled, heaps grown.
  await countAnew(federation);
  const times: { readonly quiet: Spent[]; readonly flood: Spent[] } = { quiet: [], flood: [] };
  const timed = async <T>(kind: 'quiet' | 'flood', work: () => Promise<T>): Promise<T> => {
    const [from, before] = [Date.now(), cores(federation)];
    const done = await work();
    const [to, after] = [Date.now(), cores(federation)];
    const used = {
      services: after.services - before.services,
      jobs: after.jobs - before.jobs,
      strangers: after.strangers - before.strangers,
    };
    times[kind].push({ from, to, used });
    return done;
  };
  const memory: { quiet?: object; flood?: object } = {};
  const tallies: Tally[] = [];
  const visited: { ms: number[]; failed: number }[] = [];
  const quiet = (): Promise<void> => timed('quiet', () => sleep(1000 * Number(values.quiet)));
  await quiet();
  memory.quiet = peaks(federation);
  await countAnew(federation);
  for (let round = 0; round < rounds; round++) {
    const over = new AbortController();
    const meanwhile = visits(federation, over.signal);
    const count = Math.ceil(Number(values.connections) / rounds);
    tallies.push(await timed('flood', () => flood(federation, count)));
    over.abort();
    visited.push(await meanwhile);
    if (round === rounds - 1) memory.flood = peaks(federation);
    await sleep(SETTLE_MS);
    await quiet();
  }
  const steps = await stepsOf(federation, 'P0', job);
  const within = (all: readonly Time[]): number[] =>
    steps.filter((step) => all.some(({ from, to }) => step.from >= from && step.to <= to)).map(({ ms }) => ms);
  const [before, during] = [within(times.quiet), within(times.flood)];
  const twice = 2 * median(before);
  const over = (all: readonly number[]): number => all.filter((ms) => ms > twice).length;
  const turnedAway = byRole(async (role) => {
    const lines = (await federation.metrics(role)).split('\n');
    return lines.filter((line) => /turned_away|connections\{/.test(line) && !line.startsWith('#'));
  });
  const door: Record<string, readonly string[]> = {};
  for (const role of ROLES) door[role] = await turnedAway[role];
  const sum = (field: 'connected' | 'refused' | 'ended'): number =>
    tallies.reduce((total, tally) => total + tally[field], 0);
  const asked = visited.flatMap(({ ms }) => ms);
  const result = {
    ...{ bench: 'strangers', date: new Date().toISOString(), machine: machineCard(), network: 'A', batch: 128 },
    strangers: {
      ...{ connections: tallies.reduce((n, { opened }) => n + Object.values(opened).reduce((a, b) => a + b, 0), 0) },
      ...{ connected: sum('connected'), neverConnected: sum('refused'), kinds: tallies.map(({ opened }) => opened) },
      seconds: rounded(tallies.reduce((total, { seconds }) => total + seconds, 0)),
    },
    stepMilliseconds: {
      quiet: { ...spread(before), overTwiceTheQuietMedian: over(before) },
      flood: { ...spread(during), overTwiceTheQuietMedian: over(during) },
    },
    ...{
      coreSecondsASecond: { quiet: perSecond(times.quiet), flood: perSecond(times.flood) },
      peakMemoryMB: memory,
      membersMeanwhile: { ...spread(asked), failed: visited.reduce((n, v) => n + v.failed, 0) },
    },
    door,
  };
  console.log(JSON.stringify(result, null, 2));
  await cancel(member, job, 'measured');
  if (values.out !== undefined) {
    await mkdir(dirname(values.out), { recursive: true });
    await writeFile(values.out, `${JSON.stringify(result, null, 2)}\n`);
  }
} finally {
  strangers.disconnect();
  await federation.close();
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
