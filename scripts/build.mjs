/**
 * Builds dist/: the CPU kernels (AssemblyScript to WebAssembly), the program (TypeScript to JavaScript) and the files it reads.
 * `--if-needed`, which npm runs at each installation: nothing when dist/ was built from these very sources, and no failure where the
 * compilers are not installed. By content, not by dates: a clone's and a copy's dates say nothing.
 *
 * Plain JavaScript, because it must run before anything is compiled and without development packages.
 */
import { spawn } from 'node:child_process';
import console from 'node:console';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const dist = join(root, 'dist');
/** Written when a build is complete, with what it was built from; bin/securenn.js looks for it. */
const stamp = join(dist, 'build.json');
const kernels = join('runtime', 'wasm');
const page = join('src', 'page');
/** Written by a build from runtime/wasm/assembly/vector.ts, so no source of it. */
const embedded = join('src', 'ring', 'vectorWasm.ts');
const sourceFolders = ['src', 'runtime', 'bench', 'shaders', 'scripts'];
const sourceFiles = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const assets = [
  'runtime/wasm/kernels.wasm',
  'runtime/wasm/inline.wasm',
  'runtime/wasm/worker.mjs',
  'bench/published/securenn.json',
  ...['Words', 'Bytes', 'Matrix'].map((name) => `bench/kernels/ceiling${name}.wgsl`),
];

/** What is started as a process or a thread of its own. */
const programs = [
  'cli/main.js',
  'cli/estimate/echo.js',
  'server/party-process.js',
  'server/ranks/process.js',
  'server/ranks/thread.js',
];

/** Packages that few of them need, and so load themselves; so are all that are optional. */
const seldom = ['@peculiar/x509', 'fast-png', 'jpeg-js', 'papaparse', 'prom-client', 'reflect-metadata', 'yauzl'];

/** Paths from the root of all files under a folder. */
async function filesUnder(folder) {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function isSource(path) {
  return path !== embedded && !path.endsWith('.wasm') && !path.startsWith(join('bench', 'results'));
}

/** SHA-256 of the names and contents of all that a build reads, and of what the kernels are compiled from. */
async function hashSources() {
  const all = [...sourceFiles, ...(await Promise.all(sourceFolders.map(filesUnder))).flat().filter(isSource)];
  const ofKernels = [join(kernels, 'assembly'), join(kernels, 'asconfig.json'), 'package-lock.json'];
  const some = all.filter((path) => ofKernels.some((one) => path.startsWith(one)));
  return { sources: await hashOf(all), kernels: await hashOf(some) };
}

async function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.sort()) {
    const content = await readFile(join(root, path));
    hash.update(`${path.replaceAll(sep, '/')}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** The hashes of what dist/ was built from; none where it is not complete. */
async function readStamp() {
  return JSON.parse(await readFile(stamp, 'utf8').catch(() => '{}'));
}

function isInstalled(name) {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

async function compileKernels(asc, name, target) {
  const source = join(kernels, 'assembly', `${name}.ts`);
  const config = join(kernels, 'asconfig.json');
  const { error, stderr } = await asc.main([source, '--config', config, '--target', target, '--baseDir', root]);
  if (error) throw new Error(`${source}: ${error.message}\n${stderr.toString()}`);
}

/** Puts the compiled runtime/wasm/assembly/vector.ts into the source: src/ring reads no file. */
async function embedVector() {
  const wasm = await readFile(join(root, kernels, 'vector.wasm'));
  const text = `/** runtime/wasm/assembly/vector.ts, compiled: written by \`npm run build\` (scripts/build.mjs), not by hand. */
export const VECTOR_WASM =
  '${wasm.toString('base64')}';
`;
  const target = join(root, embedded);
  // Not over the same text: what watches the sources would start again.
  if ((await readFile(target, 'utf8').catch(() => '')) !== text) await writeFile(target, text);
}

/** What a page has in its code, for it reads no files: the kernels of the calling thread, and the shaders. Returns the files written. */
async function embedForPages() {
  const wasm = await readFile(join(root, kernels, 'inline.wasm'));
  const names = (await filesUnder('shaders')).sort();
  const shaders = Object.fromEntries(
    await Promise.all(
      names.map(async (path) => [
        relative('shaders', path).replaceAll(sep, '/'),
        await readFile(join(root, path), 'utf8'),
      ]),
    ),
  );
  const modules = [
    ['runtime/wasm/inlineWasm.js', 'INLINE_WASM', wasm.toString('base64')],
    ['runtime/webgpu/shaderTexts.js', 'SHADER_TEXTS', shaders],
  ];
  for (const [path, name, value] of modules) {
    await mkdir(dirname(join(dist, path)), { recursive: true });
    await writeFile(
      join(dist, path),
      `/** Written by the build. */\nexport const ${name} = ${JSON.stringify(value)};\n`,
    );
  }
  return modules.map(([path]) => join('dist', path));
}

/** Compiles the program; returns the files written. */
async function compileProgram() {
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
  const words = [tsc, '-p', 'tsconfig.build.json', '--listEmittedFiles'];
  const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  const lines = output.split('\n').filter((line) => line !== '');
  const written = lines.filter((line) => line.startsWith('TSFILE: '));
  if (code !== 0) throw new Error(lines.filter((line) => !written.includes(line)).join('\n'));
  return written.map((line) => relative(root, line.slice('TSFILE: '.length).trim()));
}

/** Copies what tsc leaves behind; returns the files written. */
async function copyAssets() {
  for (const asset of assets) {
    await mkdir(dirname(join(dist, asset)), { recursive: true });
    await copyFile(join(root, asset), join(dist, asset));
  }
  await cp(join(root, 'shaders'), join(dist, 'shaders'), { recursive: true });
  return [...assets, ...(await filesUnder('shaders'))].map((path) => join('dist', path));
}

/**
 * The page of `securenn demo --web`: what it needs of the package in one module, and in a second the plain engine, which it loads later. Bundled
 * as a page's own bundler would do it, from the compiled package by its exports. Readable, for whoever looks what it sends. Returns the files written.
 */
async function bundlePage() {
  if (!existsSync(join(root, page))) return [];
  const { build: bundle } = await import('esbuild');
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: [join(page, 'first.ts'), join(page, 'main.ts')],
    outdir: join('dist', 'page'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
  });
  const others = ['index.html', 'style.css', 'icon.svg'];
  for (const name of others) await copyFile(join(root, page, name), join(dist, 'page', name));
  const bundled = Object.keys(metafile.outputs).map((path) => path.replaceAll('/', sep));
  return [...bundled, ...others.map((name) => join('dist', 'page', name))];
}

/** Whether a module is one of ours that asks where it lies. */
const OURS = /[\\/]dist[\\/](src|runtime)[\\/].*\.js$/;
/** Of a bundle: what modules in it stand in the place of `require` and of where they lie, wherever in the bundle they come to stand. */
const BANNER = `import { createRequire as requireOf__ } from 'node:module';
const require = requireOf__(import.meta.url);
const OWN__ = import.meta.url.slice(0, import.meta.url.lastIndexOf('/src/') + 1);`;

/** A module in a bundle asks for what lies beside its source: files where they are, and programs that are bundles like its own. */
const ownPlaces = {
  name: 'own-places',
  setup(bundling) {
    bundling.onLoad({ filter: OURS }, async ({ path }) => {
      const place = relative(dist, path).replaceAll(sep, '/').replace(/js$/, 'bundle.js');
      const text = await readFile(path, 'utf8');
      return { contents: text.replaceAll('import.meta.url', `new URL('${place}', OWN__).href`) };
    });
  },
};

/**
 * What is started as a process or a thread again, as `NAME.bundle.js` beside `NAME.js`: with all that it needs in few files, for Node takes several
 * times as long to load hundreds. Packages are in them with their licences, but for those that few need. Returns the files written.
 */
async function bundlePrograms() {
  const { build: bundle } = await import('esbuild');
  const { optionalDependencies = {} } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { metafile } = await bundle({
    absWorkingDir: root,
    entryPoints: programs.map((name) => join('dist', 'src', name)).filter((path) => existsSync(join(root, path))),
    outdir: 'dist',
    outbase: 'dist',
    entryNames: '[dir]/[name].bundle',
    chunkNames: 'src/bundled/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // What asks for its own files in a way that only Node understands has another form for bundlers.
    mainFields: ['module', 'main'],
    external: [...seldom, ...Object.keys(optionalDependencies)],
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'error',
    sourcemap: true,
    metafile: true,
    banner: { js: BANNER },
    plugins: [ownPlaces],
  });
  const licences = join('dist', 'src', 'bundled', 'LICENSES.txt');
  await mkdir(dirname(join(root, licences)), { recursive: true });
  await writeFile(join(root, licences), await licencesOf(Object.keys(metafile.inputs)));
  return [...Object.keys(metafile.outputs).map((path) => path.replaceAll('/', sep)), licences];
}

/** What the packages that these modules are from ask to be passed on with them. */
async function licencesOf(modules) {
  const folders = new Set(modules.flatMap((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []));
  const texts = [...folders].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice)/i.test(entry.name));
    const parts = await Promise.all(files.map(({ name: file }) => readFile(join(root, folder, file), 'utf8')));
    return [`${name} ${version} (${license})`, ...parts.map((part) => part.trim())].join('\n\n');
  });
  return `${(await Promise.all(texts)).join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** Kernels that were compiled from the same text are taken as they are. */
async function build(hashes, before) {
  const { default: asc } = await import('assemblyscript/asc');
  const outputs = ['vector', 'kernels', 'inline'].map((name) => join(root, kernels, `${name}.wasm`));
  const same = before.kernels === hashes.kernels && outputs.every((path) => existsSync(path));
  await mkdir(dist, { recursive: true });
  await rm(stamp, { force: true });
  if (!same) await compileKernels(asc, 'vector', 'vector');
  await embedVector();
  const program = compileProgram();
  // Looked at below, when the kernels are there.
  program.catch(() => undefined);
  if (!same) {
    await compileKernels(asc, 'index', 'shared');
    await compileKernels(asc, 'index', 'inline');
  }
  const written = new Set([...(await program), ...(await copyAssets()), ...(await embedForPages())]);
  for (const bundled of await Promise.all([bundlePage(), bundlePrograms()]))
    for (const path of bundled) written.add(path);
  // Not dist/ as a whole before: a run that is under way reads from it.
  for (const path of await filesUnder('dist')) if (!written.has(path)) await rm(join(root, path), { force: true });
  await writeFile(stamp, `${JSON.stringify(hashes)}\n`);
}

const ifNeeded = process.argv.includes('--if-needed');
const [hashes, before] = await Promise.all([hashSources(), readStamp()]);
if (ifNeeded && before.sources === hashes.sources) {
  // Nothing to do.
} else if (
  ifNeeded &&
  !(isInstalled('assemblyscript/asc') && isInstalled('typescript/bin/tsc') && isInstalled('esbuild'))
) {
  console.error(
    'securenn is not built from these sources: what builds it is left out of this installation. ' +
      'Run npm ci, which builds, and then npm prune --omit=dev to be rid of it again.',
  );
} else {
  try {
    await build(hashes, before);
  } catch (error) {
    console.error(`securenn is not built: ${error.message}`);
    process.exitCode = 1;
  }
}
