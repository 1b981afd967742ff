/** Every operator that is known, and what becomes of it: the registry by which files are read, and the table of docs/onnx.md. */
import type { Operator } from '../operator.ts';
import { CONSTANTS } from './constants.ts';
import { ACTIVATIONS } from './activations.ts';
import { AFFINE_MAPS } from './affine.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { JOINS } from './joins.ts';
import { LINEAR } from './linear.ts';
import { OTHERS } from './others.ts';
import { POOLING } from './pooling.ts';
import { VIEWS } from './views.ts';

export const OPERATORS: readonly Operator[] = [
  ...LINEAR,
  ...POOLING,
  ...ACTIVATIONS,
  ...AFFINE_MAPS,
  ...JOINS,
  ...VIEWS,
  ...CONSTANTS,
  ...ARITHMETIC,
  ...OTHERS,
];

const byName = new Map(OPERATORS.map((operator) => [`${operator.domain ?? ''}:${operator.name}`, operator]));

export function operatorOf(domain: string, name: string): Operator | undefined {
  return byName.get(`${domain}:${name}`);
}
