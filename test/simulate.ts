/**
 * Three parties in one process over bounded in-memory links: what the protocol tests run on. Keys are fresh and random unless a
 * test fixes them; every frame a party receives can be recorded.
 */
import { randomBytes } from 'node:crypto';
import type { Compute } from '../runtime/compute.ts';
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import type { Link, PeerName, Traffic } from '../src/channel/channel.ts';
import { memoryPair, type MemoryOptions } from '../src/channel/memory.ts';
import type { Ledger } from '../src/party/ledger.ts';
import type { Probe } from '../src/profile/probe.ts';
import { createParty, type Party, type PartyId, type Security } from '../src/party/party.ts';
import type { Stream } from '../src/random/stream.ts';
import { PairStreams } from '../src/random/streams.ts';

/** Of (P0,P1), (P0,P2), (P1,P2). */
export type PairKeys = readonly [Uint8Array, Uint8Array, Uint8Array];

/** Each of one byte, sixteen times. */
export function pairKeys(...[first, second, third]: readonly [number, number, number]): PairKeys {
  const key = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
  return [key(first), key(second), key(third)];
}

export interface SimulationOptions {
  /** Random when absent. */
  readonly keys?: PairKeys;
  readonly chunk?: number;
  readonly memory?: ((a: PeerName, b: PeerName) => MemoryOptions) | undefined;
  readonly timeoutMs?: number;
  readonly security?: Security;
  /** What a party computes with: to look at what it computes, or to break it on purpose. */
  readonly compute?: (compute: Compute, id: PartyId) => Compute;
  /** What a party draws from, by the pair's index: the same. Asked for each end of the pair. */
  readonly streams?: ((streams: PairStreams, pair: number) => Pick<PairStreams, 'stream'>) | undefined;
  /** What a worker compares with the other one before it reveals; none when absent. */
  readonly ledger?: ((id: PartyId, streams: ReadonlyMap<PeerName, PairStreams>) => Ledger | undefined) | undefined;
  /** Where each party counts its time and traffic, by its id. */
  readonly probes?: readonly [Probe, Probe, Probe];
}

export interface Simulation<T> {
  readonly results: [T, T, T];
  /** Payload bytes sent by all parties together. */
  readonly bytes: number;
  /** What each party's links counted, all peers together. */
  readonly traffic: readonly Traffic[];
  /** What each party sent each other one: `sent[from].get(to)`. */
  readonly sent: readonly ReadonlyMap<PeerName, Readonly<Traffic>>[];
  /** Online rounds: the deeper of the two workers. */
  readonly rounds: number;
}

let shared: Promise<Compute> | undefined;

/** One inline WASM backend for all tests of a file. */
export function testCompute(): Promise<Compute> {
  return (shared ??= createWasmCompute({ workers: 0 }));
}

const NAMES: readonly PeerName[] = ['P0', 'P1', 'P2'];

/** By party, and the peer it is with. */
export interface Connected {
  readonly links: readonly Map<PeerName, Link>[];
  readonly streams: readonly Map<PeerName, PairStreams>[];
}

/** Three parties, each with a link to both others, and streams that it shares with each. */
export function connected(
  keys: PairKeys,
  { timeoutMs, memory, streams: drawnFrom }: Pick<SimulationOptions, 'timeoutMs' | 'memory' | 'streams'> = {},
): Connected {
  const links = NAMES.map(() => new Map<PeerName, Link>());
  const streams = NAMES.map(() => new Map<PeerName, PairStreams>());
  [
    [0, 1],
    [0, 2],
    [1, 2],
  ].forEach(([i, j], pair) => {
    const [a, b] = memoryPair(NAMES[i], NAMES[j], {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...memory?.(NAMES[i], NAMES[j]),
    });
    links[i].set(NAMES[j], a);
    links[j].set(NAMES[i], b);
    const end = (): PairStreams => {
      const pairStreams = new PairStreams(keys[pair]);
      return (drawnFrom?.(pairStreams, pair) ?? pairStreams) as PairStreams;
    };
    streams[i].set(NAMES[j], end());
    streams[j].set(NAMES[i], end());
  });
  return { links, streams };
}

/** Runs `script` as each of the three parties; and closes its links; when one fails, its links are aborted. */
export async function simulate<T>(
  script: (party: Party) => Promise<T>,
  options: SimulationOptions = {},
): Promise<Simulation<T>> {
  const compute = await testCompute();
  const keys = options.keys ?? [randomBytes(16), randomBytes(16), randomBytes(16)];
  const { links, streams } = connected(keys, options);
  const parties = ([0, 1, 2] as PartyId[]).map((id) =>
    createParty({
      id,
      rank: 0,
      links: links[id],
      streams: streams[id],
      compute: options.compute?.(compute, id) ?? compute,
      ...(options.chunk === undefined ? {} : { chunk: options.chunk }),
      probe: options.probes?.[id],
      security: options.security,
      ledger: options.ledger?.(id, streams[id]),
    }),
  );
  const settled = await Promise.allSettled(
    parties.map(async (party) => {
      try {
        const result = await script(party);
        await Promise.all([...links[party.id].values()].map((link) => link.close()));
        return result;
      } catch (error) {
        for (const link of links[party.id].values()) link.abort((error as Error).message);
        throw error;
      }
    }),
  );
  const failures = settled.flatMap((outcome, i) =>
    outcome.status === 'rejected' ? [`P${i}: ${(outcome.reason as Error).message}`] : [],
  );
  if (failures.length > 0) throw new Error(failures.join('\n'));
  const traffic = links.map((peers) =>
    [...peers.values()].reduce<Traffic>(
      (sum, { sent }) => ({
        messages: sum.messages + sent.messages,
        payloadBytes: sum.payloadBytes + sent.payloadBytes,
        frameBytes: sum.frameBytes + sent.frameBytes,
      }),
      { messages: 0, payloadBytes: 0, frameBytes: 0 },
    ),
  );
  return {
    results: settled.map((outcome) => (outcome as PromiseFulfilledResult<T>).value) as [T, T, T],
    sent: links.map((peers) => new Map([...peers].map(([peer, link]) => [peer, link.sent]))),
    bytes: traffic.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0),
    traffic,
    rounds: Math.max(parties[0].depth, parties[1].depth),
  };
}

/** A stream whose ring elements are all zero: a mask taken away, to see that a check notices. */
export function withoutMask(stream: Stream): Stream {
  return {
    bytes: (n) => stream.bytes(n),
    z64: (n) => new BigUint64Array(n),
    zp: (p, n) => stream.zp(p, n),
    zpStar: (p, n) => stream.zpStar(p, n),
    below: (bound, n) => stream.below(bound, n),
    bits: (n) => new Uint8Array(n),
  };
}

/** The same where elements of Z_p are, too. */
export function withoutElements(stream: Stream): Stream {
  return { ...withoutMask(stream), zp: (_, n, out) => (out ?? new Uint8Array(n)).fill(0) };
}
