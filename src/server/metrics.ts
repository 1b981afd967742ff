/**
 * A party's figures for Prometheus. They hold what is public anyway: sizes, counts and times (`SECURITY.md`). Losses and accuracies are
 * not among them, for no party knows them.
 *
 * Traffic is read from the links' own counters when somebody scrapes, so the two never differ.
 */
import { collectDefaultMetrics, Counter, exponentialBuckets, Gauge, Histogram, Registry } from 'prom-client';
import type { Link, PeerName } from '../channel/channel.ts';
import type { Counters, Happening } from '../data/party-events.ts';
import type { RankCounters } from '../profile/rank-counters.ts';
import type { PartyName } from './ipc.ts';
import type { Job } from './job.ts';
import { MetricsEndpoint } from './metrics-endpoint.ts';
import type { WaitMeter } from './wait-meter.ts';

/** Seconds, 10 ms to 164 s. */
const STEP_BUCKETS = exponentialBuckets(0.01, 2, 15);

export class PartyMetrics {
  readonly #registry: Registry = new Registry();
  readonly #info: Gauge<'job' | 'network' | 'backend' | 'session'>;
  readonly #steps: Counter;
  readonly #stepSeconds: Histogram;
  readonly #epoch: Gauge;
  readonly #evaluations: Counter;
  readonly #checkpoints: Counter;
  readonly #rounds: Counter;
  #links: ReadonlyMap<PeerName, Link> = new Map();
  #meter: WaitMeter | undefined;
  #endpoint: MetricsEndpoint | undefined;

  constructor(party: PartyName) {
    const registers = [this.#registry];
    this.#registry.setDefaultLabels({ party });
    collectDefaultMetrics({ register: this.#registry });
    const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
    this.#info = new Gauge({
      name: 'securenn_job_info',
      help: 'The job of this party; always 1',
      labelNames: ['job', 'network', 'backend', 'session'],
      registers,
    });
    this.#steps = counter('securenn_steps_total', 'Training steps, or batches of an inference, that are done');
    this.#stepSeconds = new Histogram({
      name: 'securenn_step_duration_seconds',
      help: 'From the end of one step or batch to the end of the next; evaluations are not in it',
      buckets: STEP_BUCKETS,
      registers,
    });
    this.#epoch = new Gauge({ name: 'securenn_epoch', help: 'Epoch of the last step, from 1', registers });
    this.#evaluations = counter('securenn_evaluations_total', 'Evaluations on the test set that are done');
    this.#checkpoints = counter('securenn_checkpoints_total', 'Checkpoints that all parties have on disk');
    this.#rounds = counter('securenn_rounds_total', 'Online rounds: growth of the chain of dependent messages');
    this.#mirror();
  }

  /** Listens and returns the port; rejects with the system's error. @param port 0: any free one */
  async listen(host: string, port: number): Promise<number> {
    const { contentType } = this.#registry;
    const scrape = async (): Promise<{ contentType: string; text: string }> => {
      return { contentType, text: await this.#registry.metrics() };
    };
    this.#endpoint = await MetricsEndpoint.open(host, port, scrape);
    return this.#endpoint.port;
  }

  /** The party knows its job. */
  begin(job: Job, backend: string, meter: WaitMeter): void {
    const network = job.kind === 'micro' ? '' : job.network.name;
    this.#info.set({ job: job.kind, network, backend, session: job.sessionId }, 1);
    this.#meter = meter;
  }

  allConnected(links: ReadonlyMap<PeerName, Link>): void {
    this.#links = links;
  }

  /** This party has several ranks, of which the main thread's figures are the first's. @param all what each has spent so far */
  ranks(all: () => readonly RankCounters[]): void {
    const registers = [this.#registry];
    const byRank = (name: string, help: string, field: keyof RankCounters): Counter =>
      new Counter({
        ...{ name, help, registers, labelNames: ['rank'] },
        collect() {
          this.reset();
          for (const [rank, counters] of all().entries()) this.inc({ rank }, counters[field]);
        },
      });
    byRank('securenn_rank_sent_bytes_total', 'Bytes that a rank of this party has sent to its peers', 'bytesSent');
    byRank('securenn_rank_wait_seconds_total', 'Time for which a rank slept until a message came', 'waitSeconds');
    byRank('securenn_rank_compute_seconds_total', 'Time of a rank that was not waited', 'computeSeconds');
    byRank('securenn_rank_cpu_seconds_total', "Time of a rank's main thread on a core; 0 but on Linux", 'cpuSeconds');
  }

  count(event: Happening & Counters): void {
    this.#rounds.inc(event.onlineRounds);
    if (event.kind === 'evaluated') this.#evaluations.inc();
    if (event.kind === 'step') this.#epoch.set(event.epoch);
    if (event.kind === 'step' || event.kind === 'batch') {
      this.#steps.inc();
      this.#stepSeconds.observe(event.seconds);
    }
  }

  checkpoint(): void {
    this.#checkpoints.inc();
  }

  close(): void {
    this.#endpoint?.close();
  }

  /** Counters that others keep, read at each scrape. */
  #mirror(): void {
    const registers = [this.#registry];
    const byPeer = (name: string, help: string, values: () => Iterable<[PeerName, number]>): void => {
      new Counter({
        ...{ name, help, registers, labelNames: ['peer'] },
        collect() {
          this.reset();
          for (const [peer, value] of values()) this.inc({ peer }, value);
        },
      });
    };
    const ofLinks = (value: (link: Link) => number) => () =>
      [...this.#links].map(([peer, link]): [PeerName, number] => [peer, value(link)]);
    for (const way of ['sent', 'received'] as const) {
      const bytes = ofLinks((link) => link[way].frameBytes);
      byPeer(`securenn_${way}_bytes_total`, `Bytes of messages ${way}: frames with their headers`, bytes);
      const messages = ofLinks((link) => link[way].messages);
      byPeer(`securenn_${way}_messages_total`, `Messages ${way}`, messages);
    }
    const waited = (): Iterable<[PeerName, number]> => this.#meter?.waitSecondsByPeer ?? [];
    byPeer('securenn_wait_seconds_total', 'Time asleep until a message of this peer came', waited);
    const computed = (): number => this.#meter?.computeSeconds ?? 0;
    new Counter({
      name: 'securenn_compute_seconds_total',
      help: 'Time that was not waited: kernels, randomness, frames',
      registers,
      collect() {
        this.reset();
        this.inc(computed());
      },
    });
  }
}
