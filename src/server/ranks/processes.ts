/**
 * The ranks of a party that are processes, on this host or others, as the process of a job sees them, which is rank 0. Each waits behind a host
 * of its own (`service/ranks/host.ts`), which starts a process for each attempt of a job. When one fails, or is gone, the party fails, and the
 * job goes on from the last checkpoint in another attempt.
 */
import { randomBytes } from 'node:crypto';
import { ChannelError, type Link, type PeerName } from '../../channel/channel.ts';
import type { LinkTls } from '../../channel/pins.ts';
import { Problem } from '../../data/problem.ts';
import { joinAddress, type HostPort } from '../../federation/address.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { OwnedInput } from '../../engine/ownedInput.ts';
import { rankCounters, type RankCounters } from '../../profile/rank-counters.ts';
import type { KeyPair } from '../../random/keys.ts';
import { sizeOf, type Shape } from '../../ring/shape.ts';
import { Deferred } from '../deferred.ts';
import type { PartyName } from '../ipc.ts';
import { ControlLane, helloOf, type FromHost, type InputFacts, type ToHost } from './control.ts';
import { inputFacts } from './inputs.ts';
import type { RankStart } from './messages.ts';
import { CONTROL, dialRank, greetCalled, treeSession } from './own-links.ts';
import { failureOf, ofRank, type Ranks } from './ranks.ts';
import { RankTeam } from './team.ts';

/** How long ranks may take to come and find their places: less than the service waits for this process. */
const COME_MS = 20_000;
const HELLO_MS = 10_000;
/** How long a rank that has failed may take to say why. */
const OWN_WORDS_MS = 1_000;
const NOTHING: RankCounters = rankCounters(() => 0);

export interface ProcessesOptions {
  readonly party: PartyName;
  /** Where ranks 1, 2, … are. */
  readonly at: readonly HostPort[];
  readonly tls: LinkTls;
  /** Whose attempt this is. */
  readonly job: Digest;
  /** Of the session: the ranks prove with it who they are. */
  readonly identity: KeyPair;
  readonly onRefused: (reason: string) => void;
}

interface Remote {
  readonly rank: number;
  readonly lane: ControlLane<FromHost, ToHost>;
  readonly joined: Deferred<void>;
  readonly connected: Deferred<void>;
  readonly done: Deferred<void>;
  counters: RankCounters;
  ended: boolean;
}

export class RankProcesses implements Ranks {
  readonly size: number;
  readonly team: RankTeam;
  readonly failed: Promise<unknown>;
  readonly #fail: Deferred<unknown> = new Deferred();
  readonly #options: ProcessesOptions;
  readonly #remotes: readonly Remote[];
  readonly #inputs: { readonly facts: InputFacts; readonly opened: BigUint64Array | null }[] = [];

  private constructor(options: ProcessesOptions, remotes: readonly Remote[], ranks: ReadonlyMap<number, Link>) {
    this.#options = options;
    this.#remotes = remotes;
    this.size = 1 + remotes.length;
    this.failed = this.#fail.promise;
    for (const [rank, link] of ranks) void link.failed.then((error) => this.#later(rank, error));
    this.team = new RankTeam({ rank: 0, size: this.size, links: ranks });
    for (const remote of remotes) {
      this.#hear(remote).catch((error: unknown) => this.#end(remote, error));
    }
  }

  /** Resolves when all have come and found their places. Rejects with a Problem that names the one that has not. */
  static async open(options: ProcessesOptions): Promise<RankProcesses> {
    const { party, at, tls } = options;
    const size = 1 + at.length;
    const attempt = { id: randomBytes(16).toString('hex'), job: options.job };
    const calling = new AbortController();
    const own = { party, tls, timeoutMs: COME_MS, signal: calling.signal };
    try {
      const remotes = await Promise.all(
        at.map(async (_, i): Promise<Remote> => {
          const { lane } = await greeted(options, i + 1, { attempt, timeoutMs: COME_MS, signal: calling.signal });
          const [joined, connected, done] = [new Deferred<void>(), new Deferred<void>(), new Deferred<void>()];
          return { rank: i + 1, lane, joined, connected, done, counters: NOTHING, ended: false };
        }),
      );
      const links = await Promise.all(
        at.map(async (address, i): Promise<[number, Link]> => {
          const link = await dialRank(i + 1, address, treeSession(attempt.id), own);
          await greetCalled(link, 0, i + 1, size);
          return [i + 1, link];
        }),
      );
      const processes = new RankProcesses(options, remotes, new Map(links));
      const all = Promise.all(remotes.map(({ joined }) => joined.promise));
      const failed = await Promise.race([all.then(() => undefined), processes.failed]);
      if (failed !== undefined) throw failed as Error;
      return processes;
    } finally {
      calling.abort(new ChannelError('another rank does not come'));
    }
  }

  ports(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Their hosts know theirs. */
  ownWorkers(workers: number): number {
    return workers;
  }

  async start(order: RankStart): Promise<void> {
    const identity = this.#options.identity.exportSecret();
    await Promise.all(this.#remotes.map(({ lane }) => lane.send({ kind: 'start', order, identity })));
    await Promise.all(this.#remotes.map(({ connected }) => connected.promise));
  }

  input(name: string, shape: Shape, fractionBits: number, input: OwnedInput): OwnedInput {
    const facts = inputFacts(name, shape, fractionBits, input);
    if (input.opened !== null && input.opened.length !== sizeOf(shape))
      throw new Error(`input ${name}: ${input.opened.length} elements are open, expected ${sizeOf(shape)}`);
    this.#inputs.push({ facts, opened: input.opened });
    return input;
  }

  forAll(data: BigUint64Array): BigUint64Array {
    return data;
  }

  work(pairKeys: ReadonlyMap<PeerName, Uint8Array>): void {
    const inputs = this.#inputs.map(({ facts }) => facts);
    void this.#work(pairKeys, inputs).catch((error: unknown) => this.#fail.resolve(error));
  }

  async end(): Promise<void> {
    await this.team.end();
    await Promise.all([this.team.close(), ...this.#remotes.map(({ done }) => done.promise)]);
    for (const { lane } of this.#remotes) lane.link.abort('the work is over');
  }

  get counters(): readonly RankCounters[] {
    return this.#remotes.map(({ counters }) => counters);
  }

  async #work(pairKeys: ReadonlyMap<PeerName, Uint8Array>, inputs: readonly InputFacts[]): Promise<void> {
    await Promise.all(this.#remotes.map(({ lane }) => lane.send({ kind: 'work', pairKeys, inputs })));
    for (const { facts, opened } of this.#inputs)
      if (opened !== null) await this.team.hand(`input/${facts.name}`, opened, 0);
  }

  async #hear(remote: Remote): Promise<void> {
    const { rank, lane } = remote;
    while (!remote.ended) {
      const said = await lane.receive();
      switch (said.kind) {
        case 'joined':
          remote.joined.resolve();
          break;
        case 'counters':
          remote.counters = said.counters;
          break;
        case 'refused':
          throw new Problem(said.reason, 'see the log of that rank', { told: 'it ended' });
        case 'here':
          throw new ChannelError('it says twice who it is');
        case 'told': {
          const { told } = said;
          if (told.type === 'connected') remote.connected.resolve();
          else if (told.type === 'refused') this.#options.onRefused(`${told.reason} (rank ${rank})`);
          else if (told.type === 'error') throw failureOf(told);
          else {
            remote.ended = true;
            remote.done.resolve();
          }
        }
      }
    }
  }

  /** One that fails says why itself; this is for one that cannot. */
  #later(rank: number, error: Error): void {
    const remote = this.#remotes[rank - 1];
    setTimeout(() => this.#end(remote, error), OWN_WORDS_MS).unref();
  }

  #end(remote: Remote, error: unknown): void {
    if (remote.ended) return;
    remote.ended = true;
    const { party, at } = this.#options;
    const { rank } = remote;
    // Whoever is gone says nothing: the link's own words are of the party, not of the rank.
    const gone = error instanceof ChannelError && error.message.startsWith(`${party} lost ${party}`);
    const what = `${party} has lost its rank ${rank} at ${joinAddress(at[rank - 1])}`;
    const told = `${party} has lost its rank ${rank}`;
    this.#fail.resolve(
      gone
        ? new Problem(`${what}: ${error.message}`, 'see why it ended; it may be started again', { told })
        : ofRank(rank, error),
    );
  }
}

interface Greeted {
  readonly lane: ControlLane<FromHost, ToHost>;
  /** Which process is there. */
  readonly instance: string;
}

/** Rank 0 and the host of another rank know each other. Rejects with a Problem that names the rank. @param attempt absent: it only asks */
async function greeted(
  { party, at, tls }: Pick<ProcessesOptions, 'party' | 'at' | 'tls'>,
  rank: number,
  { attempt, ...patience }: { attempt?: Parameters<typeof helloOf>[3]; timeoutMs: number; signal?: AbortSignal },
): Promise<Greeted> {
  const [place, size] = [at[rank - 1], 1 + at.length];
  const link = await dialRank(rank, place, CONTROL, { party, tls, ...patience });
  const lane = ControlLane.atRank0(link);
  let said: FromHost;
  try {
    await lane.send(helloOf(party, rank, size, attempt));
    said = await lane.receive(HELLO_MS);
  } catch (error) {
    link.abort('it does not say who it is');
    throw error;
  }
  if (said.kind === 'here' && said.rank === rank && said.size === size && said.party === party)
    return { lane, instance: said.instance };
  link.abort('not the rank that was expected');
  if (said.kind === 'told' && said.told.type === 'error') throw ofRank(rank, failureOf(said.told));
  const reason = said.kind === 'refused' ? said.reason : `rank ${said.kind === 'here' ? said.rank : '?'} answers`;
  const what = `rank ${rank} of ${party} is expected at ${joinAddress(place)}: ${reason}`;
  throw new Problem(what, 'start all ranks of a party with the same number and the same list of hosts', {
    told: `rank ${rank} of ${party} is another one: ${reason}`,
  });
}

/** Who is there at the place of a rank, without waiting for it. Rejects with a Problem that names the rank. @returns which process */
export async function askRank(
  options: Pick<ProcessesOptions, 'party' | 'at' | 'tls'>,
  rank: number,
  timeoutMs: number,
): Promise<string> {
  const { lane, instance } = await greeted(options, rank, { timeoutMs });
  lane.link.abort('that was all');
  return instance;
}
