/** A training that runs at the parties, as the receiver of its results is told of it: the same reports as of a `local` one. */
import { classCount } from '../../nn/network.ts';
import { LOSS_EVERY, REVEALED } from '../../nn/train.ts';
import { decode } from '../../ring/fixed.ts';
import { Problem } from '../../data/problem.ts';
import type { Counters } from '../../data/party-events.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { TrainDocument } from '../../federation/documents.ts';
import { idOf } from '../../federation/public-identity.ts';
import type { EvaluationReport, StepReport } from '../history.ts';
import type { PartyName } from '../parties.ts';
import { Rounds } from '../rounds.ts';
import { spentOf } from '../spent.ts';
import { countsOf, type TrainingObserver } from '../training.ts';
import type { FederationClient } from './client.ts';
import { fetchRevealed, fetchTogether, TOGETHER } from './results.ts';
import type { Told } from './watch.ts';

export type RunObserver = Pick<TrainingObserver, 'onReady' | 'onStep' | 'onTesting' | 'onEvaluation'> & {
  /** What was told of later steps than this does not count: they are done again. */
  onRepeat(from: number): void;
};

const NOTHING: Counters = { seconds: 0, waitSeconds: 0, bytesSent: 0, onlineRounds: 0 };

/** Turns what parties tell into reports; what was revealed with it is fetched, opened and added up if it is for us. */
export class TrainingFollower {
  readonly #client: FederationClient;
  readonly #job: Digest;
  readonly #document: TrainDocument;
  readonly #observer: RunObserver;
  readonly #isReceiver: boolean;
  #rounds = new Rounds();
  /** Losses that came with one that was asked for, of steps to be told of yet. */
  #ahead: ReadonlyMap<string, BigUint64Array> = new Map();
  /** The last step told of. */
  #step = 0;

  constructor(client: FederationClient, job: Digest, document: TrainDocument, observer: RunObserver) {
    this.#client = client;
    this.#job = job;
    this.#document = document;
    this.#observer = observer;
    this.#isReceiver = client.holds(idOf(document.receiver));
  }

  onAttempt(from: number): void {
    this.#rounds = new Rounds();
    if (from < this.#step) this.#observer.onRepeat(from);
    this.#ahead = new Map();
    this.#step = from;
  }

  async onTold({ event, counters }: Told): Promise<void> {
    const part = (party: PartyName): { counters: Counters } => ({ counters: counters[party] ?? NOTHING });
    const parts = { P0: part('P0'), P1: part('P1'), P2: part('P2') };
    switch (event.kind) {
      case 'ready':
        return this.#observer.onReady();
      case 'testing':
        return this.#observer.onTesting(event.images);
      case 'step': {
        const { step, epoch } = event;
        const loss = event.loss ? await this.#loss(step) : undefined;
        const sum = loss && decode(loss, this.#document.fractionBits)[0];
        const mean = sum === undefined ? undefined : sum / this.#document.batch;
        const report: StepReport = { step, epoch, loss: mean, ...spentOf(parts, this.#rounds) };
        this.#step = step;
        return this.#observer.onStep(report);
      }
      case 'evaluated': {
        const { evaluation, images } = event;
        this.#rounds.add(parts.P0.counters.onlineRounds, parts.P1.counters.onlineRounds);
        const { counts } = this.#document.reveal;
        if (counts === 'none') return;
        const perClass = counts === 'per-class' ? true : undefined;
        const length = perClass ? classCount(this.#document.network) : 1;
        const name = REVEALED.correct(evaluation);
        const revealed = await this.#revealed(name, length, `the count of evaluation ${evaluation}`);
        if (revealed === undefined) return;
        const { seconds } = parts.P0.counters;
        const report: EvaluationReport = {
          evaluation,
          images,
          ...countsOf(decode(revealed, 0), { perClass }),
          seconds,
        };
        return this.#observer.onEvaluation(report);
      }
      case 'batch':
      case 'finished':
        return;
    }
  }

  /** Who begins to follow late is told of many at once: those after it come along, one request for dozens. */
  async #loss(step: number): Promise<BigUint64Array | undefined> {
    if (!this.#isReceiver) return undefined;
    const name = REVEALED.loss(step);
    const known = this.#ahead.get(name);
    if (known !== undefined) return known;
    const next = LOSS_EVERY * (1 + Math.floor(step / LOSS_EVERY));
    const later = Array.from({ length: TOGETHER - 1 }, (_, i) => REVEALED.loss(next + i * LOSS_EVERY));
    this.#ahead = await this.#asked(() => fetchTogether(this.#client, this.#job, [name, ...later], 1), new Map());
    // The last step's own, and what one of the two lacks, which the answer then says.
    return this.#ahead.get(name) ?? this.#revealed(name, 1, `the loss of step ${step}`);
  }

  /** A progress figure that cannot be had now is no reason to stop watching. */
  async #revealed(name: string, length: number, what: string): Promise<BigUint64Array | undefined> {
    if (!this.#isReceiver) return undefined;
    return this.#asked(() => fetchRevealed(this.#client, this.#job, name, length, what), undefined);
  }

  async #asked<T>(ask: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#client.onNote(`${error.message}: it is not shown`);
      return otherwise;
    }
  }
}
