/** The paper's figures, `bench/published/securenn.json`, row by row. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { MicroOperation } from '../../nn/micro.ts';

export type NetworkName = 'A' | 'B' | 'C' | 'D';

export interface TrainingRow {
  readonly network: NetworkName;
  readonly epochs: number;
  readonly accuracyPercent: number;
  readonly lanHours: number;
  readonly wanHours: number;
}

/** Table 6: one image, LAN. */
export interface SystemRow {
  readonly network: NetworkName;
  readonly system: string;
  readonly seconds: number;
  readonly megabytes: number | null;
}

/** Table 7: 1 and 128 images. */
export interface InferenceRow {
  readonly network: NetworkName;
  readonly lanSeconds: readonly [one: number, batch: number];
  readonly wanSeconds: readonly [one: number, batch: number];
  readonly megabytes: readonly [one: number, batch: number];
}

/** Table 8: single protocols. */
export interface MicroRow {
  readonly protocol: string;
  readonly dimension: string;
  readonly operation: MicroOperation;
  readonly lanMs: number;
  readonly wanMs: number;
  readonly megabytes: number;
}

export interface Published {
  readonly source: string;
  readonly hardware: string;
  readonly caveat: string;
  readonly training: readonly TrainingRow[];
  readonly systems: readonly SystemRow[];
  readonly inference: readonly InferenceRow[];
  readonly micro: readonly MicroRow[];
}

const network = z.enum(['A', 'B', 'C', 'D']);
const figure = z.number().positive();

function table<T extends readonly z.ZodType[]>(columns: readonly string[], row: z.ZodTuple<T>) {
  return z.object({
    columns: z.tuple(columns.map((name) => z.literal(name)) as [z.ZodLiteral<string>]),
    rows: z.array(row),
  });
}

const schema = z.object({
  source: z.string(),
  hardware: z.string(),
  caveat: z.string(),
  table3_training: table(
    ['network', 'epochs', 'accuracy_percent', 'lan_hours', 'wan_hours'],
    z.tuple([network, figure, figure, figure, figure]),
  ),
  table6_inference_batch1_lan: table(
    ['network', 'system', 'total_seconds', 'total_mb'],
    z.tuple([network, z.string(), figure, figure.nullable()]),
  ),
  table7_inference: table(
    ['network', 'lan_s_b1', 'lan_s_b128', 'wan_s_b1', 'wan_s_b128', 'mb_b1', 'mb_b128'],
    z.tuple([network, figure, figure, figure, figure, figure, figure]),
  ),
  table8_micro: table(
    ['protocol', 'dimension', 'lan_ms', 'wan_ms', 'mb'],
    z.tuple([z.string(), z.string(), figure, figure, figure]),
  ),
});

/** Reads the file beside the program. Throws when it is not what it should be: it is part of the program. */
export function readPublished(): Published {
  const path = new URL('../../../bench/published/securenn.json', import.meta.url);
  const file = schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  return {
    source: file.source,
    hardware: file.hardware,
    caveat: file.caveat,
    training: file.table3_training.rows.map(([name, epochs, accuracyPercent, lanHours, wanHours]) => ({
      network: name,
      epochs,
      accuracyPercent,
      lanHours,
      wanHours,
    })),
    systems: file.table6_inference_batch1_lan.rows.map(([name, system, seconds, megabytes]) => ({
      network: name,
      system,
      seconds,
      megabytes,
    })),
    inference: file.table7_inference.rows.map(([name, lan1, lan128, wan1, wan128, mb1, mb128]) => ({
      network: name,
      lanSeconds: [lan1, lan128],
      wanSeconds: [wan1, wan128],
      megabytes: [mb1, mb128],
    })),
    micro: file.table8_micro.rows.map(([protocol, dimension, lanMs, wanMs, megabytes]) => ({
      protocol,
      dimension,
      operation: operationOf(protocol, dimension),
      lanMs,
      wanMs,
      megabytes,
    })),
  };
}

/** `8x8x50,4x4` → 8, 8, 50, 4, 4. */
function numbers(dimension: string, count: number): number[] {
  const parts = dimension.split(/[x,]/).map(Number);
  if (parts.length !== count || parts.some((part) => !Number.isInteger(part) || part < 1))
    throw new RangeError(`Table 8: dimension ${dimension}: expected ${count} whole numbers`);
  return parts;
}

/** The operation of a row of Table 8. */
export function operationOf(protocol: string, dimension: string): MicroOperation {
  const [name] = protocol.split(' ');
  switch (name) {
    case 'Conv2d': {
      const [size, kernel, channels, filters] = numbers(dimension, 4);
      return { kind: 'conv2d', size, kernel, channels, filters };
    }
    case 'MatMul': {
      const [m, n, v] = numbers(dimension, 3);
      return { kind: 'matmul', m, n, v };
    }
    case 'Maxpool':
    case 'DMP': {
      const [height, width, channels, window] = numbers(dimension, 5);
      return { kind: 'maxpool', height, width, channels, window, derivative: name === 'DMP' };
    }
    case 'DReLU':
    case 'ReLU': {
      const [rows, columns] = numbers(dimension, 2);
      return { kind: 'relu', count: rows * columns, kept: name === 'ReLU' };
    }
    default:
      throw new RangeError(`Table 8: unknown protocol ${protocol}`);
  }
}
