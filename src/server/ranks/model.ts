/** A model that is not trained, on its way from rank 0, which opens it once, to the other ranks of its party: under `model/NAME` (`handed.ts`). */
import type { Value } from '../../engine/engine.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import type { Parameters } from '../../nn/forward.ts';
import type { ModelTensor } from '../../nn/modelTensors.ts';
import { giveValue, takeValue } from './handed.ts';
import type { Ranks } from './ranks.ts';
import type { RankTeam } from './team.ts';

/** Rank 0. */
export async function giveModel(
  engine: SecureEngine,
  { team, forAll }: Pick<Ranks, 'team' | 'forAll'>,
  tensors: readonly ModelTensor[],
  model: Parameters,
): Promise<void> {
  await Promise.all(
    tensors.map(({ name, use }) => giveValue(engine, team, `model/${name}`, use, model.get(name)!, forAll)),
  );
}

/** The others. */
export async function takeModel(
  engine: SecureEngine,
  team: RankTeam,
  tensors: readonly ModelTensor[],
): Promise<Parameters> {
  const take = async (tensor: ModelTensor): Promise<[string, Value]> => [
    tensor.name,
    await takeValue(engine, team, `model/${tensor.name}`, tensor),
  ];
  return new Map(await Promise.all(tensors.map(take)));
}
