/**
 * A party that cheats, by the messages that it sends: a session of three in memory, of which one party's outgoing messages are rewritten under one
 * label by one rule. The party itself goes on as if it had sent what it should have, so that whatever comes back to it is what the lie brought
 * about. What it sees is kept: every message that reaches it, what it is told of an end, and all that its keys give.
 */
import type { Compute, DigitCode } from '../../runtime/compute.ts';
import type { PeerName } from '../../src/channel/channel.ts';
import { decodeFrame, type Frame } from '../../src/channel/frame.ts';
import type { MemoryOptions, RecordedMessage } from '../../src/channel/memory.ts';
import type { Cancel } from '../../src/channel/timers.ts';
import type { Timers } from '../../src/channel/patience.ts';
import type { Party, PartyId, PartyName, WorkerName } from '../../src/party/party.ts';
import { continuedKeys } from '../../src/random/continued.ts';
import { insecurePairKey } from '../../src/random/insecure.ts';
import type { PairStreams } from '../../src/random/streams.ts';
import type { RankTeam } from '../../src/server/ranks/team.ts';
import { workersLedger } from '../../src/server/workers-ledger.ts';
import { framed } from '../changed-message.ts';
import { CHUNK, type Compared, PAIRS, type Run, tapped, type Values, watched } from '../protocols/views/record.ts';
import { simulateRanks } from '../ranks/simulate.ts';
import { type PairKeys, simulate, type SimulationOptions } from '../simulate.ts';

/** A message on its way from who cheats. */
export interface Outgoing {
  readonly to: PeerName;
  readonly label: string;
  readonly data: BigUint64Array | Uint8Array;
}

/** What rules have besides the message. */
export interface Setting {
  readonly code: DigitCode | undefined;
  readonly compute: Compute;
  /** What the party has sent before, honestly, to whomever. */
  readonly before: readonly Outgoing[];
  /** Of its own, in [0, 1). */
  readonly random: () => number;
}

/** What is sent in the place of a message; undefined: nothing. */
export type Rule = (message: Outgoing, setting: Setting) => BigUint64Array | Uint8Array | undefined;

export interface Cheat {
  readonly by: PartyName;
  /** Without: everything is sent as it is. */
  readonly at?: { readonly to: PeerName; readonly label: string };
  readonly rule?: Rule;
}

/** Of one session. */
export interface Session {
  readonly run: Run;
  readonly compared: readonly [Compared[], Compared[]];
  /** What the cheating party sent, as it would have without the rule. */
  readonly sent: readonly Outgoing[];
  /** What the cheating party was told when others ended the session, by sender. */
  readonly ends: readonly string[];
  /** How the session ended, at all parties; empty when it came to its end. */
  readonly failed: string;
}

export interface SessionOptions {
  readonly which: 0 | 1;
  /** Sessions with different numbers have different keys. */
  readonly number: number;
  readonly drawer: WorkerName;
  readonly code: DigitCode | undefined;
  readonly compute: Compute;
  readonly random: () => number;
  readonly security?: SimulationOptions['security'];
  readonly wrap?: SimulationOptions['compute'];
  /** Sessions one after the other, each of which goes on from the same state; 1 when absent. */
  readonly attempts?: number | undefined;
  /** Ranks of each party; 1 when absent. */
  readonly ranks?: number | undefined;
}

/** Where a party's script runs. */
export interface Place {
  /** Counts from 0. */
  readonly attempt: number;
  /** Of several ranks. */
  readonly team?: RankTeam;
}

const PATH = 's';

/** Runs `script` as each party under keys of the session's own; never longer than anybody gets on. */
export async function session(
  cheat: Cheat,
  script: (party: Party, place: Place) => Promise<unknown>,
  options: SessionOptions,
): Promise<Session> {
  const { which, number, drawer, code, compute, random, security = 'private', wrap, attempts = 1, ranks = 1 } = options;
  const run: Run = {
    which,
    received: [[], [], []],
    draws: [new Map(), new Map(), new Map()],
    made: [[], []],
  };
  const compared: [Compared[], Compared[]] = [[], []];
  const sent: Outgoing[] = [];
  const ends: string[] = [];
  const quiet = new Quiet();
  const below = (path: string): string => path.slice(PATH.length + 1);
  const linksOf =
    (prefix: string) =>
    (a: PeerName, b: PeerName): MemoryOptions => {
      let sequence = 0;
      const named = (label: string): string => prefix + below(label);
      /** By the rule, where it applies. */
      const rewritten = (frame: Frame, to: PeerName): Frame['data'] | undefined => {
        const message = { to, label: named(frame.label), data: frame.data.slice() };
        const here = cheat.at?.to === to && cheat.at.label === message.label;
        const data = here
          ? cheat.rule!({ ...message, data: message.data.slice() }, { code, compute, random, before: sent.slice() })
          : frame.data;
        // As it was: what the party learns of a sum, it learns with its true share.
        run.received[Number(to[1])].push({ ...message, from: cheat.by, depth: frame.depth });
        sent.push(message);
        return data;
      };
      return {
        timers: quiet,
        record: (message: RecordedMessage) => {
          if (message.from === cheat.by) return;
          run.received[Number(message.to[1])].push({ ...message, label: named(message.label) });
        },
        tamper: (_index, bytes, from) => {
          quiet.noteProgress();
          const frame = decodeFrame([bytes]);
          const to = from === a ? b : a;
          if (to === cheat.by && frame.kind === 'abort') ends.push(`${prefix}${from}: ${textOf(frame)}`);
          if (from !== cheat.by) return [bytes];
          const data = isMessage(frame) ? rewritten(frame, to) : frame.data;
          return data === undefined ? [] : [encoded({ ...frame, data, sequence: sequence++ })];
        },
      };
    };
  const failures: string[] = [];
  let keys = PAIRS.map((pair) => insecurePairKey(number, pair));
  for (let attempt = 0; attempt < attempts; attempt++) {
    const prefix = attempt === 0 ? '' : `attempt ${attempt}: `;
    if (attempt > 0) keys = goneOn(keys, (pair) => insecurePairKey(number + AGAIN * attempt, pair));
    const common: Pick<SimulationOptions, 'security' | 'chunk' | 'streams' | 'compute'> & { keys: PairKeys } = {
      keys: keys as unknown as PairKeys,
      chunk: CHUNK,
      security,
      streams: (streams: PairStreams, pair) => ({
        stream: (path, purpose) => {
          const draws = run.draws[pair];
          const address = `${prefix}${PAIRS[pair]} ${below(path)}:${purpose}`;
          const drawn: Values[] = [];
          const first = !draws.has(address); // both ends of a pair draw the same
          if (first) draws.set(address, drawn);
          return tapped(streams.stream(path, purpose), drawn);
        },
      }),
      compute: (own: Compute, id: PartyId) => {
        const inner = wrap?.(own, id) ?? own;
        return id === 2 ? inner : watched(inner, compared[id]);
      },
    };
    const ledgerOf =
      (rank: number): SimulationOptions['ledger'] =>
      (id, streams) =>
        workersLedger({ security: security === 'private' ? security : undefined }, id, streams, rank);
    const running =
      ranks === 1
        ? simulate((party) => script(party.fork(PATH, drawer), { attempt }), {
            ...common,
            memory: linksOf(prefix),
            ledger: ledgerOf(0),
          })
        : simulateRanks(
            ranks,
            async (party, team) => void (await script(party.fork(PATH, drawer), { attempt, team })),
            { ...common, memoryOf: (rank) => linksOf(`${prefix}rank ${rank}: `), ledgerOf },
          );
    await running.then(
      () => undefined,
      (error: unknown) => failures.push((error as Error).message),
    );
  }
  const failed = failures.join('\n');
  quiet.stop();
  return { run, compared, sent, ends: ends.sort(), failed };
}

function isMessage({ kind }: Frame): boolean {
  return kind === 'u8' || kind === 'u64';
}

function textOf({ data }: Frame): string {
  return Buffer.from(data as Uint8Array).toString('latin1');
}

function encoded(frame: Frame): Uint8Array {
  const kind = isMessage(frame) ? (frame.data instanceof BigUint64Array ? 'u64' : 'u8') : frame.kind;
  return framed({ ...frame, kind });
}

/** Keys of an attempt that goes on: of those that were kept and of its own handshake (`random/continued.ts`). */
function goneOn(kept: readonly Uint8Array[], fresh: (pair: (typeof PAIRS)[number]) => Uint8Array): Uint8Array[] {
  return PAIRS.map((pair, i) =>
    continuedKeys('private', new Map([[pair, kept[i]]]), new Map([[pair, fresh(pair)]])).get(pair)!,
  );
}

/** Far from the numbers of other sessions. */
const AGAIN = 2 ** 40;

/** Turns of the event loop in which nothing arrives, after which nothing will. */
const QUIET_TURNS = 100;

/** Time that stands still while messages arrive: who waits in vain gives up as soon as nobody gets on, however slow the machine is. */
class Quiet implements Timers {
  #now = 0;
  #turns = 0;
  #running = false;
  readonly #due: Set<{ readonly at: number; readonly task: () => void }> = new Set();

  now(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): Cancel {
    const one = { at: this.#now + ms, task };
    this.#due.add(one);
    if (!this.#running) {
      this.#running = true;
      this.#turn();
    }
    return () => this.#due.delete(one);
  }

  noteProgress(): void {
    this.#turns = 0;
  }

  stop(): void {
    this.#due.clear();
  }

  #turn(): void {
    if (this.#due.size === 0) {
      this.#running = false;
      return;
    }
    if (++this.#turns > QUIET_TURNS) this.#advance();
    setImmediate(() => this.#turn());
  }

  #advance(): void {
    this.#now = Math.min(...[...this.#due].map(({ at }) => at));
    for (const one of [...this.#due]) {
      if (one.at > this.#now) continue;
      this.#due.delete(one);
      one.task();
    }
  }
}
