/** The package as `npm pack` makes it, in a folder of its own, with what it depends on beside it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../folder.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface Packed {
  /** A project in which `securenn` is installed. */
  readonly project: string;
  /** Paths in the package. */
  readonly files: readonly string[];
  /** Of the archive. */
  readonly bytes: number;
}

interface Report {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** Packs and unpacks: what is not in the package is not there. */
export function packAndInstall(): Packed {
  const project = join(temporaryFolder('packed'), 'a project');
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, 'securenn'), { recursive: true });
  const words = ['pack', '--json', '--silent', '--ignore-scripts', '--pack-destination', project, ROOT];
  const [report] = JSON.parse(execFileSync('npm', words, { cwd: project, encoding: 'utf8' })) as readonly Report[];
  execFileSync('tar', ['-xzf', report.filename, '-C', join(modules, 'securenn'), '--strip-components=1'], {
    cwd: project,
  });
  const manifest = JSON.parse(readFileSync(join(modules, 'securenn/package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const scopes = new Set(Object.keys(manifest.dependencies).map((name) => name.split('/')[0]));
  for (const name of [...scopes, '@types']) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'dir');
  return { project, files: report.files.map(({ path }) => path), bytes: report.size };
}

/** Files under a folder, with their paths in it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
