/**
 * One rank of a party but the first (docs/ranks.md), whether it is a thread or a process: joins its peers, the same rank of the other parties, and
 * computes along until rank 0 says that the work is over. What goes wrong it tells its peers, its party's ranks and whoever started it.
 */
import { MeasuredCompute } from '../../../runtime/measured.ts';
import type { Compute } from '../../../runtime/compute.ts';
import { createWasmCompute } from '../../../runtime/wasm/wasm.ts';
import type { PeerName } from '../../channel/channel.ts';
import type { Listener } from '../../channel/listener.ts';
import { openMesh, type Mesh } from '../../channel/mesh.ts';
import { explained } from '../../data/memory.ts';
import { createParty } from '../../party/party.ts';
import type { RankCounters } from '../../profile/rank-counters.ts';
import { agreementsWith } from '../../random/agreement.ts';
import type { KeyPair } from '../../random/keys.ts';
import { PairStreams } from '../../random/streams.ts';
import { failureNotice } from '../described.ts';
import { PARTY_IDS, type PartyName } from '../ipc.ts';
import { configurationFields } from '../job.ts';
import { meshOptions, publicKeysOf } from '../neighbours.ts';
import type { WaitMeter } from '../wait-meter.ts';
import { workersLedger } from '../workers-ledger.ts';
import { computeAlong } from './along.ts';
import { countersOf } from './counters.ts';
import type { FromMember, RankStart, RankWork } from './messages.ts';
import type { RankTeam } from './team.ts';

export interface MemberOptions {
  readonly party: PartyName;
  readonly rank: number;
  readonly size: number;
  readonly meter: WaitMeter;
  /** To rank 0, but for what goes over the tree. */
  readonly tell: (message: FromMember) => void;
  /** It is about to say that it has done its part. */
  readonly onDone?: (() => void) | undefined;
  /** Told who is to connect to this rank from here on. */
  readonly onExpecting?: ((peers: readonly PeerName[]) => void) | undefined;
}

export class RankMember {
  readonly #options: MemberOptions;
  #team: RankTeam | undefined;
  #listener: Listener | undefined;
  #started: { readonly job: RankStart['job']; readonly compute: Compute } | undefined;
  #mesh: Mesh | undefined;
  #ending = false;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /** Its place among the ranks of its party. */
  join(team: RankTeam): void {
    this.#team = team;
  }

  /** @param listener where its peers connect to */
  async start(order: RankStart, identity: KeyPair, listener: Listener): Promise<void> {
    const { party, rank, size, meter, tell, onExpecting } = this.#options;
    const { job, parties, linkPatienceMs = 0 } = order;
    this.#listener = listener;
    const compute = await createWasmCompute({ workers: order.compute.workers });
    const mesh = (this.#mesh = await openMesh({
      ...meshOptions(party, order, meter, rank),
      config: [...configurationFields(job), ['rank', `${rank} of 0 to ${size - 1}`]],
      agreement: agreementsWith({ self: party, identity, publicKeys: publicKeysOf(parties) }),
      listener,
      onExpecting,
      onRefused: (reason) => tell({ type: 'refused', reason }),
    }));
    void mesh.failed.then((error) => this.fail(error));
    if (linkPatienceMs === 0) await listener.close();
    this.#started = { job, compute };
    tell({ type: 'connected' });
  }

  async work({ pairKeys, inputs, shared }: RankWork): Promise<void> {
    const [started, mesh, team] = [this.#started, this.#mesh, this.#team];
    if (started === undefined || mesh === undefined || team === undefined)
      throw new Error('told to compute before it was told to start');
    const { job, compute } = started;
    const { party: self, rank, meter, tell, onDone } = this.#options;
    const measured = new MeasuredCompute(compute, meter);
    const streams = new Map<PeerName, PairStreams>(
      [...pairKeys].map(([peer, key]) => [peer, new PairStreams(key, measured)]),
    );
    const id = PARTY_IDS[self];
    const party = createParty({
      ...{ id, rank, links: mesh.links, streams, compute: measured, security: job.security },
      ledger: workersLedger(job, id, streams, rank),
    });
    if (shared !== undefined) team.share(shared);
    await computeAlong(party, job, inputs, team);
    await Promise.all([team.close(), mesh.close()]);
    await this.#listener?.close();
    this.#ending = true;
    await compute.close();
    onDone?.();
    tell({ type: 'done' });
  }

  /** The first reason counts. */
  fail(reason: unknown): void {
    if (this.#ending) return;
    this.#ending = true;
    const failure = failureNotice(explained(reason));
    this.#mesh?.abortAll(failure.told);
    this.#team?.abort(failure.told);
    void this.#listener?.close();
    this.#options.tell(failure);
  }

  /** What it has spent so far. */
  get counters(): RankCounters {
    return countersOf(this.#options.meter, this.#mesh?.links.values() ?? []);
  }
}
