/** A job as a rank computes it that does not lead: `run-job.ts` is what rank 0 does. */
import type { Value } from '../../engine/engine.ts';
import { createSecureEngine, type SecureEngine } from '../../engine/secure.ts';
import { inferAlong } from '../../nn/infer.ts';
import { modelTensors } from '../../nn/modelTensors.ts';
import { trainAlong } from '../../nn/train.ts';
import type { InferJob, RankedJob, ServeJob } from '../job.ts';
import { fewValuesOf, keysAhead } from '../keys-ahead.ts';
import { warm } from '../serve-job.ts';
import { takeInput } from './inputs.ts';
import type { RankInput } from './messages.ts';
import { takeModel } from './model.ts';
import { nothingOf } from './rows.ts';
import { serveAlong } from './serving.ts';
import type { Party } from '../../party/party.ts';
import type { RankTeam } from './team.ts';

/** Until rank 0 says that the work is over. @param party of this rank */
export async function computeAlong(
  party: Party,
  job: RankedJob,
  inputs: readonly RankInput[],
  team: RankTeam,
): Promise<void> {
  const { suite, truncation, fractionBits, compareBits } = job;
  /** Of answers, which rank 0 is to give. */
  const revealed = new Map<string, BigUint64Array>();
  const engine = createSecureEngine(party, {
    ...{ suite, truncation, fractionBits, compareBits },
    few: fewValuesOf(job),
    reveal: (name, share) => {
      if (job.kind !== 'serve') return Promise.reject(new Error('only the first rank of a party reveals'));
      revealed.set(name, share);
      return Promise.resolve();
    },
  });
  team.onAgree = () => engine.agree({ always: true });
  const values = new Map<string, Value>(
    inputs.map((input) => [input.name, engine.dataset(input.name, input.shape, input.fractionBits, takeInput(input))]),
  );
  switch (job.kind) {
    case 'train':
      await trainAlong(engine, job.network, trainingData(values), job, team);
      break;
    case 'infer':
      await alongInference(engine, job, values.get('images')!, team);
      break;
    case 'serve':
      await alongServing(engine, job, team, revealed);
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

async function alongServing(
  engine: SecureEngine,
  job: ServeJob,
  team: RankTeam,
  revealed: Map<string, BigUint64Array>,
): Promise<void> {
  const model = await takeModel(engine, team, modelTensors(job.network, job));
  await warm(job, { engine, model }, `rank/${team.rank}/warm`);
  await engine.keepAhead(await keysAhead(job));
  await team.join(engine, 'warm', nothingOf(team.size), undefined);
  await serveAlong(engine, job, model, team, revealed);
}

async function alongInference(engine: SecureEngine, job: InferJob, images: Value, team: RankTeam): Promise<void> {
  const { network } = job;
  await engine.keepAhead(await keysAhead(job));
  const model = await takeModel(engine, team, modelTensors(network, job));
  await inferAlong(engine, network, model, images, { ...job, team });
}
