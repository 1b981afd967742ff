/** Runs fuzzes one after another, and says what they did to this process's memory. */
import { rounded } from '../measure.ts';
import type { Fuzz } from './fuzz.ts';

/** A crash is one, whatever caught nothing of it. */
export function endOnCrash(): void {
  process.on('uncaughtException', (error) => {
    console.error('nobody caught', error);
    process.exit(1);
  });
}

/** MiB in use. */
async function memory(gc: NodeJS.GCFunction): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    void gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

/** @returns a row for each, and one for all */
export async function runAll(fuzzes: readonly Fuzz[], cases: number, seed: number): Promise<object[]> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('start with node --expose-gc: memory is measured after a collection');
  const rows: object[] = [];
  let total = 0;
  for (const { name, share, run } of fuzzes) {
    const half = Math.ceil((cases * share) / 2);
    await run(Math.min(half, 200), seed); // What is loaded and compiled once is no growth.
    const began = performance.now();
    const before = await memory(gc);
    let tried = await run(half, seed);
    const between = await memory(gc);
    tried += await run(half, seed + 1);
    const after = await memory(gc);
    total += tried;
    rows.push({
      ...{ name, cases: tried, seconds: rounded((performance.now() - began) / 1000) },
      ...{ grownMiB: Number((after - before).toFixed(1)), grownInSecondHalfMiB: Number((after - between).toFixed(1)) },
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  rows.push({ name: 'all', cases: total, seed, peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024) });
  return rows;
}
