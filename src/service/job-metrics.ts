/** What Prometheus is told of the jobs of a party: steps and answers, how many and how long. Nothing of whose they are, and no value. */
import { Counter, exponentialBuckets, Gauge, Histogram, type Metric } from 'prom-client';
import type { JobFigures } from './jobs/ports.ts';

/** Seconds: 10 ms to 164 s for a step, 2 ms to 66 s for an answer. */
const STEP_BUCKETS = exponentialBuckets(0.01, 2, 15);
const ANSWER_BUCKETS = exponentialBuckets(0.002, 2, 16);
/** 1 ms to 33 s. */
const WAIT_BUCKETS = exponentialBuckets(0.001, 2, 16);
/** Images. */
const BATCH_BUCKETS = exponentialBuckets(1, 2, 11);

export class JobMetrics implements JobFigures {
  readonly #steps: Histogram = histogram(
    'securenn_job_step_duration_seconds',
    'Steps of trainings: from the end of one to the end of the next',
    STEP_BUCKETS,
  );
  readonly #answers: Histogram = histogram(
    'securenn_job_answer_duration_seconds',
    'Inputs of sessions that were answered: from when this party had its part until it had its share of the answer',
    ANSWER_BUCKETS,
  );
  readonly #images: Counter = new Counter({
    name: 'securenn_job_images_total',
    help: 'Images in the inputs of sessions that were answered',
    registers: [],
  });
  readonly #waits: Histogram = histogram(
    'securenn_job_answer_wait_seconds',
    'Inputs of sessions that were answered: from when this party had its part until its turn came',
    WAIT_BUCKETS,
  );
  readonly #batches: Histogram = histogram(
    'securenn_job_batch_images',
    'Images of sessions that were computed together',
    BATCH_BUCKETS,
  );
  readonly #underWay: Gauge = new Gauge({
    name: 'securenn_job_inputs_under_way',
    help: 'Inputs of sessions that have come and are not answered yet',
    registers: [],
  });

  /** For a registry. */
  get all(): readonly Metric[] {
    return [this.#steps, this.#answers, this.#images, this.#waits, this.#batches, this.#underWay];
  }

  step(seconds: number): void {
    this.#steps.observe(seconds);
  }

  answered(images: number, seconds: number, waited: number): void {
    this.#answers.observe(seconds);
    this.#waits.observe(waited);
    this.#images.inc(images);
  }

  batch(images: number): void {
    this.#batches.observe(images);
  }

  underWay(more: number): void {
    this.#underWay.inc(more);
  }
}

/** In no registry yet. */
function histogram(name: string, help: string, buckets: number[]): Histogram {
  return new Histogram({ name, help, buckets, registers: [] });
}
