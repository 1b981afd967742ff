/**
 * Values that rank 0 of a party has, on their way to its other ranks.
 *
 * Labels, down, under that of the value: `share`, u64 in blocks, a worker's; `opening`, of what is open, E or at P2 both shares of the mask; `operand`,
 * what products take of it (`SecureEngine.heldOperand`). The helper waits for none of it.
 */
import type { Value } from '../../engine/engine.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import type { Handed } from '../../functions/wholeBatch.ts';
import { later } from '../../party/later.ts';
import { sizeOf } from '../../ring/shape.ts';
import { follows } from './rows.ts';
import type { Received } from './tensors.ts';

/** The tree below this rank. */
export interface HandsDown {
  readonly rank: number;
  hand(label: string, data: BigUint64Array, depth: number): Promise<void>;
  handed(label: string, elements: number): Promise<Received>;
}

/** Rank 0. @param forAll where an operand is to lie */
export async function giveValue(
  engine: SecureEngine,
  team: HandsDown,
  label: string,
  use: Handed['use'],
  x: Value,
  forAll: (data: BigUint64Array) => BigUint64Array = (data) => data,
): Promise<void> {
  const hand = (what: string, data: BigUint64Array): Promise<void> =>
    team.hand(`${label}/${what}`, data, engine.rounds);
  const give = async (): Promise<void> => {
    if (use === 'operand') return hand('operand', forAll(await (await engine.heldOperand(x)).kept));
    const { data, opening } = await engine.held(x);
    if (data !== null) await hand('share', data);
    if (use === 'opened') await hand('opening', opening!);
  };
  // If it cannot be handed on, the link has failed, and with it the session.
  if (engine.id === 2) void later(give());
  else await give();
}

/** The others. The name of the value has the rank: an address of no other one. */
export async function takeValue(
  engine: SecureEngine,
  team: HandsDown,
  label: string,
  { shape, fractionBits, use }: Handed,
): Promise<Value> {
  const own = `rank/${team.rank}/${label}`;
  const elements = sizeOf(shape);
  const handed = async (what: string, count: number): Promise<BigUint64Array> => {
    const { data, depth } = await team.handed(`${label}/${what}`, count);
    follows(engine, depth);
    return data;
  };
  if (use === 'operand') {
    const kept = later(handed('operand', engine.heldElements(elements)));
    return engine.operandInput(own, shape, fractionBits, { kept });
  }
  const share = engine.id === 2 ? Promise.resolve(null) : handed('share', elements);
  if (use === 'added') return engine.input(own, shape, fractionBits, await share);
  const opening = handed('opening', engine.id === 2 ? 2 * elements : elements);
  const held = Promise.all([share, opening]).then(([data, opened]) => ({ data, opening: opened }));
  return engine.openedInput(own, shape, fractionBits, later(held));
}
