/**
 * A warm serving session as its clients see it: three `securenn party serve` on loopback, HTTPS by pinned keys, sealing included.
 *
 *   node dist/bench/serving.js [--networks A,C] [--clients 64] [--seconds 10] [--turns 5] [--quick] [--out bench/results/serving.json]
 *
 * Clients ask for one image at a time, all of them from this process. One after another: as long as one has no answer no other asks, and each
 * has its turn. At once: each asks again as soon as it is answered. In turns; the ratio of images a second is the median of those of the turns.
 * Beside it, what each process takes of a core for an image. Weights are those of a training of one step: what they are makes no difference.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FederationClient } from '../src/client/federated/client.ts';
import { inferAt } from '../src/client/federated/inference.ts';
import { ROLES } from '../src/federation/card.ts';
import { NETWORKS } from '../src/nn/named.ts';
import { save } from './machine.ts';
import { median, quantile, rounded } from './measure.ts';
import { optionsOf } from './options.ts';
import { cpuOf, ServedFederation } from './service/federation.ts';
import { openSession, type ServedSession } from './service/session.ts';

const { values } = optionsOf(import.meta.url, {
  networks: { type: 'string', default: 'A,C' },
  clients: { type: 'string', default: '64' },
  seconds: { type: 'string' },
  turns: { type: 'string' },
  quick: { type: 'boolean', default: false },
  out: { type: 'string' },
});
const seconds = Number(values.seconds ?? (values.quick ? 3 : 10));
const turns = Number(values.turns ?? (values.quick ? 1 : 5));
/** Connections of all clients are made, code is compiled. */
const WARM_UPS = values.quick ? 2 : 5;

/** @returns milliseconds that each image took */
type Way = (clients: readonly FederationClient[], session: ServedSession, until: number) => Promise<number[]>;

let asked = 0;

async function ask(client: FederationClient, { job, document, source }: ServedSession): Promise<number> {
  const began = performance.now();
  await inferAt(client, job, document, source(asked++));
  return performance.now() - began;
}

const inTurns: Way = async (clients, session, until) => {
  const times: number[] = [];
  while (performance.now() < until) times.push(await ask(clients[times.length % clients.length], session));
  return times;
};

const atOnce: Way = async (clients, session, until) => {
  const times: number[] = [];
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < until) times.push(await ask(client, session));
    }),
  );
  return times;
};

interface Turn {
  readonly perSecond: number;
  readonly times: readonly number[];
  /** Milliseconds of a core, an image. */
  readonly cpu: Readonly<Record<string, number>>;
}

async function turn(
  way: Way,
  federation: ServedFederation,
  session: ServedSession,
  clients: readonly FederationClient[],
) {
  const processes = ROLES.flatMap((role) =>
    federation.pids(role).map((pid, i) => [i === 0 ? `${role} service` : `${role} job`, pid] as const),
  );
  const all = [['clients', process.pid] as const, ...processes];
  const before = all.map(([, pid]) => cpuOf(pid));
  const began = performance.now();
  const times = await way(clients, session, began + 1000 * seconds);
  const spent = performance.now() - began;
  const cpu = all.map(([name, pid], i) => [name, rounded((1000 * (cpuOf(pid) - before[i])) / times.length)] as const);
  return { perSecond: (1000 * times.length) / spent, times, cpu: Object.fromEntries(cpu) } satisfies Turn;
}

function spread(turns: readonly Turn[]): object {
  const all = turns.flatMap(({ times }) => times);
  const at = (share: number): number => rounded(quantile(all, share));
  return {
    images: all.length,
    p50: at(0.5),
    p99: at(0.99),
    most: rounded(all.reduce((a, b) => Math.max(a, b))),
    cpu: turns.at(-1)!.cpu,
  };
}

async function measure(federation: ServedFederation, name: 'A' | 'B' | 'C' | 'D'): Promise<object> {
  const { clients } = federation;
  const serving = { clients: clients.map(({ id }) => id) };
  const session = await openSession(federation, NETWORKS[name], { serving });
  const firsts: number[] = [];
  for (let n = 0; n < 5; n++) firsts.push(rounded(await ask(clients[0], session)));
  // One by one: a party takes only so many new connections a second.
  for (let n = 0; n < WARM_UPS * clients.length; n++) await ask(clients[n % clients.length], session);
  const measured: { readonly one: Turn; readonly many: Turn; readonly single: Turn }[] = [];
  for (let n = 0; n < turns; n++) {
    const [single, one, many] = [
      await turn(inTurns, federation, session, clients.slice(0, 1)),
      await turn(inTurns, federation, session, clients),
      await turn(atOnce, federation, session, clients),
    ];
    measured.push({ single, one, many });
    console.log(
      `${name}: ${single.perSecond.toFixed(0)} images/s of one client, ${one.perSecond.toFixed(0)} one after another, ` +
        `${many.perSecond.toFixed(0)} at once, × ${(many.perSecond / one.perSecond).toFixed(2)}`,
    );
  }
  const perSecond = (of: 'one' | 'many'): number => rounded(median(measured.map((each) => each[of].perSecond)));
  const times = rounded(median(measured.map(({ one, many }) => many.perSecond / one.perSecond)));
  return {
    ...{ network: name, clients: clients.length, firsts },
    oneClient: spread(measured.map(({ single }) => single)),
    oneAfterAnother: { perSecond: perSecond('one'), ...spread(measured.map(({ one }) => one)) },
    atOnce: { perSecond: perSecond('many'), ...spread(measured.map(({ many }) => many)) },
    ...{ times, goal: 8, goalMilliseconds: { A: 8, C: 22 }[name as string] },
  };
}

const rows: Record<string, object> = {};
const folder = await mkdtemp(join(tmpdir(), 'securenn-serving-'));
const federation = await ServedFederation.make(folder, Number(values.clients));
try {
  await Promise.all(ROLES.map((role) => federation.start(role)));
  for (const name of values.networks.split(',') as ('A' | 'C')[]) {
    rows[name] = await measure(federation, name);
    console.log(JSON.stringify(rows[name]));
  }
} finally {
  await federation.close();
  await rm(folder, { recursive: true, force: true });
}
if (values.out !== undefined) {
  const kept = JSON.parse(await readFile(values.out, 'utf8').catch(() => '{}')) as { readonly rows?: object };
  await save(values.out, 'serving', { rows: { ...kept.rows, ...rows } });
}
process.exit(0);
