/**
 * A model that is not trained, on its way from rank 0, which opens it once, to the other ranks of its party.
 *
 * Labels, down: `model/NAME/share`, u64 in blocks, a worker's; `model/NAME/opening`, of what is open, E or at P2 both shares of the mask;
 * `model/NAME/operand`, what products take of it (`SecureEngine.heldOperand`).
 */
import type { Value } from '../../engine/engine.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import type { Parameters } from '../../nn/forward.ts';
import type { ModelTensor } from '../../nn/modelTensors.ts';
import { sizeOf } from '../../ring/shape.ts';
import type { Ranks } from './ranks.ts';
import type { RankTeam } from './team.ts';

/** Rank 0. */
export async function giveModel(
  engine: SecureEngine,
  { team, forAll }: Pick<Ranks, 'team' | 'forAll'>,
  tensors: readonly ModelTensor[],
  model: Parameters,
): Promise<void> {
  const give = async ({ name, use }: ModelTensor, x: Value): Promise<void> => {
    if (use === 'operand') {
      const operand = await (await engine.heldOperand(x)).kept;
      return team.hand(`model/${name}/operand`, forAll(operand));
    }
    const { data, opening } = await engine.held(x);
    if (data !== null) await team.hand(`model/${name}/share`, data);
    if (use === 'opened') await team.hand(`model/${name}/opening`, opening!);
  };
  await Promise.all(tensors.map((tensor) => give(tensor, model.get(tensor.name)!)));
}

/** The others. Names have the rank: an address of no other one. */
export async function takeModel(
  engine: SecureEngine,
  team: RankTeam,
  tensors: readonly ModelTensor[],
): Promise<Parameters> {
  const take = async ({ name, shape, fractionBits, use }: ModelTensor): Promise<Value> => {
    const own = `rank/${team.rank}/${name}`;
    const elements = sizeOf(shape);
    const handed = (what: string, count: number): Promise<BigUint64Array> =>
      team.handed(`model/${name}/${what}`, count);
    if (use === 'operand') {
      const kept = await handed('operand', engine.heldElements(elements));
      return engine.operandInput(own, shape, fractionBits, { kept: Promise.resolve(kept) });
    }
    const share = engine.id === 2 ? null : await handed('share', elements);
    if (use === 'added') return engine.input(own, shape, fractionBits, share);
    const opening = await handed('opening', engine.id === 2 ? 2 * elements : elements);
    return engine.input(own, shape, fractionBits, share, opening);
  };
  return new Map(
    await Promise.all(tensors.map(async (tensor) => [tensor.name, await take(tensor)] as [string, Value])),
  );
}
