/** What an owner says of its data beyond the files: how they are to be read, scaled and multiplied. All of it may be left out. */
import * as z from 'zod';
import type { ImageShape } from './elements.ts';

/** Numbers, or measured on the training images: one a channel; of vectors one a feature. */
export type Statistic = readonly number[] | 'auto';

/** More training images, made of those that there are. */
export interface Augmentation {
  /** Mirror left and right, every other copy by chance. */
  readonly flip: boolean;
  /** Move by up to so many pixels; what comes in is black. */
  readonly crop: number;
  /** Of each training image, itself included. */
  readonly copies: number;
  /** The same images again, whenever they are made from the same seed. */
  readonly seed: number;
}

/** What the files of a data set do not say. All of it may be left out. */
export interface Reading {
  /** Of CSV: a name, `first`, `last`, or a number from 1 on. */
  readonly labelColumn?: string | undefined;
  /** Of CIFAR-100. */
  readonly labelKind?: 'fine' | 'coarse' | undefined;
  /** What the first class is called in files: EMNIST's letters begin at 1. */
  readonly firstLabel?: number | undefined;
  /** How many there are, or what they are called, in their order. */
  readonly classes?: number | readonly string[] | undefined;
  /** Of images that come as lists of numbers. */
  readonly shape?: ImageShape | undefined;
  /** Whether channels stand before rows and columns, where that is not seen. */
  readonly channels?: 'first' | 'last' | undefined;
  /** Swap rows and columns, as EMNIST needs. */
  readonly transpose?: true | undefined;
  /** Of a set without test images: how many of it become them. */
  readonly testShare?: number | undefined;
  readonly divideBy?: number | undefined;
  readonly mean?: Statistic | undefined;
  readonly std?: Statistic | undefined;
  readonly augment?: Augmentation | undefined;
}

const statistic = z.union([z.literal('auto'), z.array(z.number()).min(1)]);
const count = z.int().min(0);

/** As a checkpoint of the owner keeps it. */
export const readingSchema: z.ZodType<Reading> = z.strictObject({
  labelColumn: z.string().optional(),
  labelKind: z.enum(['fine', 'coarse']).optional(),
  firstLabel: count.optional(),
  classes: z.union([count, z.array(z.string())]).optional(),
  shape: z.strictObject({ rows: count, columns: count, channels: count }).optional(),
  channels: z.enum(['first', 'last']).optional(),
  transpose: z.literal(true).optional(),
  testShare: z.number().optional(),
  divideBy: z.number().optional(),
  mean: statistic.optional(),
  std: statistic.optional(),
  augment: z.strictObject({ flip: z.boolean(), crop: count, copies: count, seed: count }).optional(),
});
