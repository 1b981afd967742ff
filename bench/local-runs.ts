/** Runs of `securenn local` in processes of their own, for benchmarks: of this build or of another one. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Images of MNIST that a timed training uses: after its steps it would classify all ten thousand test images. */
const TRAIN_IMAGES = 2560;
const TEST_IMAGES = 500;
/** The root of this build's `dist`. */
const DIST = fileURLToPath(new URL('..', import.meta.url));

/** What a benchmark reads of the report of `--json`. */
export interface LocalReport {
  readonly secondsPerStep?: { readonly median: number; readonly min: number };
  readonly bytesSentPerStep?: { readonly total: number };
  readonly onlineRoundsPerStep?: number;
  readonly secondsPerBatch?: { readonly median: number };
  readonly bytesSentPerBatch?: { readonly total: number };
  readonly onlineRounds?: number;
}

/** Runs a program to its end; rejects with what it printed last. */
function execute(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-2000)));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${args.join(' ')}: exit code ${code}\n${printed}`));
    });
  });
}

/**
 * `securenn local …`; its report.
 * @param folder for the report, which is overwritten
 * @param dist the build that runs: its `dist` folder (default: this one)
 * @param cores the cores that it may use, as `taskset -c` reads them (default: all)
 * @param watch a script that each of its processes loads first, and the file that it writes to (`watch.ts`)
 */
export async function local(
  folder: string,
  args: readonly string[],
  {
    dist = DIST,
    cores,
    watch,
  }: { dist?: string; cores?: string | undefined; watch?: { readonly script: string; readonly file: string } } = {},
): Promise<LocalReport> {
  const json = join(folder, 'report.json');
  const loaded = watch === undefined ? [] : ['--import', watch.script];
  const command = [process.execPath, ...loaded, join(dist, 'src/cli/main.js'), 'local', ...args, '--json', json];
  const [program, ...rest] = cores === undefined ? command : ['taskset', '-c', cores, ...command];
  await execute(program, rest, { ...process.env, ...(watch && { SECURENN_LIMITS_FILE: watch.file }) });
  return JSON.parse(await readFile(json, 'utf8')) as LocalReport;
}

/** Writes the images of MNIST that timed runs use to `folder`. */
export function writeSubset(folder: string): Promise<void> {
  return execute(process.execPath, [join(DIST, 'bench/subset.js'), folder, `${TRAIN_IMAGES}`, `${TEST_IMAGES}`]);
}
