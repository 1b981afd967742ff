/** A job as a rank computes it that does not lead: `run-job.ts` is what rank 0 does. */
import type { Value } from '../../engine/engine.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import { inferAlong } from '../../nn/infer.ts';
import { modelTensors } from '../../nn/modelTensors.ts';
import { trainAlong } from '../../nn/train.ts';
import type { InferJob, RankedJob } from '../job.ts';
import { keysAhead } from '../keys-ahead.ts';
import { takeInput } from './inputs.ts';
import type { RankInput } from './messages.ts';
import { takeModel } from './model.ts';
import type { RankTeam } from './team.ts';

/** Until rank 0 says that the work is over. */
export async function computeAlong(
  engine: SecureEngine,
  job: RankedJob,
  inputs: readonly RankInput[],
  team: RankTeam,
): Promise<void> {
  const values = new Map<string, Value>(
    inputs.map((input) => [input.name, engine.dataset(input.name, input.shape, input.fractionBits, takeInput(input))]),
  );
  switch (job.kind) {
    case 'train':
      await trainAlong(engine, job.network, trainingData(values), job, team);
      break;
    case 'infer':
      await alongInference(engine, job, values.get('images')!, team);
  }
  await engine.end();
}

function trainingData(values: ReadonlyMap<string, Value>): Parameters<typeof trainAlong>[2] {
  return {
    images: values.get('train/images')!,
    labels: values.get('train/labels')!,
    testImages: values.get('test/images'),
    testLabels: values.get('test/labels'),
  };
}

async function alongInference(engine: SecureEngine, job: InferJob, images: Value, team: RankTeam): Promise<void> {
  const { network } = job;
  await engine.keepAhead(await keysAhead(job));
  const model = await takeModel(engine, team, await modelTensors(network, job));
  await inferAlong(engine, network, model, images, { ...job, team });
}
