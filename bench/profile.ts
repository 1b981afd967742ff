/**
 * What taking a profile costs: three parties in this process train with and without probes, by turns. Runs alternate, so that the machine's
 * drift falls on both; processor time is compared beside the time that passed, because others may want the cores. The flags are those of a
 * party's process.
 *
 *   node --single-threaded-gc --initial-heap-size=1000 --incremental-marking-soft-trigger=3 --max-semi-space-size=16 \
 *     dist/bench/profile.js [--network A] [--steps 8] [--pairs 9] [--out bench/results/profile-overhead.json]
 */
import { randomBytes } from 'node:crypto';
import { loadavg } from 'node:os';
import type { Compute } from '../runtime/compute.ts';
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import type { Link, PeerName } from '../src/channel/channel.ts';
import { memoryPair } from '../src/channel/memory.ts';
import { NETWORKS } from '../src/nn/named.ts';
import { classCount, inputSize } from '../src/nn/network.ts';
import { train } from '../src/nn/train.ts';
import { rootProbe } from '../src/profile/probe.ts';
import { Recorder } from '../src/profile/recorder.ts';
import type { OwnedInput } from '../src/engine/ownedInput.ts';
import { createParty, type PartyId } from '../src/party/party.ts';
import { createSecureEngine } from '../src/engine/secure.ts';
import { PairStreams } from '../src/random/streams.ts';
import { report } from './machine.ts';
import { rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, {
  network: { type: 'string', default: 'A' },
  steps: { type: 'string', default: '8' },
  pairs: { type: 'string', default: '9' },
  out: { type: 'string' },
});
const network = NETWORKS[values.network];
const [steps, pairs] = [Number(values.steps), Number(values.pairs)];
const BATCH = 128;
const IMAGES = 2 * BATCH;
/** On a busy machine a step may take long. */
const PATIENCE_MS = 600_000;
const NAMES = ['P0', 'P1', 'P2'] as const;

/** A party's part of a data set, as uniform as any. */
function ownedInput(id: number, length: number): OwnedInput {
  const opened = id === 2 ? null : new BigUint64Array(new Uint8Array(randomBytes(8 * length)).buffer);
  const masks = [0, 1].map(() => new PairStreams(randomBytes(16)).table('input', 'U'));
  return { opened, masks: id === 2 ? masks : [masks[id]] };
}

interface Cost {
  /** Milliseconds of processor time and on the clock, of each step but the first. */
  readonly cpu: number[];
  readonly wall: number[];
  /** Events a step. */
  readonly events: number;
}

async function session(compute: Compute, profiled: boolean): Promise<Cost> {
  const links = NAMES.map(() => new Map<PeerName, Link>());
  const streams = NAMES.map(() => new Map<PeerName, PairStreams>());
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ]) {
    const [a, b] = memoryPair(NAMES[i], NAMES[j], { timeoutMs: PATIENCE_MS });
    links[i].set(NAMES[j], a);
    links[j].set(NAMES[i], b);
    const pair = new PairStreams(randomBytes(16), compute);
    streams[i].set(NAMES[j], pair);
    streams[j].set(NAMES[i], pair);
  }
  const recorders = NAMES.map(() => new Recorder());
  const [inputs, classes] = [inputSize(network), classCount(network)];
  const [cpu, wall]: [number[], number[]] = [[], []];
  let last: { cpu: NodeJS.CpuUsage; wall: number } | undefined;
  /** At P0, when it has done a step; the three are in step. */
  const onStep = (): void => {
    if (last !== undefined) {
      const { user, system } = process.cpuUsage(last.cpu);
      cpu.push((user + system) / 1000);
      wall.push(performance.now() - last.wall);
    }
    last = { cpu: process.cpuUsage(), wall: performance.now() };
  };
  await Promise.all(
    NAMES.map(async (_, id) => {
      const probe = profiled ? rootProbe(recorders[id]) : undefined;
      const party = createParty({ id: id as PartyId, rank: 0, links: links[id], streams: streams[id], compute, probe });
      const engine = createSecureEngine(party, {
        ...({ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const),
        reveal: () => Promise.resolve(),
      });
      const set = (name: string, rows: number, width: number, bits: number): ReturnType<typeof engine.dataset> =>
        engine.dataset(name, [rows, width], bits, ownedInput(id, rows * width));
      const data = {
        images: set('images', IMAGES, inputs, 16),
        labels: set('labels', IMAGES, classes, 0),
        testImages: set('testImages', 1, inputs, 16),
        testLabels: set('testLabels', 1, classes, 0),
      };
      const options = { steps, batch: BATCH, loss: 'softmax', optimizer: 'sgd', learningRate: 2 ** -5 } as const;
      const more = { lrDecay: 1, lrDecayEpochs: 1, momentum: 0.9, seed: 1, showLoss: false };
      await train(engine, network, data, { ...options, ...more }, ({ kind }) => {
        if (id === 0 && kind === 'step') onStep();
      });
      await Promise.all([...links[id].values()].map((link) => link.close()));
    }),
  );
  const events = recorders.reduce((sum, recorder) => {
    const { columns, unlogged } = recorder.recording();
    return sum + columns.line.length + unlogged;
  }, 0);
  return { cpu, wall, events: Math.round(events / steps) };
}

/** The q-quantile: a busy machine disturbs the lower ones least. */
function quantile(numbers: readonly number[], q: number): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(q * (numbers.length - 1))];
}

const compute = await createWasmCompute({ workers: 1 });
await session(compute, true); // warms up
await session(compute, false);
const costs: Record<'plain' | 'profiled', Cost[]> = { plain: [], profiled: [] };
for (let i = 0; i < pairs; i++) {
  // Which one goes first alternates, too.
  const order = i % 2 === 0 ? (['plain', 'profiled'] as const) : (['profiled', 'plain'] as const);
  for (const name of order) costs[name].push(await session(compute, name === 'profiled'));
}
await compute.close();
await report(
  'profile',
  [
    ['processor', 'median', 0.5],
    ['processor', 'lower quartile', 0.25],
    ['clock', 'median', 0.5],
    ['clock', 'lower quartile', 0.25],
  ].map(([time, what, q]) => {
    const of = (name: 'plain' | 'profiled'): number =>
      quantile(
        costs[name].flatMap(({ cpu, wall }) => (time === 'processor' ? cpu : wall)),
        q as number,
      );
    return {
      network: network.name,
      'steps of each': pairs * (steps - 1),
      'events a step, three parties': costs.profiled[0].events,
      time,
      what,
      'plain, ms': rounded(of('plain')),
      'profiled, ms': rounded(of('profiled')),
      'overhead, %': rounded(100 * (of('profiled') / of('plain') - 1)),
      'load average': rounded(loadavg()[0]),
    };
  }),
  values.out,
);
