/** The model of a kept checkpoint: what is put together, and what is refused. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelOf } from '../../src/cli/export.ts';
import type { Checkpoint, StoredTensor } from '../../src/data/checkpoint.ts';
import { CheckpointStore } from '../../src/data/checkpoint-store.ts';
import { Problem } from '../../src/data/problem.ts';
import type { Network } from '../../src/nn/network.ts';
import { encode } from '../../src/ring/fixed.ts';
import { storedJob } from '../../src/server/checkpoints.ts';
import { JOB_VERSION, type TrainJob } from '../../src/server/job.ts';
import { shares } from '../reference.ts';
import { temporaryFolder } from '../folder.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';

const network: Network = { name: 'tiny', input: [2], layers: [{ type: 'dense', units: 2 }] };
const job: TrainJob = {
  ...{ kind: 'train', sessionId: 'first', network, ...DIRECT_SUITE, batch: 4, trainImages: 40, testImages: 10 },
  ...{ epochs: 5, ...SOFTMAX_SGD, checkpointEvery: 4 },
};
const WEIGHTS = [0.5, -1.25, 3, -0.0625];
const BIASES = [2, -2];
const weights = shares(encode(WEIGHTS, 16));
const biases = shares(encode(BIASES, 16));

function checkpointOf(worker: 0 | 1, change: Partial<Checkpoint> = {}): Checkpoint {
  const tensor = (shape: number[], data: BigUint64Array): StoredTensor => ({ shape, fractionBits: 16, data });
  return {
    ...{ keeper: (['P0', 'P1'] as const)[worker], run: 'first', step: 8, keys: new Map() },
    job: JSON.parse(JSON.stringify(storedJob(job))) as unknown,
    tensors: new Map([
      ['layers.0.weight', tensor([2, 2], weights[worker])],
      ['layers.0.bias', tensor([1, 2], biases[worker])],
      ['velocity/layers.0.bias', tensor([1, 2], biases[worker])],
    ]),
    ...change,
  };
}

async function kept(...checkpoints: readonly Checkpoint[]): Promise<string> {
  const folder = temporaryFolder('export');
  for (const checkpoint of checkpoints)
    await new CheckpointStore(join(folder, checkpoint.keeper), checkpoint.keeper).write(checkpoint);
  return folder;
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

describe('the model of a checkpoint', () => {
  it('is what the shares add up to, of the newest step or another', async () => {
    const older = { step: 4, tensors: checkpointOf(0).tensors };
    const folder = await kept(
      ...[checkpointOf(0), checkpointOf(1), checkpointOf(0, older)],
      ...[checkpointOf(1, { step: 4 }), checkpointOf(1, { step: 12 })],
    );
    const { model, step } = await modelOf(folder, undefined);
    expect(step).toBe(8);
    expect(model.network).toEqual(network);
    expect(model.fractionBits).toBe(16);
    expect([...model.tensors.keys()]).toEqual(['layers.0.weight', 'layers.0.bias']);
    expect([...model.tensors.get('layers.0.weight')!.data]).toEqual(WEIGHTS);
    expect([...model.tensors.get('layers.0.bias')!.data]).toEqual(BIASES);
    expect((await modelOf(folder, 4)).step).toBe(4);
    const problem = await problemOf(modelOf(folder, 12));
    expect(problem.message).toMatch(/: no step 12 of which P0 and P1 both hold a checkpoint: P0 4, 8; P1 4, 8, 12$/);
    expect(problem.fix).toBe('give --step 4 or 8');
  });

  it.each<[string, Partial<Checkpoint>, RegExp]>([
    ['another run', { run: 'second' }, /^checkpoint of P1 at step 8: is of run second, that of P0 of run first$/],
    ['a missing tensor', { tensors: new Map() }, /^checkpoint of P1 at step 8: tensor layers\.0\.weight is missing$/],
  ])('is refused of %s', async (_, change, message) => {
    const problem = await problemOf(modelOf(await kept(checkpointOf(0), checkpointOf(1, change)), undefined));
    expect(problem.message).toMatch(message);
  });

  it('is refused of another version, of the beginning, and of one worker alone', async () => {
    const other = { job: { ...storedJob(job), version: JOB_VERSION + 1 } };
    const versions = await problemOf(modelOf(await kept(checkpointOf(0, other), checkpointOf(1, other)), undefined));
    expect(versions.message).toMatch(/^checkpoint of P0 at step 8: was made with job version \d+, this program has/);
    const begun = { step: 0, tensors: new Map() };
    const begins = await problemOf(modelOf(await kept(checkpointOf(0, begun), checkpointOf(1, begun)), undefined));
    expect(begins.message).toMatch(/: step 0 is the beginning of the run: there is no model yet$/);
    const alone = await problemOf(modelOf(await kept(checkpointOf(0)), undefined));
    expect(alone.message).toMatch(/P0 8; P1 none$/);
  });

  it('of a damaged file is not passed over: the older step must be asked for', async () => {
    const older = { step: 4 };
    const all = [checkpointOf(0), checkpointOf(1), checkpointOf(0, older), checkpointOf(1, older)];
    const folder = await kept(...all);
    const path = join(folder, 'P1', 'step-00000008.checkpoint');
    const bytes = readFileSync(path);
    bytes[bytes.length - 40] ^= 1;
    writeFileSync(path, bytes);
    const problem = await problemOf(modelOf(folder, undefined));
    expect(problem.message).toMatch(/P1.step-00000008\.checkpoint: is damaged or cut off/);
    expect(problem.fix).toBe('give --step 4');
    expect((await modelOf(folder, 4)).step).toBe(4);
  });
});
