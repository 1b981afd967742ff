/** Jobs on stored data in one process: three parties over links in memory, each with folders of its own, and no owner. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { continuedKeys } from '../src/random/continued.ts';
import { insecurePairKey, pairName } from '../src/random/insecure.ts';
import type { Link, PeerName } from '../src/channel/channel.ts';
import { memoryPair, type MemoryOptions, type RecordedMessage } from '../src/channel/memory.ts';
import { CheckpointStore } from '../src/data/checkpoint-store.ts';
import type { Dataset } from '../src/data/dataset.ts';
import { oneHotSource, type Source, valueSource } from '../src/data/encode.ts';
import { OF_BYTES } from '../src/data/scaling.ts';
import { maskOf } from '../src/data/share.ts';
import { Vault } from '../src/data/vault.ts';
import { CHUNK_BYTES, chunkFile, type Part } from '../src/federation/chunks.ts';
import { sealChunk } from '../src/federation/chunk-cipher.ts';
import { Identity } from '../src/federation/identity.ts';
import { openWith, sealTo } from '../src/federation/sealed.ts';
import type { PartyId } from '../src/party/party.ts';
import { add, decrease } from '../src/ring/z64.ts';
import { loadCheckpoint } from '../src/server/checkpoints.ts';
import { PARTY_NAMES, type InputPart, type Notice, type PartyName, type StoredSet } from '../src/server/ipc.ts';
import type { JobEnds } from '../src/server/job-ends.ts';
import type { Job, ServeJob, TrainJob } from '../src/server/job.ts';
import { logToStandardError } from '../src/server/log.ts';
import { Monitor } from '../src/server/monitor.ts';
import type { Ranks } from '../src/server/ranks/ranks.ts';
import { newestCommon } from '../src/server/resume-point.ts';
import { runJob, type JobOutcome } from '../src/server/run-job.ts';
import { ServingEnds } from '../src/server/serving-ends.ts';
import { StoredEnds } from '../src/server/stored-ends.ts';
import { testCompute } from './simulate.ts';

export type OfEach<T> = Readonly<Record<PartyName, T>>;

export function ofEach<T>(make: (party: PartyName, id: PartyId) => T): OfEach<T> {
  return { P0: make('P0', 0), P1: make('P1', 1), P2: make('P2', 2) };
}

/** A data set as an owner stores it: what each party has of it afterwards. */
export function storeData(
  folder: string,
  data: Pick<Dataset, 'trainImages' | 'trainLabels' | 'rows' | 'columns' | 'channels' | 'classes'> &
    Partial<Pick<Dataset, 'scaling'>>,
  fractionBits: number,
  digest: string = randomBytes(32).toString('hex'),
): OfEach<StoredSet> {
  const { rows, columns, channels, classes } = data;
  const sizes = { images: data.trainLabels.length, rows, columns, channels, classes, fractionBits };
  const content = new Uint8Array(randomBytes(32));
  const masks = [0, 1].map(() => new Uint8Array(randomBytes(16)));
  const at = ofEach((party) => join(folder, party, digest));
  for (const party of PARTY_NAMES) mkdirSync(at[party], { recursive: true });
  const write = (part: Part, source: Source): void => {
    for (let number = 0; number * (CHUNK_BYTES / 8) < source.elements; number++) {
      const [from, to] = [(number * CHUNK_BYTES) / 8, Math.min(source.elements, ((number + 1) * CHUNK_BYTES) / 8)];
      const E = source.block(from, to);
      for (const key of masks) decrease(E, maskOf(part, key).z64(from, to - from));
      const sealed = sealChunk(content, { data: digest, part, number }, new Uint8Array(E.buffer));
      for (const party of ['P0', 'P1'] as const) writeFileSync(join(at[party], chunkFile(part, number)), sealed);
    }
  };
  write('images', valueSource(data.trainImages, data.scaling ?? OF_BYTES, fractionBits));
  write('labels', oneHotSource(data.trainLabels, classes));
  const keys = { P0: { content, masks: [masks[0]] }, P1: { content, masks: [masks[1]] }, P2: { masks } };
  return ofEach((party) => ({ data: digest, sizes, folder: at[party], keys: keys[party] }));
}

/** A client's input of a serving session: what goes to each party. */
export function inputParts(
  about: Pick<InputPart, 'id' | 'client' | 'images'>,
  source: Source,
  masks: readonly Uint8Array[] = [0, 1].map(() => new Uint8Array(randomBytes(16))),
): OfEach<InputPart> {
  const opened = source.block(0, source.elements);
  for (const key of masks) decrease(opened, maskOf('images', key).z64(0, opened.length));
  return {
    P0: { ...about, opened, masks: [masks[0]] },
    P1: { ...about, opened: opened.slice(), masks: [masks[1]] },
    P2: { ...about, opened: null, masks },
  };
}

export interface PartyHooks {
  /** What each party tells its starter; a throw is the party's end. `ends` are the party's own. */
  readonly onNotice?: (party: PartyName, notice: Notice, ends: StoredEnds | ServingEnds) => void;
  readonly record?: (message: RecordedMessage) => void;
  /** What becomes of frames between two parties. */
  readonly tamper?: (a: PeerName, b: PeerName) => MemoryOptions['tamper'];
}

export interface Federated {
  readonly outcomes: OfEach<JobOutcome>;
  readonly notices: OfEach<readonly Notice[]>;
}

/** Runs each party's part; when one fails, its links are aborted, and all fail with what came first. */
async function threeParties(
  job: Job,
  endsOf: (
    id: PartyId,
    links: ReadonlyMap<PeerName, Link>,
    notify: (notice: Notice) => void,
  ) => StoredEnds | ServingEnds,
  pairKeys: OfEach<ReadonlyMap<PeerName, Uint8Array>>,
  { onNotice, record, tamper }: PartyHooks,
  more: (party: PartyName) => Pick<Parameters<typeof runJob>[1], 'store' | 'stored' | 'ranks'>,
  replace: (ends: JobEnds, party: PartyName) => JobEnds = (ends) => ends,
): Promise<Federated> {
  const links = ofEach(() => new Map<PeerName, Link>());
  for (const [a, b] of [
    ['P0', 'P1'],
    ['P0', 'P2'],
    ['P1', 'P2'],
  ] as const) {
    const changed = tamper?.(a, b);
    const [atA, atB] = memoryPair(a, b, { ...(record && { record }), ...(changed && { tamper: changed }) });
    links[a].set(b, atA);
    links[b].set(a, atB);
  }
  const compute = await testCompute();
  const notices = ofEach((): Notice[] => []);
  let first: { readonly error: unknown } | undefined;
  const party = async (name: PartyName, id: PartyId): Promise<JobOutcome> => {
    let failed: (error: unknown) => void = () => undefined;
    const failure = new Promise<never>((_, reject) => (failed = reject));
    failure.catch(() => undefined);
    try {
      const notify = (notice: Notice): void => {
        notices[name].push(notice);
        try {
          onNotice?.(name, notice, ends);
        } catch (error) {
          failed(error);
          throw error;
        }
      };
      const ends: StoredEnds | ServingEnds = endsOf(id, links[name], notify);
      const monitor = new Monitor({ log: logToStandardError(name, 'silent'), metrics: undefined });
      const session = { id, links: links[name], pairKeys: pairKeys[name], compute, monitor, ...more(name) };
      void session.ranks?.failed.then(failed);
      const outcome = await Promise.race([runJob(job, { ...session, ends: replace(ends, name) }), failure]);
      await Promise.all([...links[name].values()].map((link) => link.close()));
      return outcome;
    } catch (error) {
      first ??= { error };
      for (const link of links[name].values()) link.abort((error as Error).message);
      throw error;
    }
  };
  const [P0, P1, P2] = await Promise.allSettled(PARTY_NAMES.map((name, i) => party(name, i as PartyId)));
  if (first !== undefined) throw first.error;
  const outcome = (of: PromiseSettledResult<JobOutcome>): JobOutcome =>
    (of as PromiseFulfilledResult<JobOutcome>).value;
  return { outcomes: { P0: outcome(P0), P1: outcome(P1), P2: outcome(P2) }, notices };
}

export interface TrainingPlace extends PartyHooks {
  /** All keys of the handshakes between the parties follow from it. */
  readonly seed: number;
  /** In it each party has a folder: `P0/checkpoints`, `P0/results`, `P0/model`. */
  readonly folder: string;
  readonly train: readonly OfEach<StoredSet>[];
  readonly test?: readonly OfEach<StoredSet>[] | undefined;
  /** Folder and job of the model to begin with. */
  readonly from?: { readonly folder: string; readonly job: string };
  readonly replace?: (ends: JobEnds, party: PartyName) => JobEnds;
}

/** Of all results. */
export const RECEIVER: Identity = Identity.generate();
const vaults = new Map<PartyName, Vault>();

/** A party's, the same each time. */
export function vaultOf(party: PartyName): Vault {
  const vault = vaults.get(party) ?? new Vault([randomBytes(32)]);
  vaults.set(party, vault);
  return vault;
}

export function storeOf(folder: string, party: PartyName): CheckpointStore {
  return new CheckpointStore(join(folder, party, 'checkpoints'), party, vaultOf(party));
}

/** One attempt: goes on from the newest step that all three have, if there is one. */
export async function trainFederated(
  job: TrainJob,
  { seed, folder, train, test = [], from, replace, ...hooks }: TrainingPlace,
): Promise<Federated & { readonly from: number | undefined }> {
  const stores = ofEach((party) => storeOf(folder, party));
  const [P0, P1, P2] = await Promise.all(PARTY_NAMES.map((party) => stores[party].survey()));
  const resume = newestCommon({ P0, P1, P2 });
  const attempt: TrainJob = { ...job, sessionId: randomBytes(8).toString('hex'), resume };
  const loaded = await Promise.all(
    PARTY_NAMES.map(async (party) => resume && (await loadCheckpoint(stores[party], attempt))),
  );
  const checkpoints = ofEach((_, id) => loaded[id]);
  const done = await threeParties(
    attempt,
    (id, links, notify) => {
      const party = PARTY_NAMES[id];
      const own = join(folder, party);
      return new StoredEnds({
        id,
        job: attempt,
        links,
        vault: vaultOf(party),
        notify,
        seal: (info, bytes) => sealTo(RECEIVER.public, info, bytes),
        order: {
          kind: 'training',
          train: train.map((set) => set[party]),
          test: test.map((set) => set[party]),
          receiver: RECEIVER.public,
          results: join(own, 'results'),
          from: from && { file: join(from.folder, party, 'model'), job: from.job },
          keep: job.keepModel && join(own, 'model'),
        },
      });
    },
    ofEach((party) => continuedKeys(job.security, checkpoints[party]?.keys, keysOf(seed, party))),
    hooks,
    (party) => ({ store: stores[party], stored: checkpoints[party]?.tensors }),
    replace,
  );
  return { ...done, from: resume?.step };
}

/** What the receiver learns. */
export async function resultsIn(folder: string, job: TrainJob): Promise<ReadonlyMap<string, BigUint64Array>> {
  const [first, second] = await Promise.all(
    (['P0', 'P1'] as const).map(async (party) => {
      const results = join(folder, party, 'results');
      const shares = readdirSync(results).map(async (file): Promise<[string, BigUint64Array]> => {
        const name = decodeURIComponent(/^(.*)\.sealed$/.exec(file)![1]);
        const sealed = readFileSync(join(results, file));
        const share = await openWith(RECEIVER, `result ${job.document} ${name}`, sealed);
        if (share === undefined) throw new Error(`${file}: is not what it says`);
        return [name, new BigUint64Array(share.slice().buffer)];
      });
      return new Map(await Promise.all(shares));
    }),
  );
  return new Map([...first].map(([name, share]) => [name, add(share, second.get(name)!)]));
}

/** The keys that a party shares with the others. */
export function keysOf(seed: number, self: PartyName): ReadonlyMap<PeerName, Uint8Array> {
  const others = PARTY_NAMES.filter((party) => party !== self);
  return new Map(others.map((party) => [party, insecurePairKey(seed, pairName(self, party))]));
}

export interface ServingPlace extends PartyHooks {
  readonly seed: number;
  /** Where the model was kept, as of a training. */
  readonly folder: string;
  readonly partsMs?: number;
  /** The other ranks of each party. */
  readonly ranks?: OfEach<Ranks>;
  /** Told of each party's ends once they are there. */
  readonly onBegin: (ends: OfEach<ServingEnds>) => void;
}

export async function serveFederated(
  job: ServeJob,
  { seed, folder, partsMs, ranks, onBegin, ...hooks }: ServingPlace,
): Promise<Federated> {
  const made: Partial<Record<PartyName, ServingEnds>> = {};
  return threeParties(
    job,
    (id, links, notify) => {
      const party = PARTY_NAMES[id];
      const own = join(folder, party);
      const order = { kind: 'serving', model: join(own, 'model') } as const;
      const ends = new ServingEnds({
        id,
        job,
        links,
        vault: vaultOf(party),
        notify,
        order,
        ...(partsMs && { partsMs }),
      });
      made[party] = ends;
      if (Object.keys(made).length === 3) onBegin(made as OfEach<ServingEnds>);
      return ends;
    },
    ofEach((party) => keysOf(seed, party)),
    hooks,
    (party) => ({ ranks: ranks?.[party] }),
  );
}
