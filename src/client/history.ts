/** What the owner of a training is told, step by step, and how its checkpoint keeps it. */
import * as z from 'zod';
import { CHECKPOINT_FIX, type Checkpoint } from '../data/checkpoint.ts';
import { Problem } from '../data/problem.ts';
import { type Reading, readingSchema } from '../data/reading.ts';
import { type Scaling, scalingSchema } from '../data/scaling.ts';
import type { Spent } from './spent.ts';

export interface StepReport extends Spent {
  readonly step: number;
  readonly epoch: number;
  /** Mean loss of the batch; absent when it is not revealed. */
  readonly loss: number | undefined;
}

export interface EvaluationReport {
  readonly evaluation: number;
  readonly correct: number;
  /** Of each class, where that is revealed. */
  readonly perClass?: readonly number[] | undefined;
  readonly images: number;
  readonly seconds: number;
}

/** What the owner was told from a run's first step on. */
export interface History {
  readonly steps: readonly StepReport[];
  readonly evaluations: readonly EvaluationReport[];
  /** How long it took, in all sessions together. */
  readonly seconds: number;
}

/** What the owner's checkpoint holds besides keys. */
export interface OwnerNotes {
  /** Where the data set was read: `mnist` or a folder. */
  readonly data: string;
  readonly digest: string;
  /** How it was read; undefined: without any option. */
  readonly reading?: Reading | undefined;
  /** How its values were scaled, and what its classes are called: for the model. */
  readonly scaling?: Scaling | undefined;
  readonly classNames?: readonly string[] | undefined;
  /** Where the model goes; `fresh`: nobody asked for that file, so it is not written over. */
  readonly out?: { readonly path: string; readonly fresh: boolean } | undefined;
  /** The model whose weights the run began with, if it did. */
  readonly from?: { readonly path: string; readonly digest: string } | undefined;
  readonly history: History;
}

const seconds = z.number().min(0);
const count = z.int().min(0);
const ofEach = <T extends z.ZodType>(each: T): z.ZodType => z.strictObject({ P0: each, P1: each, P2: each });
const notes: z.ZodType<OwnerNotes> = z.strictObject({
  data: z.string(),
  digest: z.string(),
  reading: readingSchema.optional(),
  scaling: scalingSchema.optional(),
  classNames: z.array(z.string()).optional(),
  out: z.strictObject({ path: z.string(), fresh: z.boolean() }).optional(),
  from: z.strictObject({ path: z.string(), digest: z.string() }).optional(),
  history: z.strictObject({
    steps: z.array(
      z.strictObject({
        step: count,
        epoch: count,
        seconds,
        loss: z.number().optional(),
        computeSeconds: ofEach(seconds),
        waitSeconds: ofEach(seconds),
        bytesSent: ofEach(count),
        onlineRounds: count,
      }),
    ),
    evaluations: z.array(
      z.strictObject({
        evaluation: count,
        correct: z.number(),
        perClass: z.array(z.number()).optional(),
        images: count,
        seconds,
      }),
    ),
    seconds,
  }),
}) as z.ZodType<OwnerNotes>;

/** The notes of an owner's checkpoint; they cover every step up to it. */
export function readNotes(checkpoint: Checkpoint): OwnerNotes {
  const parsed = notes.safeParse(checkpoint.notes);
  if (!parsed.success || parsed.data.history.steps.length !== checkpoint.step)
    throw new Problem(`checkpoint of the owner at step ${checkpoint.step}: its history is not whole`, CHECKPOINT_FIX);
  return parsed.data;
}
