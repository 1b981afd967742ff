/**
 * One party of `tls-turns.ts`, in a process of its own: the links that it is told to have, and a job as the service runs it (`runJob`), on
 * images of MNIST that each party masks for itself. Nothing here is secret: all three know the keys of all masks.
 */
import { openListener, type Listener } from '../src/channel/listener.ts';
import { openMesh } from '../src/channel/mesh.ts';
import type { LinkTls } from '../src/channel/pins.ts';
import { oneHotSource, pixelSource, ringSource, type Source } from '../src/data/encode.ts';
import { loadHalf } from '../src/data/load.ts';
import { maskOf } from '../src/data/share.ts';
import { held, type OwnedInput } from '../src/engine/ownedInput.ts';
import { initialValues } from '../src/nn/initial.ts';
import { parameters } from '../src/nn/network.ts';
import { agreementsWith } from '../src/random/agreement.ts';
import { KeyPair } from '../src/random/keys.ts';
import { encode } from '../src/ring/fixed.ts';
import { sizeOf } from '../src/ring/shape.ts';
import { decrease } from '../src/ring/z64.ts';
import { openCompute } from '../src/server/compute.ts';
import { PARTY_IDS, type PartyName } from '../src/server/ipc.ts';
import { configurationFields, type InferJob, type TrainJob } from '../src/server/job.ts';
import type { JobEnds } from '../src/server/job-ends.ts';
import { logToStandardError } from '../src/server/log.ts';
import { Monitor } from '../src/server/monitor.ts';
import { runJob } from '../src/server/run-job.ts';

export interface LinkOrder {
  readonly party: PartyName;
  readonly job: TrainJob | InferJob;
  readonly tls?: LinkTls | undefined;
  readonly linkPatienceMs: number;
  readonly workers: number;
}

export interface Neighbours {
  readonly ports: Readonly<Record<PartyName, number>>;
  /** X25519, raw. */
  readonly publicKeys: Readonly<Record<PartyName, Uint8Array>>;
}

export type LinkNews =
  | { readonly type: 'listening'; readonly port: number; readonly publicKey: Uint8Array }
  /** Between two steps or batches, in seconds; core-seconds of this process from the first to the last of them. */
  | { readonly type: 'done'; readonly seconds: readonly number[]; readonly cpuSeconds: number };

const HOST = '127.0.0.1';
const TIMEOUT_MS = 60_000;
const MASK_KEYS = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];

const say = (news: LinkNews): void => void process.send!(news);
const hear = <T>(): Promise<T> => new Promise((resolve) => process.once('message', (message) => resolve(message as T)));

/** An input as its owner would have left it here. */
function owned(id: 0 | 1 | 2, name: string, source: Source): OwnedInput {
  const masks = MASK_KEYS.map((key) => maskOf(name, key));
  if (id === 2) return { opened: null, masks };
  const opened = source.block(0, source.elements);
  for (const mask of masks) decrease(opened, mask.z64(0, source.elements));
  return { opened, masks: [masks[id]] };
}

async function sourcesOf(job: TrainJob | InferJob): Promise<(name: string) => Source> {
  const count = job.kind === 'train' ? job.trainImages : job.images;
  const { images, labels, rows, columns } = await loadHalf('mnist', 'train');
  const size = rows * columns;
  const pixels = Uint8Array.from({ length: count * size }, (_, i) => images[i % images.length]);
  const weights = new Map(parameters(job.network).map((spec) => [spec.name, initialValues(spec, 1)]));
  return (name) => {
    if (name.endsWith('labels')) return oneHotSource(labels.subarray(0, count), 10);
    if (name.endsWith('images')) return pixelSource(pixels, job.fractionBits);
    return ringSource(encode(weights.get(name.slice('model/'.length))!, job.fractionBits));
  };
}

function endsOf(id: 0 | 1 | 2, sources: (name: string) => Source, onEvent: JobEnds['report']): JobEnds {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    receive: (name) => Promise.resolve(owned(id, name, sources(name))),
    receiveWeight: (name, shape) => Promise.resolve(held(id, owned(id, name, sources(name)), sizeOf(shape))),
    ...{ allThere: nothing, reveal: nothing, finish: nothing },
    report: onEvent,
  };
}

const { party, job, tls, linkPatienceMs, workers } = await hear<LinkOrder>();
const id = PARTY_IDS[party];
const identity = KeyPair.generate();
const listener: Listener = await openListener({ host: HOST, port: 0, tls });
say({ type: 'listening', port: listener.port, publicKey: identity.publicKey });
const { ports, publicKeys } = await hear<Neighbours>();
const sources = await sourcesOf(job);
const { compute } = await openCompute({ backend: 'wasm', fallbackAdapter: false, workers }, () => undefined);
const others = (['P0', 'P1', 'P2'] as const).filter((name) => name !== party);
const mesh = await openMesh({
  self: party,
  sessionId: job.sessionId,
  config: configurationFields(job),
  agreement: agreementsWith({ self: party, identity, publicKeys }),
  listener,
  dial: Object.fromEntries(
    others.filter((name) => name < party).map((name) => [name, `${tls ? 'wss' : 'ws'}://${HOST}:${ports[name]}`]),
  ),
  accept: others.filter((name) => name > party),
  timeoutMs: TIMEOUT_MS,
  link: { timeoutMs: TIMEOUT_MS },
  tls,
  linkPatienceMs,
});
const moments: number[] = [];
let [cpuFirst, cpuLast] = [0, 0];
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const ends = endsOf(id, sources, ({ kind }) => {
  if (kind !== 'step' && kind !== 'batch') return Promise.resolve();
  moments.push(performance.now());
  cpuLast = cpu();
  if (moments.length === 1) cpuFirst = cpuLast;
  return Promise.resolve();
});
const monitor = new Monitor({ log: logToStandardError(party, 'silent'), metrics: undefined });
await runJob(job, { id, links: mesh.links, pairKeys: mesh.pairKeys, ends, compute, monitor });
await mesh.close();
await listener.close();
await compute.close();
const seconds = moments.slice(1).map((moment, i) => (moment - moments[i]) / 1000);
process.send!({ type: 'done', seconds, cpuSeconds: cpuLast - cpuFirst } satisfies LinkNews, () => process.disconnect());
