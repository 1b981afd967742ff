/** From what a party counted and what its stack was sampled at to rows: one for each thing that somebody does to memory in a step. */
import type { Profiler } from 'node:inspector';
import type { Count } from './counted.ts';
import type { Measured, SystemCounts } from './preload.ts';
import { fileOf, labelOf, siteOf, type Frame } from './site.ts';

/** Per step, of one party. Bytes are those of all passes; times are on a core. */
export interface Row {
  readonly party: string;
  readonly label: string;
  ms: number;
  /** Of `ms`: in kernels. */
  kernelMs: number;
  /** Passes over memory that were seen: copies, kernels, arrays made, cipher. */
  passes: number;
  readBytes: number;
  writtenBytes: number;
  intoBytes: number;
  outBytes: number;
  copiedBytes: number;
  newBytes: number;
}

/**
 * What a party's main thread, and the threads it computes products on, did in a step, in milliseconds. Parts of the time that passed, but for
 * `pool`: those run beside it.
 */
export const KINDS = [
  'products',
  'kernels',
  'ring in WASM',
  'cipher',
  'copies',
  'new arrays',
  'frames',
  'collector',
  'outside JavaScript',
  'rest of JavaScript',
  'waiting for a core',
  'asleep',
  'pool',
] as const;
export type Kind = (typeof KINDS)[number];
export type Kinds = Record<Kind, number>;

const PRODUCTS = /^(gemm|conv|rowProduct)/;

interface Resolved {
  readonly label: string;
  readonly kind: Exclude<Kind, 'copies' | 'new arrays' | 'waiting for a core' | 'asleep' | 'pool'> | undefined;
}

/** @param root address of `dist` */
export function rowsOf(samples: Measured, counts: Measured, root: string): { rows: Row[]; kinds: Kinds } {
  if (samples.kind !== 'samples' || counts.kind !== 'counts') throw new TypeError('counts and samples are mixed up');
  const rows = new Map<string, Row>();
  const rowOf = (label: string): Row => {
    let row = rows.get(label);
    if (row === undefined) {
      const bytes = { readBytes: 0, writtenBytes: 0, intoBytes: 0, outBytes: 0, copiedBytes: 0, newBytes: 0 };
      row = { party: samples.party, label, ms: 0, kernelMs: 0, passes: 0, ...bytes };
      rows.set(label, row);
    }
    return row;
  };
  const kinds = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Kinds;
  const { main, others, asleepMs } = samples.system;
  const scale = onCore(samples.system) / samples.steps;
  for (const [{ label, kind }, ms] of timesOf(samples, root)) {
    if (kind === undefined) continue;
    kinds[kind] += ms * scale;
    const row = rowOf(label);
    row.ms += ms * scale;
    if (kind === 'products' || kind === 'kernels' || kind === 'ring in WASM') row.kernelMs += ms * scale;
  }
  kinds['waiting for a core'] = main.waitedMs / samples.steps;
  kinds.asleep = asleepMs / samples.steps;
  kinds.pool = others.ranMs / samples.steps;
  const sent = new Map<string, number>();
  const countScale = onCore(counts.system) / counts.steps;
  for (const count of counts.counts) {
    addBytes(rowOf(count.label), count, counts.steps);
    if (count.deed === 'socket') sent.set(count.label, (sent.get(count.label) ?? 0) + count.ms / counts.steps);
    const kind = { into: 'copies', out: 'copies', copy: 'copies', new: 'new arrays' } as const;
    if (!(count.deed in kind)) continue;
    // The sampler gives the time of a copy to whoever asked for it.
    const ms = Math.min(count.ms * countScale, kinds['rest of JavaScript']);
    kinds[kind[count.deed as keyof typeof kind]] += ms;
    kinds['rest of JavaScript'] -= ms;
  }
  // Samples have in them what these calls waited for a core, and they wait more than others.
  for (const [label, ms] of sent) rowOf(label).ms = Math.min(rowOf(label).ms, ms);
  return { rows: [...rows.values()], kinds };
}

/** Of the time in which the main thread did not sleep: the share in which it had a core. */
function onCore({ main }: SystemCounts): number {
  return main.ranMs / Math.max(main.ranMs + main.waitedMs, 1e-9);
}

function addBytes(row: Row, count: Count, steps: number): void {
  row.passes += count.calls / steps;
  row.readBytes += count.readBytes / steps;
  row.writtenBytes += count.writtenBytes / steps;
  if (count.deed === 'into') row.intoBytes += count.writtenBytes / steps;
  if (count.deed === 'out') row.outBytes += count.writtenBytes / steps;
  if (count.deed === 'copy') row.copiedBytes += count.writtenBytes / steps;
  if (count.deed === 'new') row.newBytes += count.writtenBytes / steps;
}

/** Self times of the profile's nodes, in milliseconds. */
function timesOf(measured: Measured & { kind: 'samples' }, root: string): Map<Resolved, number> {
  const { nodes, samples = [], timeDeltas = [] } = measured.profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const self = new Map<number, number>();
  // A delta is the time since the sample before: it belongs to that one.
  for (let i = 0; i + 1 < samples.length; i++)
    self.set(samples[i], (self.get(samples[i]) ?? 0) + timeDeltas[i + 1] / 1000);
  const times = new Map<Resolved, number>();
  for (const [id, ms] of self) {
    const stack: Profiler.ProfileNode[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) stack.push(byId.get(at)!);
    const resolved = resolve(stack, measured.kernels, root);
    times.set(resolved, ms);
  }
  return times;
}

/** @param stack innermost first */
function resolve(
  stack: readonly Profiler.ProfileNode[],
  kernels: Readonly<Record<string, string>>,
  root: string,
): Resolved {
  const frames = stack.map(({ callFrame }): Frame & { url: string } => ({
    name: callFrame.functionName,
    file: fileOf(callFrame.url, root),
    url: callFrame.url,
  }));
  const site = siteOf(frames);
  const [leaf] = frames;
  if (leaf.name === '(idle)') return { label: '', kind: undefined };
  if (leaf.name === '(garbage collector)') return { label: 'collector', kind: 'collector' };
  const node = frames.find(({ url }) => url !== '');
  const label =
    site === undefined ? `node ${node === undefined ? leaf.name : node.url.replace(/^.*\//, '')}` : labelOf(site);
  const wasm = frames.filter(({ url }) => url.startsWith('wasm:')).at(-1);
  if (wasm !== undefined) {
    const kernel = kernelOf(wasm.name, frames, kernels);
    if (kernel.startsWith('ring ')) return { label, kind: 'ring in WASM' };
    return { label, kind: PRODUCTS.test(kernel) ? 'products' : 'kernels' };
  }
  if (leaf.url === 'node:internal/crypto/cipher') return { label, kind: 'cipher' };
  if (leaf.file === undefined && (leaf.url.startsWith('node:') || leaf.url.includes('/ws/')))
    return { label, kind: 'frames' };
  if (leaf.file?.startsWith('src/channel/')) return { label, kind: 'frames' };
  return { label, kind: site === undefined ? 'outside JavaScript' : 'rest of JavaScript' };
}

function kernelOf(name: string, frames: readonly Frame[], kernels: Readonly<Record<string, string>>): string {
  const ring = frames.some(({ file }) => file === 'src/ring/vector') ? 'ring ' : '';
  return kernels[`${ring}${/\d+/.exec(name)?.[0] ?? name}`] ?? `${ring}${name}`;
}
