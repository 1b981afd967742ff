/**
 * What TLS and links that outlive their connections cost: the same job over links of one kind and another, in turns, so that all see the
 * same hour. Three party processes on this machine; a step of A and of C at batch 128, an inference of one image in a session under way.
 *
 *   node dist/bench/tls-turns.js [--pairs 7] [--only REGEXP] [--sides ws,tls] [--out bench/results/tls.json]
 *
 * Sides: `ws`, WebSockets that end with their connection, as `local` has them; `ws-kept`, the same with links that outlive their
 * connections; `tls`, TLS 1.3 with pinned keys and such links, as a service has them. The first side is what the others are compared
 * with. A round runs each side once, in an order that turns by one from round to round. `seconds` is the median of a side's steps
 * at P0, then of the rounds; `cpu` are the core-seconds of all three parties for a step; ratios are medians of those of each round.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { constants, loadavg, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pinOf, type LinkTls } from '../src/channel/pins.ts';
import { makeTlsKey, type TlsKey } from '../src/federation/certificate.ts';
import { NETWORKS } from '../src/nn/named.ts';
import type { PartyName } from '../src/server/ipc.ts';
import type { InferJob, TrainJob } from '../src/server/job.ts';
import { GARBAGE_COLLECTION, partyEnvironment } from '../src/server/party-child.ts';
import type { LinkNews, LinkOrder, Neighbours } from './link-party.ts';
import { save } from './machine.ts';
import { median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const PARTIES = ['P0', 'P1', 'P2'] as const;
const SIDES = ['ws', 'ws-kept', 'tls'] as const;
type Side = (typeof SIDES)[number];
type Run = { readonly seconds: number; readonly cpu: number };

const PATIENCE_MS = 120_000;
const IMAGES = 2560;

interface Cell {
  readonly name: string;
  readonly job: () => TrainJob | InferJob;
}

const common = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const;
const sessionId = (): string => randomBytes(16).toString('hex');

function training(network: string, steps: number): Cell {
  return {
    name: `step ${network}, batch 128`,
    job: () => ({
      ...{ ...common, kind: 'train', sessionId: sessionId(), network: NETWORKS[network], batch: 128, steps },
      ...{ trainImages: IMAGES, testImages: 0, loss: 'softmax', optimizer: 'sgd', learningRate: 2 ** -4 },
      ...{ lrDecay: 1, lrDecayEpochs: 1, momentum: 0.9, seed: 1, showLoss: true },
    }),
  };
}

function inference(network: string, images: number): Cell {
  return {
    name: `infer ${network}, 1 image`,
    job: () => ({ ...common, kind: 'infer', sessionId: sessionId(), network: NETWORKS[network], batch: 1, images }),
  };
}

/** Enough that the median is of a session under way. */
const CELLS: readonly Cell[] = [training('A', 150), training('C', 10), inference('A', 1000), inference('C', 300)];

function tlsOf(self: PartyName, keys: Readonly<Record<PartyName, TlsKey>>): LinkTls {
  const others = PARTIES.filter((name) => name !== self);
  const pins = others.map((name) => [name, [pinOf(new X509Certificate(keys[name].certificate))]]);
  return { ...keys[self], pins: Object.fromEntries(pins) as LinkTls['pins'] };
}

/** The next thing that a party says; rejects when it ends without. */
function next<T extends LinkNews['type']>(child: ChildProcess, type: T): Promise<Extract<LinkNews, { type: T }>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a party ended with exit code ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      const news = message as LinkNews;
      if (news.type === type) resolve(news as Extract<LinkNews, { type: T }>);
      else reject(new Error(`expected ${type}, found ${news.type}`));
    });
  });
}

async function run(side: Side, job: TrainJob | InferJob, keys: Readonly<Record<PartyName, TlsKey>>): Promise<Run> {
  const entry = fileURLToPath(new URL('link-party.js', import.meta.url));
  const children = PARTIES.map(() => {
    return fork(entry, {
      serialization: 'advanced',
      execArgv: [...process.execArgv, ...GARBAGE_COLLECTION],
      env: partyEnvironment(),
    });
  });
  setPriority(children[2].pid!, constants.priority.PRIORITY_BELOW_NORMAL);
  try {
    const listening = await Promise.all(
      PARTIES.map((party, i) => {
        const tls = side === 'tls' ? tlsOf(party, keys) : undefined;
        const linkPatienceMs = side === 'ws' ? 0 : PATIENCE_MS;
        children[i].send({ party, job, tls, linkPatienceMs, workers: 1 } satisfies LinkOrder);
        return next(children[i], 'listening');
      }),
    );
    const of = <T>(value: (i: number) => T): Record<PartyName, T> => ({ P0: value(0), P1: value(1), P2: value(2) });
    const neighbours: Neighbours = {
      ports: of((i) => listening[i].port),
      publicKeys: of((i) => listening[i].publicKey),
    };
    const done = children.map((child) => next(child, 'done'));
    for (const child of children) child.send(neighbours);
    const parties = await Promise.all(done);
    const steps = parties[0].seconds.length;
    return { seconds: median(parties[0].seconds), cpu: parties.reduce((sum, p) => sum + p.cpuSeconds, 0) / steps };
  } finally {
    for (const child of children) if (child.exitCode === null && child.connected) child.kill();
  }
}

const { values } = optionsOf(import.meta.url, {
  pairs: { type: 'string', default: '7' },
  only: { type: 'string', default: '' },
  sides: { type: 'string', default: 'ws,tls' },
  out: { type: 'string', default: 'bench/results/tls.json' },
});
const sides = values.sides.split(',').map((side) => {
  if (!SIDES.includes(side as Side)) throw new Error(`--sides: expected some of ${SIDES.join()}, found ${side}`);
  return side as Side;
});
const made = await Promise.all(PARTIES.map((name) => makeTlsKey({ name, hosts: ['127.0.0.1'] })));
const keys = { P0: made[0], P1: made[1], P2: made[2] };
const rows: object[] = [];
for (const { name, job } of CELLS.filter(({ name }) => new RegExp(values.only).test(name))) {
  const rounds: (Readonly<Partial<Record<Side, Run>>> & { readonly load: number })[] = [];
  for (let i = 0; i < Number(values.pairs); i++) {
    const runs: Partial<Record<Side, Run>> = {};
    const load = rounded(loadavg()[0]);
    for (let j = 0; j < sides.length; j++) {
      const side = sides[(i + j) % sides.length];
      const { seconds, cpu } = await run(side, job(), keys);
      runs[side] = { seconds: rounded(seconds), cpu: rounded(cpu) };
    }
    rounds.push({ ...runs, load });
    console.log(`${name}, round ${i + 1}: ${JSON.stringify(rounds.at(-1))}`);
  }
  const of = (side: Side, what: keyof Run): number => rounded(median(rounds.map((round) => round[side]![what])));
  const ratio = (side: Side, what: keyof Run): number =>
    rounded(median(rounds.map((round) => round[side]![what] / round[sides[0]]![what])));
  const compared = sides.map((side) => {
    const own = { seconds: of(side, 'seconds'), cpu: of(side, 'cpu') };
    if (side === sides[0]) return [side, own];
    return [side, { ...own, ratio: ratio(side, 'seconds'), cpuRatio: ratio(side, 'cpu') }];
  });
  rows.push({ name, ...(Object.fromEntries(compared) as object), rounds });
  await save(values.out, 'tls', { unit: 'seconds', rows });
}
console.log(
  JSON.stringify(
    rows.map((row) => ({ ...row, rounds: undefined })),
    null,
    2,
  ),
);
