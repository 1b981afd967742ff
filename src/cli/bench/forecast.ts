/** How long the sessions of a measurement take, reckoned as `estimate` does, and what fits into a time. */
import { availableParallelism, loadavg } from 'node:os';
import { LINKS } from '../../channel/linkModel.ts';
import { type Counted, countInference, countOperation, countTraining } from '../../nn/count.ts';
import type { MicroOperation } from '../../nn/micro.ts';
import { NETWORKS } from '../../nn/named.ts';
import type { Rates } from '../estimate/calibrate.ts';
import { secondsOf } from '../estimate/model.ts';
import type { TrainSettings } from '../options/training.ts';
import type { Task } from './measure.ts';

/** Starting four processes and connecting them, on a quiet machine. */
const START_SECONDS = 2;

/** Seconds of each task, by the rates of this machine. */
export async function forecast(
  tasks: readonly Task[],
  settings: TrainSettings,
  rates: Rates,
  operations: readonly MicroOperation[],
): Promise<number[]> {
  const machine = { cores: availableParallelism(), workers: settings.workers };
  const seconds: number[] = [];
  for (const task of tasks) {
    const counts = await countsOf(task, settings, operations);
    const link = LINKS[task.link];
    const each = counts.map(([times, counted]) => times * secondsOf(counted, rates, link, machine).total);
    seconds.push(each.reduce((sum, x) => sum + x, START_SECONDS));
  }
  return seconds;
}

/** What a session does, each so many times. */
async function countsOf(
  task: Task,
  settings: TrainSettings,
  operations: readonly MicroOperation[],
): Promise<(readonly [times: number, counted: Counted])[]> {
  switch (task.kind) {
    case 'train': {
      const { batch } = settings;
      const one = { ...settings, epochs: undefined, steps: 1, showLoss: false };
      const { steps } = await countTraining(NETWORKS[task.network], one, { trainImages: batch, testImages: 0 });
      return [[task.steps, steps[0]]];
    }
    case 'infer':
      return [[task.batches + 1, (await countInference(NETWORKS[task.network], settings, task.batch, 1))[0]]];
    case 'micro':
      return Promise.all(
        operations.map(async (operation) => [task.repetitions + 1, await countOperation(operation, settings)] as const),
      );
  }
}

/**
 * What is done within a time: each part begins only if it is expected to end in time. Expectations are scaled by how long parts really took,
 * for a forecast does not know what else the machine does.
 */
export class Budget {
  readonly #seconds: number;
  #expected = 0;
  #took = 0;

  /** @param seconds in all; Infinity: no limit */
  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** Seconds that a part of this forecast takes, as far as is known. */
  expects(forecast: number): number {
    return this.#expected === 0 ? forecast : forecast * (this.#took / this.#expected);
  }

  /** @param elapsed seconds since the beginning */
  fits(forecast: number, elapsed: number): boolean {
    return elapsed + this.expects(forecast) <= this.#seconds;
  }

  /** A part took so long in place of its forecast. */
  took(seconds: number, forecast: number): void {
    this.#took += seconds;
    this.#expected += forecast;
  }

  left(elapsed: number): number {
    return Math.max(0, this.#seconds - elapsed);
  }
}

/** What to say of a machine that has other things to do; undefined when it is quiet. @param load processes that want a core, as of the last minute */
export function busyWarning(load: number = loadavg()[0], cores: number = availableParallelism()): string | undefined {
  if (load < cores / 2) return undefined;
  return (
    `warning: this machine is busy: in the last minute ${load.toFixed(1)} processes wanted its ` +
    `${cores} ${cores === 1 ? 'core' : 'cores'}; seconds measured now are too long`
  );
}
