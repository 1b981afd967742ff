/**
 * What every party sees and knows of a protocol that runs again and again on the same shares, with fresh randomness each time: every word it
 * receives, from a tap on the links, and every value that the streams of its keys give, from a tap on the streams, whoever draws it.
 *
 * A run is a fork of its own, so its streams are as fresh as under a new key; half of the runs have other keys, and other inputs.
 */
import { ownMethods, type Compute, type CompareJob } from '../../../runtime/compute.ts';
import type { RecordedMessage } from '../../../src/channel/memory.ts';
import type { Party, WorkerName } from '../../../src/party/party.ts';
import { insecurePairKey } from '../../../src/random/insecure.ts';
import type { Stream } from '../../../src/random/stream.ts';
import type { PairStreams } from '../../../src/random/streams.ts';
import { simulate } from '../../simulate.ts';

export const PAIRS = ['P0-P1', 'P0-P2', 'P1-P2'] as const;

/** The keys that a party holds, by the index of their pair. */
export const HOLDS: readonly (readonly number[])[] = [
  [0, 1],
  [0, 2],
  [1, 2],
];

/** Values of one domain: Z_{2^64}, bits one a byte, or Z_p one a byte. */
export type Values =
  | { readonly kind: 'words'; readonly values: BigUint64Array }
  | { readonly kind: 'bits'; readonly values: Uint8Array }
  | { readonly kind: 'residues'; readonly values: Uint8Array };

/** A worker's part of a comparison, as it was computed, and what came of it. */
export interface Compared {
  readonly job: CompareJob;
  readonly d: Uint8Array;
}

/** One run of a protocol. */
export interface Run {
  /** Which of the two inputs it had. */
  readonly which: 0 | 1;
  /** By receiver; labels are below the run. */
  readonly received: readonly [RecordedMessage[], RecordedMessage[], RecordedMessage[]];
  /** What was drawn under the key of each pair, by address: `P0-P2 path:purpose`. */
  readonly draws: readonly [Draws, Draws, Draws];
  /** What each worker makes of what it sees, as the protocol says it does. */
  readonly made: readonly [BigUint64Array[], BigUint64Array[]];
}

export type Draws = Map<string, Values[]>;

export interface Recording {
  readonly runs: readonly Run[];
  readonly compared: readonly [Compared[], Compared[]];
}

/** A stream whose draws are kept. */
export function tapped(stream: Stream, into: Values[]): Stream {
  const keep = <T extends BigUint64Array | Uint8Array>(kind: Values['kind'], values: T): T => {
    into.push({ kind, values: values.slice() } as Values); // protocols go on in place
    return values;
  };
  return {
    bytes: (n) => stream.bytes(n),
    z64: (n) => keep('words', stream.z64(n)),
    zp: (p, n, out) => keep('residues', stream.zp(p, n, out)),
    zpStar: (p, n, out) => keep('residues', stream.zpStar(p, n, out)),
    below: (bound, n) => stream.below(bound, n),
    bits: (n) => keep('bits', stream.bits(n)),
  };
}

/** What a worker compares is kept. */
export function watched(compute: Compute, into: Compared[]): Compute {
  return {
    ...ownMethods(compute),
    compareShare: async (job, out) => {
      const { g, y, beta, s, u, rho } = job;
      const kept = { g: g.slice(), y: y.slice(), beta: beta.slice(), s: s.slice(), u: u.slice(), rho: rho.slice() };
      const d = await compute.compareShare(job, out);
      into.push({ job: { ...job, ...kept }, d: d.slice() });
      return d;
    },
  };
}

/**
 * @param drawer the worker that is dealt its share without traffic
 * @param script one party's part in the given run, whose inputs are the first or the second; at a worker, what it makes of what it sees
 */
export async function record(
  samples: number,
  drawer: WorkerName,
  script: (party: Party, which: 0 | 1) => Promise<readonly BigUint64Array[]>,
): Promise<Recording> {
  const runs: Run[] = [];
  const compared: [Compared[], Compared[]] = [[], []];
  for (const which of [0, 1] as const) {
    const here = Array.from({ length: samples / 2 }, (): Run => ({
      which,
      received: [[], [], []],
      draws: [new Map(), new Map(), new Map()],
      made: [[], []],
    }));
    const runAt = (path: string): [run: Run, below: string] => {
      const found = /^\/s(\d+)(.*)$/s.exec(path);
      if (found === null) throw new Error(`${path} lies outside all runs`);
      return [here[Number(found[1])], found[2]];
    };
    const runAll = (party: Party): Promise<unknown> =>
      Promise.all(
        here.map(async ({ made }, i) => {
          const words = await script(party.fork(`s${i}`, drawer), which);
          if (party.id !== 2) made[party.id].push(...words);
        }),
      );
    await simulate(runAll, {
      keys: PAIRS.map((pair) => insecurePairKey(19 + which, pair)) as [Uint8Array, Uint8Array, Uint8Array],
      chunk: CHUNK,
      memory: () => ({
        record: (message) => {
          const [run, label] = runAt(message.label);
          run.received[Number(message.to[1])].push({ ...message, label });
        },
      }),
      streams: (streams: PairStreams, pair) => ({
        stream: (path, purpose) => {
          const [{ draws }, below] = runAt(path);
          const address = `${PAIRS[pair]} ${below}:${purpose}`;
          const drawn: Values[] = [];
          const before = draws[pair].get(address);
          // Both ends of a pair draw the same: the first one is recorded.
          if (before === undefined) draws[pair].set(address, drawn);
          return tapped(streams.stream(path, purpose), before === undefined ? drawn : []);
        },
      }),
      compute: (compute, id) => watched(compute, compared[id as 0 | 1]),
    });
    runs.push(...here);
  }
  return { runs, compared };
}

/** Elements of a chunk: all that a protocol has here. */
export const CHUNK = 24;
