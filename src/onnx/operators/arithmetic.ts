/** Arithmetic of each element by itself with constants alone; its forms with values of the network are in `affine.ts` and `joins.ts`. */
import type { Constant } from '../constant.ts';
import { binary, unary } from '../fold.ts';
import type { Operator } from '../operator.ts';

type Arithmetic = (x: number, y: number) => number;

export function pairwise(of: Arithmetic, type?: Constant['type']): NonNullable<Operator['constants']> {
  return (inputs, node) => {
    const known = inputs.filter((value) => value !== undefined);
    if (known.length === 0) throw node.problem('its inputs are missing');
    return [known.reduce((a, b) => binary(a, b, of, node.where, type))];
  };
}

export function single(of: (value: number) => number): NonNullable<Operator['constants']> {
  return ([x], node) => {
    if (x === undefined) throw node.problem('its input is missing');
    return [unary(x, of)];
  };
}

/** Of whole numbers: towards zero. */
export const quotient: NonNullable<Operator['constants']> = ([a, b], node) => {
  if (a === undefined || b === undefined) throw node.problem('an input is missing');
  return [binary(a, b, a.type === 'integer' ? (x, y) => Math.trunc(x / y) : (x, y) => x / y, node.where)];
};

const COMPUTED = 'computed, on constants alone';

export const ARITHMETIC: readonly Operator[] = [
  { name: 'Min', versions: [8, 12, 13], becomes: COMPUTED, constants: pairwise(Math.min) },
  { name: 'Sqrt', versions: [6, 13], becomes: COMPUTED, constants: single(Math.sqrt) },
  { name: 'Reciprocal', versions: [6, 13], becomes: COMPUTED, constants: single((x) => 1 / x) },
  { name: 'Exp', versions: [6, 13], becomes: COMPUTED, constants: single(Math.exp) },
  { name: 'Pow', versions: [7, 12, 13, 15], becomes: COMPUTED, constants: pairwise((x, y) => x ** y) },
  { name: 'Abs', versions: [6, 13], becomes: COMPUTED, constants: single(Math.abs) },
  { name: 'Floor', versions: [6, 13], becomes: COMPUTED, constants: single(Math.floor) },
  { name: 'Ceil', versions: [6, 13], becomes: COMPUTED, constants: single(Math.ceil) },
  { name: 'Mod', versions: [10, 13, 28], becomes: COMPUTED, constants: pairwise((x, y) => x - y * Math.floor(x / y)) },
  {
    name: 'Equal',
    versions: [7, 11, 13, 19],
    becomes: COMPUTED,
    constants: pairwise((x, y) => (Number.isNaN(x + y) ? NaN : Number(x === y)), 'boolean'),
  },
];
