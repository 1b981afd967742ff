/**
 * A trained model that stays shared: each party keeps what it holds of the weights, a worker its share, P2 their shapes. Such a file is a
 * checkpoint without keys and openings, encrypted under the party's storage key: every session that uses the model masks it anew.
 */
import * as z from 'zod';
import { draftFile, faultOf } from '../data/atomic-write.ts';
import {
  checkpointBytes,
  openCheckpoint,
  readCheckpoint,
  type StoredTensor,
  type TensorSource,
} from '../data/checkpoint.ts';
import { partsOfFile } from '../data/file-parts.ts';
import { Problem } from '../data/problem.ts';
import type { Vault } from '../data/vault.ts';
import { digestOf, type Digest } from '../federation/canonical.ts';
import { parameters, type Network } from '../nn/network.ts';
import { sameShape } from '../ring/shape.ts';
import type { PartyName } from './ipc.ts';

/** In the vault. */
export const MODEL_PURPOSE = 'model';
const FIX = 'restore the file from a copy, or train the model anew';

/** Which model it is, and whose part of it. */
export interface ModelName {
  readonly party: PartyName;
  /** Digest of the job that trained it. */
  readonly job: Digest;
  readonly network: Network;
  readonly fractionBits: number;
}

const about = z.strictObject({ network: z.string(), fractionBits: z.int() });

/** Resolves when it is on the disk. The same model again is the same file again. */
export async function keepSharedModel(
  path: string,
  vault: Vault,
  { party, job, network, fractionBits }: ModelName,
  weights: TensorSource,
): Promise<void> {
  const tensors: TensorSource = {
    facts: weights.facts.map((tensor) => ({ ...tensor, opened: false })),
    async *held() {
      for await (const { data } of weights.held()) yield { data };
    },
  };
  const described: z.infer<typeof about> = { network: digestOf(network), fractionBits };
  const bytes = checkpointBytes({ keeper: party, run: job, step: 0, job: described, keys: new Map(), tensors });
  const faultyOf = (error: unknown): Problem =>
    new Problem(
      `shared model ${path}: cannot be written: ${faultOf(error)}`,
      'see that the disk has room and the folder can be written',
      { told: 'its part of the trained model cannot be written' },
    );
  const commit = await draftFile(path, vault.sealParts(MODEL_PURPOSE, bytes), 'private', faultyOf);
  await commit();
}

/** By the parameters' names. Rejects when it is not this party's part of this model. */
export async function loadSharedModel(
  path: string,
  vault: Vault,
  { party, job, network, fractionBits }: ModelName,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const wrong = (what: string): Problem =>
    new Problem(`${path}: ${what}`, FIX, { told: `its part of model ${job.slice(0, 8)} cannot be used` });
  const sealed = (): AsyncIterable<Uint8Array> =>
    partsOfFile(path, (error) => wrong(`cannot be read: ${faultOf(error)}`));
  const model = await readCheckpoint(await openCheckpoint(() => vault.openParts(MODEL_PURPOSE, sealed(), path), path));
  const described = about.safeParse(model.job);
  if (model.keeper !== party) throw wrong(`is ${model.keeper}'s part of a model, expected ${party}'s`);
  if (model.run !== job) throw wrong(`is of the model that job ${model.run} trained, expected job ${job}`);
  if (described.data?.network !== digestOf(network)) throw wrong(`is no model of this network ${network.name}`);
  if (described.data.fractionBits !== fractionBits)
    throw wrong(`has ${described.data.fractionBits} fractional bits, the job has ${fractionBits}`);
  for (const { name, shape } of parameters(network)) {
    const found = model.tensors.get(name);
    if (found === undefined) throw wrong(`tensor ${name} is missing`);
    if (!sameShape(found.shape, shape) || found.fractionBits !== fractionBits || found.opening !== undefined)
      throw wrong(`tensor ${name} is not as the network has it`);
  }
  return model.tensors;
}
