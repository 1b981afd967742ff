/**
 * Many made-up things said to a link (`bench/fuzz/`): no crash, no hang, no memory that grows.
 *
 *   node --expose-gc dist/bench/fuzz-links.js [--cases 120000] [--seed N] [--out bench/results/fuzz-links.json]
 *
 * A part stops at the first case that is wrong, prints it and ends with exit code 1. Memory is the heap and what lies beside it, after a
 * collection, before a part and after it, and after its second half alone: what grows with cases would grow in that one, too.
 */
import { X509Certificate } from 'node:crypto';
import { parseArgs } from 'node:util';
import { pinOf } from '../src/channel/pins.ts';
import { makeTlsKey } from '../src/federation/certificate.ts';
import type { Fuzz } from './fuzz/fuzz.ts';
import { FRAMES, LINKS } from './fuzz/frames.ts';
import { HALVES, STRANGERS, TERMS } from './fuzz/handshakes.ts';
import { lines } from './fuzz/lines.ts';
import { CLAIMS, OUTAGES } from './fuzz/outages.ts';
import { report } from './machine.ts';
import { rounded } from './measure.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '120000' },
    seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
    out: { type: 'string' },
  },
});
const [cases, seed] = [Number(values.cases), Number(values.seed)];
const { gc } = globalThis;
if (gc === undefined) throw new Error('start with node --expose-gc: memory is measured after a collection');
process.on('uncaughtException', (error) => {
  console.error('nobody caught', error);
  process.exit(1);
});

/** MiB in use. */
async function memory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    gc!();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

const [own, peer] = await Promise.all(['P0', 'P1'].map((name) => makeTlsKey({ name, hosts: ['127.0.0.1'] })));
const onPorts = await lines({ ...own, pins: { P1: [pinOf(new X509Certificate(peer.certificate))] } });
const rows: object[] = [];
let total = 0;
for (const { name, share, run } of [
  FRAMES,
  LINKS,
  STRANGERS,
  HALVES,
  TERMS,
  CLAIMS,
  OUTAGES,
  ...onPorts.fuzzes,
] as Fuzz[]) {
  const half = Math.ceil((cases * share) / 2);
  await run(Math.min(half, 200), seed); // What is loaded and compiled once is no growth.
  const began = performance.now();
  const before = await memory();
  let tried = await run(half, seed);
  const between = await memory();
  tried += await run(half, seed + 1);
  const after = await memory();
  total += tried;
  rows.push({
    ...{ name, cases: tried, seconds: rounded((performance.now() - began) / 1000) },
    ...{ grownMiB: Number((after - before).toFixed(1)), grownInSecondHalfMiB: Number((after - between).toFixed(1)) },
  });
  console.log(JSON.stringify(rows.at(-1)));
}
onPorts.close();
rows.push({ name: 'all', cases: total, seed, peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024) });
await report('fuzz-links', rows);
process.exit(0);
