/** `securenn local train`: the owner shares the data set, the parties train, the owner saves the model. */
import { ownTraining } from '../client/training.ts';
import type { TrainJob } from '../server/job.ts';
import { readTrainSettings } from './options.ts';
import { commonJob, runLocally } from './session.ts';
import { runTraining } from './training-run.ts';
import type { Argv } from './values.ts';

export async function localTrain(argv: Argv, signal: AbortSignal): Promise<void> {
  const settings = readTrainSettings(argv);
  await runTraining('local train', settings, (data, observer, line) => {
    if (settings.showLoss)
      line("every tenth step's loss is revealed to the owner: it is an output (--no-show-loss keeps it shared)");
    const { epochs, steps, seed, showLoss } = settings;
    const { loss, optimizer, learningRate, lrDecay, lrDecayEpochs, momentum } = settings;
    const job: TrainJob = {
      kind: 'train',
      ...commonJob(settings),
      trainImages: data.trainLabels.length,
      testImages: data.testLabels.length,
      epochs,
      steps,
      loss,
      optimizer,
      learningRate,
      lrDecay,
      lrDecayEpochs,
      momentum,
      seed,
      showLoss,
    };
    return runLocally(job, settings, signal, line, (owner) => ownTraining(owner, job, data, observer));
  });
}
