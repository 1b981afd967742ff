/** What a figure was measured on, and how results are written. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';

export interface MachineCard {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** The WebGPU adapter in use, if any. */
  readonly adapter: string | null;
}

export function machineCard(adapter: string | null = null): MachineCard {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    adapter,
  };
}

/** Prints the rows as a table. @param out file to which they are written as JSON, machine card beside them */
export async function report(
  bench: string,
  rows: readonly object[],
  out: string | undefined,
  adapter: string | null = null,
): Promise<void> {
  console.table(rows);
  if (out === undefined) return;
  await save(out, bench, { rows }, adapter);
}

/** Writes a result as JSON, machine card beside it. @param found what was measured, under names of its own */
export async function save(out: string, bench: string, found: object, adapter: string | null = null): Promise<void> {
  await mkdir(dirname(out), { recursive: true });
  const result = { bench, date: new Date().toISOString(), machine: machineCard(adapter), ...found };
  await writeFile(out, `${JSON.stringify(result, null, 2)}\n`);
}
