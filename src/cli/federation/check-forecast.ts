/** What `estimate` makes of links as they were measured, for the networks of which figures are published. */
import { availableParallelism } from 'node:os';
import type { LinkModel } from '../../channel/linkModel.ts';
import { countInference, countTraining } from '../../nn/count.ts';
import { calibrate } from '../estimate/calibrate.ts';
import { secondsOf, type Seconds } from '../estimate/model.ts';
import { readTrainSettings, trainOptions } from '../options/training.ts';
import type { Argv } from '../options/values.ts';

export interface Forecast {
  readonly network: string;
  readonly batch: number;
  readonly step: Seconds;
  /** Of MNIST's 60,000 images. */
  readonly epoch: number;
  /** One image. */
  readonly prediction: Seconds;
}

const NETWORKS = ['A', 'C'] as const;
const IMAGES = 60_000;
/** Each party has a machine like this one. P0 and P1 do most of the work; as if they did all of it, two machines share it. */
const MACHINES = 2;

export async function forecastLinks(link: LinkModel): Promise<Forecast[]> {
  const defaults: Argv = Object.fromEntries(
    Object.entries(trainOptions).map(([name, option]) => [name, option.default]),
  );
  const forecasts: Forecast[] = [];
  const cores = MACHINES * availableParallelism();
  let rates: Awaited<ReturnType<typeof calibrate>> | undefined;
  for (const network of NETWORKS) {
    const settings = readTrainSettings({ ...defaults, network, steps: 1, 'show-loss': false });
    rates ??= await calibrate(settings);
    const { batch } = settings;
    const { steps } = await countTraining(settings.network, settings, { trainImages: batch, testImages: 0 });
    const [one] = await countInference(settings.network, settings, 1, 1);
    const machine = { cores, workers: availableParallelism() };
    const step = secondsOf(steps[0], rates, link, machine);
    forecasts.push({
      network,
      batch,
      step,
      epoch: Math.floor(IMAGES / batch) * step.total,
      prediction: secondsOf(one, rates, link, machine),
    });
  }
  return forecasts;
}
