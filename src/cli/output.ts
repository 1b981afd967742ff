/** Where results go: checked before hours of work, written at their end. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';

/** Refuses a path at which no file can be written, and makes its folder. */
export function checkWritable(option: string, path: string): void {
  const fix = `give another file to --${option}`;
  if (existsSync(path) && statSync(path).isDirectory()) throw new Problem(`--${option}: ${path} is a folder`, fix);
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw new Problem(`--${option}: ${path} cannot be written: ${(error as Error).message}`, fix, { cause: error });
  }
}

/** `models/A-20250131-235959.safetensors`, or with a number more: never a file that exists. */
export function freshModelPath(network: string, now: Date): string {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const stem = `models/${network.replaceAll(/[^\w.-]/g, '_')}-${stamp}`;
  for (let i = 1; ; i++) {
    const path = `${stem}${i === 1 ? '' : `-${i}`}.safetensors`;
    if (!existsSync(path)) return path;
  }
}

/** Results for people: on standard output, unless the JSON object has it to itself. */
export function say(json: string | undefined, text: string): void {
  if (json === '-') console.error(text);
  else console.log(text);
}

export async function writeReport(json: string | undefined, report: object): Promise<void> {
  if (json === undefined) return;
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (json === '-') process.stdout.write(text);
  else await writeFileAtomically(json, new TextEncoder().encode(text));
}
