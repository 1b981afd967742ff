/** What ends of jobs on stored data have in common: no owner takes part, and the parties agree among themselves. */
import type { Link, PeerName } from '../channel/channel.ts';
import type { StoredTensor } from '../data/checkpoint.ts';
import type { PartyEvent } from '../data/party-events.ts';
import { Problem } from '../data/problem.ts';
import { WHILE_THE_LINK_LIVES } from '../data/share.ts';
import type { Vault } from '../data/vault.ts';
import type { Held } from '../engine/secureValue.ts';
import type { PartyId } from '../party/party.ts';
import { PARTY_NAMES, type Notice, type PartyName } from './ipc.ts';
import type { ServeJob, TrainJob } from './job.ts';
import { loadSharedModel } from './shared-model.ts';

/** Each party to the other two, when it has its inputs. */
const ALL_THERE = 'input/all-there';
/** Of the steps of a training, one in so many tells of each rank: a service keeps what it hears. */
const RANKS_EVERY = 10;

export interface PeerEndsOptions<J extends TrainJob | ServeJob> {
  readonly id: PartyId;
  readonly job: J;
  /** To the two other parties. */
  readonly links: ReadonlyMap<PeerName, Link>;
  /** What is kept here is under its keys. */
  readonly vault: Vault;
  /** To the process that started this one. */
  readonly notify: (notice: Notice) => void;
}

export abstract class PeerEnds<J extends TrainJob | ServeJob> {
  protected readonly options: PeerEndsOptions<J>;
  #model: Promise<ReadonlyMap<string, StoredTensor>> | undefined;

  constructor(options: PeerEndsOptions<J>) {
    this.options = options;
  }

  protected get party(): PartyName {
    return PARTY_NAMES[this.options.id];
  }

  /** Digest of the job's document. */
  protected get document(): string {
    const { document } = this.options.job;
    if (document === undefined) throw new Error('a job on stored data without a document');
    return document;
  }

  protected get others(): readonly Link[] {
    return [...this.options.links.values()].filter(({ peer }) => peer !== 'owner');
  }

  protected linkTo(party: PartyName): Link {
    const link = this.options.links.get(party);
    if (link === undefined) throw new Error(`${this.party} has no link to ${party}`);
    return link;
  }

  /** Says so to the other two; resolves when both have said it, however long it takes them. */
  protected async together(label: string): Promise<void> {
    await Promise.all(this.others.map((link) => link.send(label, new Uint8Array(0), 0)));
    await Promise.all(this.others.map((link) => link.receive(label, 'u8', 0, WHILE_THE_LINK_LIVES)));
  }

  /** File of the shared model that the job is given, and the job that trained it. */
  protected abstract modelGiven(): { readonly path: string; readonly job: string } | undefined;

  /** A weight of that model: this party's share, under no mask yet. */
  async receiveWeight(name: string): Promise<Held> {
    const tensors = await (this.#model ??= this.#loadModel());
    const { data } = tensors.get(name.slice('model/'.length))!;
    return { data };
  }

  allThere(): Promise<void> {
    return this.together(ALL_THERE);
  }

  report(event: PartyEvent): Promise<void> {
    this.options.notify({ type: 'event', event: asKept(event) });
    return Promise.resolve();
  }

  async #loadModel(): Promise<ReadonlyMap<string, StoredTensor>> {
    const given = this.modelGiven();
    if (given === undefined) throw new Problem('the job begins with a model, but none is given', 'give its file');
    const { network, fractionBits } = this.options.job;
    return loadSharedModel(given.path, this.options.vault, {
      party: this.party,
      job: given.job,
      network,
      fractionBits,
    });
  }
}

function asKept(event: PartyEvent): PartyEvent {
  return event.kind === 'step' && event.step % RANKS_EVERY !== 0 ? { ...event, ranks: undefined } : event;
}
