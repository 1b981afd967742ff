/** A whole session in one process: three parties that run a job as they do in theirs, and the owner, over links in memory. */
import { continuedKeys } from '../src/random/continued.ts';
import { insecurePairKey, pairName } from '../src/random/insecure.ts';
import type { Link, PeerName } from '../src/channel/channel.ts';
import { memoryPair, type MemoryOptions, type RecordedMessage } from '../src/channel/memory.ts';
import { Owner } from '../src/client/owner.ts';
import type { PartyName } from '../src/client/parties.ts';
import type { Mesh } from '../src/channel/mesh.ts';
import type { StoredCheckpoint } from '../src/data/checkpoint.ts';
import type { CheckpointStore } from '../src/data/checkpoint-store.ts';
import { Monitor } from '../src/server/monitor.ts';
import { logToStandardError } from '../src/server/log.ts';
import type { Job } from '../src/server/job.ts';
import type { OwnedInput } from '../src/engine/ownedInput.ts';
import { ownerEnds } from '../src/server/owner-ends.ts';
import { runJob } from '../src/server/run-job.ts';
import { PairStreams } from '../src/random/streams.ts';
import { testCompute } from './simulate.ts';

const ALL: readonly PeerName[] = ['P0', 'P1', 'P2', 'owner'];
const PARTIES = ['P0', 'P1', 'P2'] as const;

export interface SessionOptions {
  /** From which all keys of the handshake follow. */
  readonly seed: number;
  readonly store?: (keeper: PartyName) => CheckpointStore;
  /** What each party goes on from, and the owner, if its keys are not the same. */
  readonly checkpoints?: Readonly<Record<PartyName, StoredCheckpoint> & { owner?: Pick<StoredCheckpoint, 'keys'> }>;
  readonly record?: (message: RecordedMessage) => void;
  /** What a party makes of an input of the owner's that has reached it. */
  readonly received?: (party: PartyName, name: string, input: OwnedInput) => OwnedInput;
  /** What becomes of frames between two ends. */
  readonly tamper?: (a: PeerName, b: PeerName) => MemoryOptions['tamper'];
}

/** Runs `own` as the owner while the parties run the job. */
export async function session<T>(
  job: Job,
  own: (owner: Owner) => Promise<T>,
  { seed, store, checkpoints, record, received, tamper }: SessionOptions,
): Promise<T> {
  const links = new Map(ALL.map((name) => [name, new Map<PeerName, Link>()]));
  const keys = new Map(ALL.map((name) => [name, new Map<PeerName, Uint8Array>()]));
  for (const [i, a] of ALL.entries()) {
    for (const b of ALL.slice(i + 1)) {
      const changed = tamper?.(a, b);
      const [atA, atB] = memoryPair(a, b, { ...(record && { record }), ...(changed && { tamper: changed }) });
      links.get(a)!.set(b, atA);
      links.get(b)!.set(a, atB);
      const key = insecurePairKey(seed, pairName(a, b));
      keys.get(a)!.set(b, key);
      keys.get(b)!.set(a, key);
    }
  }
  const compute = await testCompute();
  const close = (name: PeerName): Promise<unknown> => Promise.all([...links.get(name)!.values()].map((l) => l.close()));
  const party = async (id: 0 | 1 | 2): Promise<void> => {
    const name = PARTIES[id];
    const monitor = new Monitor({ log: logToStandardError(name, 'silent'), metrics: undefined });
    const checkpoint = checkpoints?.[name];
    const pairKeys = continuedKeys(job.security, checkpoint?.keys, keys.get(name)!);
    const ends = ownerEnds(id, links.get(name)!, new PairStreams(pairKeys.get('owner')!, compute), job.security);
    await runJob(job, {
      id,
      links: links.get(name)!,
      pairKeys,
      ends: {
        ...ends,
        receive: async (what, shape) => {
          const input = await ends.receive(what, shape);
          return received?.(name, what, input) ?? input;
        },
      },
      compute,
      monitor,
      store: store?.(name),
      stored: checkpoint?.tensors,
    });
    await close(name);
  };
  const ownersLinks = links.get('owner')!;
  const owner = async (): Promise<T> => {
    const kept = checkpoints?.owner?.keys;
    const result = await own(ownerOn(ownersLinks, continuedKeys(job.security, kept, keys.get('owner')!), job));
    await close('owner');
    return result;
  };
  const failing = <R>(name: PeerName, work: Promise<R>): Promise<R> =>
    work.catch((error: unknown) => {
      for (const link of links.get(name)!.values()) link.abort((error as Error).message);
      throw error;
    });
  const [result] = await Promise.all([
    failing('owner', owner()),
    ...([0, 1, 2] as const).map((id) => failing(PARTIES[id], party(id))),
  ]);
  return result;
}

/** An owner whose links are there already: its own way to come about is to dial. */
function ownerOn(
  links: ReadonlyMap<PeerName, Link>,
  streamKeys: ReadonlyMap<PeerName, Uint8Array>,
  { security }: Pick<Job, 'security'>,
): Owner {
  const mesh: Pick<Mesh, 'links' | 'failed'> = { links, failed: new Promise(() => undefined) };
  const Connected = Owner as unknown as new (
    mesh: Pick<Mesh, 'links' | 'failed'>,
    keys: typeof streamKeys,
    security: Job['security'],
  ) => Owner;
  return new Connected(mesh, streamKeys, security);
}
