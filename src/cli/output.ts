/** Where results go: tried before hours of work, written at their end, elsewhere if need be. */
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { faultOf, saveSomewhere, tryToWrite, type Files } from '../data/atomic-write.ts';
import { makeFolderSync } from '../data/folders.ts';
import { Problem } from '../data/problem.ts';
import { widthOf, wrapText } from './layout.ts';

/** Room that a file is sure to need, if nothing more is known. */
const SOME_BYTES = 4096;

/** Refuses a path at which no line can be appended. A device or a pipe will do. */
export function checkAppendable(option: string, path: string): void {
  try {
    makeFolderSync(dirname(path));
    closeSync(openSync(path, 'a'));
  } catch (error) {
    const what = `--${option}: ${path} cannot be written: ${faultOf(error)}`;
    throw new Problem(what, `give another file to --${option}`, { cause: error });
  }
}

/** Refuses a path at which no file of so many bytes can be written. */
export async function checkWritable(
  option: string,
  path: string,
  bytes: number = SOME_BYTES,
  files?: Files,
): Promise<void> {
  const fix = `give another file to --${option}`;
  if (existsSync(path)) {
    const found = statSync(path);
    if (found.isDirectory()) throw new Problem(`--${option}: ${path} is a folder`, fix);
    // It would be replaced by a file.
    if (!found.isFile()) throw new Problem(`--${option}: ${path} is a device or a pipe, not a file`, fix);
  }
  try {
    await tryToWrite(resolve(path), bytes, files);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const room = code === 'ENOSPC' || code === 'EDQUOT' ? `make room for ${megabytes(bytes)}, or ` : '';
    throw new Problem(`--${option}: ${path} cannot be written: ${faultOf(error)}`, `${room}${fix}`, { cause: error });
  }
}

function megabytes(bytes: number): string {
  return `${Math.max(0.1, bytes / 1e6).toFixed(1)} MB`;
}

/** `models/A-20250131-235959.safetensors`, or with a number more: never a file that exists. */
export function freshModelPath(network: string, now: Date, folder = 'models'): string {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const stem = join(folder, `${network.replaceAll(/[^\w.-]/g, '_')}-${stamp}`);
  for (let i = 1; ; i++) {
    const path = `${stem}${i === 1 ? '' : `-${i}`}.safetensors`;
    if (!existsSync(path)) return path;
  }
}

/** Where a result is saved that cannot be saved where it should. */
function otherPlaces(): string[] {
  try {
    return [homedir(), tmpdir()];
  } catch {
    return [tmpdir()]; // A user without a home.
  }
}

export interface SavedResult {
  /** Where it is; undefined: nowhere. */
  readonly path: string | undefined;
  /** What to tell the user, unless it is where it should be. */
  readonly problem: Problem | undefined;
}

/**
 * Saves the result of long work, in the home folder or that for temporary files if it must be. Never rejects.
 * @param lost what helps when it could be saved nowhere
 */
export async function saveResult(
  what: string,
  path: string,
  bytes: Uint8Array,
  lost: string,
  places: readonly string[] = otherPlaces(),
  files?: Files,
): Promise<SavedResult> {
  const saved = await saveSomewhere(path, bytes, places, files);
  if (saved.faults.length === 0) return { path, problem: undefined };
  if (saved.path === undefined) {
    return { path: undefined, problem: new Problem(`${what} cannot be saved: ${saved.faults.join('; ')}`, lost) };
  }
  const where = `${what} cannot be saved at ${saved.faults[0]}; it is saved as ${saved.path}`;
  return { path: saved.path, problem: new Problem(where, 'move it from there') };
}

/** Results for people: on standard output, unless the JSON object has it to itself. */
export function say(json: string | undefined, text: string): void {
  const stream = json === '-' ? process.stderr : process.stdout;
  (json === '-' ? console.error : console.log)(wrapText(text, widthOf(stream)));
}

export async function writeReport(json: string | undefined, report: object): Promise<void> {
  if (json === undefined) return;
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (json === '-') {
    process.stdout.write(text);
    return;
  }
  const bytes = new TextEncoder().encode(text);
  const { problem } = await saveResult('the report', json, bytes, 'make room, then run it again');
  if (problem) throw problem;
}
