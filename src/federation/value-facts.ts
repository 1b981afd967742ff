/**
 * What documents say of the values of data sets: how they were scaled before they were shared, and what classes are called. Public facts, alike in all sets
 * of a job; the job and its model keep them, so that images to classify are scaled the same. Pure.
 */
import * as z from 'zod';
import { OF_BYTES, sameScaling, type Scaling, scalingInWords, scalingSchema } from '../data/scaling.ts';

export interface ValueFacts {
  /** Absent: bytes over 255. */
  readonly scaling?: Scaling | undefined;
  /** Of class 0, 1, …; absent: they have no names. */
  readonly classNames?: readonly string[] | undefined;
}

const LONGEST_NAME = 256;
/** People read it on their terminals. */
const NAME = /^[^\p{C}]+$/u;

/** Fields of a document. */
export const valueFacts: {
  readonly scaling: z.ZodOptional<z.ZodType<Scaling>>;
  readonly classNames: z.ZodOptional<z.ZodType<readonly string[]>>;
} = {
  scaling: scalingSchema.optional(),
  classNames: z
    .array(z.string().max(LONGEST_NAME).regex(NAME, 'a text without control characters'))
    .min(2)
    .max(65_536)
    .optional(),
};

/** As a document says them: what is absent says the usual. */
export function factsOf({ scaling, classNames }: ValueFacts): ValueFacts {
  return {
    ...(scaling !== undefined && !sameScaling(scaling, OF_BYTES) && { scaling }),
    ...(classNames !== undefined && { classNames }),
  };
}

/** In which fact two documents differ, as each says it; undefined: in none. */
export function differenceOfFacts(a: ValueFacts, b: ValueFacts): readonly [mine: string, other: string] | undefined {
  if (!sameScaling(a.scaling, b.scaling))
    return [`values ${scalingInWords(a.scaling)}`, `values ${scalingInWords(b.scaling)}`];
  if (sameNames(a.classNames, b.classNames)) return undefined;
  return [namesInWords(a), namesInWords(b)];
}

const SHOWN = 10;

export function namesInWords({ classNames }: ValueFacts): string {
  if (classNames === undefined) return 'classes without names';
  const more = classNames.length - SHOWN;
  return `classes ${classNames.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function sameNames(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a?.length === b?.length && (a === undefined || a.every((name, i) => name === b?.[i]));
}
