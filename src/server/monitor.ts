/** What a party says of itself while it works: log lines, and figures for whoever scrapes them. Neither sees a value. */
import type { Link, PeerName, Traffic } from '../channel/channel.ts';
import type { LinkModel } from '../channel/linkModel.ts';
import { microseconds, type PartyEvent } from '../data/party-events.ts';
import { stepsPerEpoch } from '../nn/train.ts';
import { type RankCounters, spentBetween } from '../profile/rank-counters.ts';
import type { Computing } from './compute.ts';
import type { Job } from './job.ts';
import { jobFacts, type Logger } from './log.ts';
import type { PartyMetrics } from './metrics.ts';
import { countersOf } from './ranks/counters.ts';
import { WaitMeter } from './wait-meter.ts';

export interface MonitorOptions {
  readonly log: Logger;
  /** If they are asked for. */
  readonly metrics: PartyMetrics | undefined;
}

export class Monitor {
  readonly meter: WaitMeter = new WaitMeter();
  readonly #log: Logger;
  readonly #metrics: PartyMetrics | undefined;
  #job: Job | undefined;
  #links: ReadonlyMap<PeerName, Link> = new Map();
  #ranks: (() => readonly RankCounters[]) | undefined;

  constructor({ log, metrics }: MonitorOptions) {
    this.#log = log;
    this.#metrics = metrics;
  }

  /** The party knows its job and what it computes with. @param link how this party holds up what it sends, if it does */
  begin(job: Job, { backend, adapter, reason }: Computing, link: LinkModel | undefined): void {
    this.#job = job;
    this.#log.info({ ...jobFacts(job), backend, adapter, link }, 'started');
    if (reason !== undefined) this.#log.warn({ reason }, 'no GPU: computing with wasm');
    this.#metrics?.begin(job, backend, this.meter);
  }

  /** Something about computing goes on differently from here on: a device that was lost, a kernel that is not used. */
  note(text: string): void {
    this.#log.warn({ note: text }, 'computing has changed');
  }

  /** A peer has proved who it is. */
  connected(peer: PeerName): void {
    this.#log.info({ peer }, 'connected');
  }

  /** Someone who is not part of the session connected. */
  refused(reason: string): void {
    this.#log.warn({ reason }, 'refused a connection');
  }

  allConnected(links: ReadonlyMap<PeerName, Link>): void {
    this.#links = links;
    this.#log.info({ peers: [...links.keys()] }, 'all peers are connected');
    this.#metrics?.allConnected(links);
  }

  /** This party has several ranks. @param others what those but the first have spent so far */
  ranks(others: () => readonly RankCounters[]): void {
    this.#ranks = () => [countersOf(this.meter, this.#links.values()), ...others()];
    this.#metrics?.ranks(this.#ranks);
  }

  /** Of a party of several ranks: what each has spent so far. */
  get rankCounters(): (() => readonly RankCounters[]) | undefined {
    return this.#ranks;
  }

  onEvent(event: PartyEvent): void {
    if (event.kind === 'testing') {
      const { evaluation, images } = event;
      return this.#log.debug({ evaluation, images }, 'testing');
    }
    this.#metrics?.count(event);
    const { seconds, waitSeconds, bytesSent, onlineRounds } = event;
    const counters = { seconds, waitSeconds, bytesSent, onlineRounds };
    switch (event.kind) {
      case 'ready':
        return this.#log.info('all inputs are here');
      case 'step': {
        const { step, epoch } = event;
        this.#log.debug({ step, epoch, ...counters }, 'step done');
        if (this.#endsEpoch(step)) this.#log.info({ epoch, step }, 'epoch done');
        return;
      }
      case 'evaluated':
        return this.#log.info({ evaluation: event.evaluation, images: event.images, ...counters }, 'evaluation done');
      case 'batch':
        return this.#log.debug({ batch: event.batch, ...counters }, 'batch done');
      case 'finished':
        return this.#log.info('all is revealed');
    }
  }

  /** All parties and the owner have the checkpoint of this step on disk. */
  onCheckpoint(step: number): void {
    this.#metrics?.checkpoint();
    this.#log.info({ step }, 'checkpoint complete');
  }

  /** The party's work is done and its links are closed. */
  ended(): void {
    this.#log.info(this.totals(), 'finished');
  }

  /** Time and traffic until now. */
  totals(): object {
    const count = ({ messages, frameBytes }: Readonly<Traffic>): object => ({ messages, bytes: frameBytes });
    const traffic = [...this.#links].map(([peer, { sent, received }]) => {
      return [peer, { sent: count(sent), received: count(received) }] as const;
    });
    const { computeSeconds, waitSeconds } = this.meter;
    return {
      computeSeconds: microseconds(computeSeconds),
      waitSeconds: microseconds(waitSeconds),
      traffic: Object.fromEntries(traffic),
      ...(this.#ranks && { ranks: spentBetween([], this.#ranks()) }),
    };
  }

  #endsEpoch(step: number): boolean {
    const job = this.#job;
    return job?.kind === 'train' && step % stepsPerEpoch(job.trainImages, job.batch) === 0;
  }
}
