/**
 * Vitest's global setup: SwiftShader, a Vulkan device on the CPU, for the tests in this folder. Dawn finds it through the environment,
 * which the loader of libraries reads when a process starts: so it is set here, before vitest forks the processes of the tests.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';

const ICD = 'vk_swiftshader_icd.json';
const CACHE = join(import.meta.dirname, '../../node_modules/.cache');
const BLOCK = 512;

export default async function setup(): Promise<void> {
  const folder = await unpacked();
  process.env['VK_ICD_FILENAMES'] = join(folder, ICD);
  process.env['LD_LIBRARY_PATH'] = [folder, process.env['LD_LIBRARY_PATH'] ?? ''].filter(Boolean).join(delimiter);
}

/** The folder with SwiftShader and a Vulkan loader, unpacked at the first call of a version. */
async function unpacked(): Promise<string> {
  const packageRoot = rootOf('@sparticuz/chromium');
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const folder = join(CACHE, `swiftshader-${version}`);
  if (existsSync(join(folder, ICD))) return folder;
  const archive = await promisify(brotliDecompress)(await readFile(join(packageRoot, 'bin/swiftshader.tar.br')));
  // Under another name until it is whole: a run may be stopped, or two may begin at once.
  await mkdir(CACHE, { recursive: true });
  const partial = await mkdtemp(`${folder}-`);
  for (const { name, content } of tarFiles(archive)) {
    await mkdir(dirname(join(partial, name)), { recursive: true });
    await writeFile(join(partial, name), content, { mode: 0o755 });
  }
  await rename(partial, folder).catch(async (error: unknown) => {
    await rm(partial, { recursive: true });
    if (!existsSync(join(folder, ICD))) throw error;
  });
  return folder;
}

/** The folder of an installed package, whatever its exports. */
function rootOf(name: string): string {
  const places = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const root = places.map((place) => join(place, name)).find((place) => existsSync(join(place, 'package.json')));
  if (root === undefined) throw new Error(`${name} is not installed; run "npm ci"`);
  return root;
}

/** The files of a tar archive (ustar): blocks of 512 bytes, a header before each file, its size in octal. */
function* tarFiles(archive: Buffer): Generator<{ name: string; content: Buffer }> {
  const text = (from: number, length: number): string => archive.toString('latin1', from, from + length).split('\0')[0];
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    if (type === '' || type === '0') {
      yield { name: text(at, 100), content: archive.subarray(at + BLOCK, at + BLOCK + size) };
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}
