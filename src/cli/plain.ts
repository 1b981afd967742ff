/**
 * `securenn plain train`: the same training on clear ring values, in this process and without shares: the reference. It also reports
 * the largest values of every layer against what fixed point and comparison window hold.
 */
import { type Taken, trainInTheClear } from '../client/in-the-clear.ts';
import { countsOf, type TrainingObserver } from '../client/training.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { REVEALED, type TrainEvent } from '../nn/train.ts';
import { Ranges } from '../engine/ranges.ts';
import { openCompute, type Computing } from '../server/compute.ts';
import { Interrupted } from './errors.ts';
import { unlessAborted } from './interrupts.ts';
import { readTrainSettings, type TrainSettings } from './options/training.ts';
import { firstBatchWarnings, rangeTable } from './range-check.ts';
import { runTraining } from './training-run.ts';
import type { Argv } from './options/values.ts';

const NONE = { P0: 0, P1: 0, P2: 0 } as const;
/** One process has no parties that compute or wait for each other. */
const NO_PARTIES = { computeSeconds: NONE, waitSeconds: NONE, bytesSent: NONE, onlineRounds: 0 } as const;

export async function plainTrain(argv: Argv, signal: AbortSignal): Promise<void> {
  const settings = readTrainSettings(argv);
  if (settings.profile !== undefined) {
    throw new Problem('--profile: one process without links has no parties to measure', 'profile `local train`');
  }
  if (settings.metrics !== undefined) {
    throw new Problem('--metrics: one process without links has no parties to watch', 'watch `local train`');
  }
  await runTraining('plain train', settings, async (data, observer, { line }, { initial }) => {
    if (settings.truncation === 'local')
      for (const warning of await firstBatchWarnings(data, settings, initial)) line(warning);
    const ranges = new Ranges();
    const training = computeInTheClear(settings, data, observer, ranges, line, initial);
    const trained = await unlessAborted(signal, training).catch((error: unknown) => {
      if (error instanceof Interrupted) line('nothing of this run is kept: checkpoints are for `local train`');
      throw error;
    });
    for (const text of rangeTable(ranges.list(), settings)) line(text);
    return { ...trained, ranges: ranges.list() };
  });
}

async function computeInTheClear(
  settings: TrainSettings,
  data: Dataset,
  observer: TrainingObserver,
  ranges: Ranges,
  line: (text: string) => void,
  initial: Model | undefined,
): Promise<{ readonly model: Model; readonly computing: Computing }> {
  const { fallbackAdapter, workers } = settings;
  // One process that computes nothing else is the reference, not a race: the GPU comes in when asked for.
  const backend = settings.backend === 'auto' ? 'wasm' : settings.backend;
  const { compute, computing } = await openCompute({ backend, fallbackAdapter, workers }, line);
  try {
    const onReady = (): void => observer.onReady();
    const onEvent = tell(settings, observer);
    return { model: await trainInTheClear(settings, data, { compute, ranges, initial, onReady, onEvent }), computing };
  } finally {
    await compute.close();
  }
}

/** What three parties and an owner report, from one process. */
function tell(settings: TrainSettings, observer: TrainingObserver): (event: TrainEvent, take: Taken) => void {
  let last = performance.now();
  return (event, take) => {
    if (event.kind === 'testing') return observer.onTesting(event.images);
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    switch (event.kind) {
      case 'step': {
        const { step, epoch } = event;
        const sum = take(REVEALED.loss(step), settings.fractionBits)?.[0];
        const loss = sum === undefined ? undefined : sum / settings.batch;
        return observer.onStep({ step, epoch, seconds, loss, ...NO_PARTIES });
      }
      case 'evaluated': {
        const { evaluation, images } = event;
        const counts = countsOf(take(REVEALED.correct(evaluation), 0)!, settings);
        return observer.onEvaluation({ evaluation, images, ...counts, seconds });
      }
    }
  };
}
