/**
 * Many made-up things said to a link (`bench/fuzz/`): no crash, no hang, no memory that grows.
 *
 *   node --expose-gc dist/bench/fuzz-links.js [--cases 120000] [--seed N] [--out bench/results/fuzz-links.json]
 *
 * A part stops at the first case that is wrong, prints it and ends with exit code 1. Memory is the heap and what lies beside it, after a
 * collection, before a part and after it, and after its second half alone: what grows with cases would grow in that one, too.
 */
import { X509Certificate } from 'node:crypto';
import { pinOf } from '../src/channel/pins.ts';
import { makeTlsKey } from '../src/federation/certificate.ts';
import type { Fuzz } from './fuzz/fuzz.ts';
import { FRAMES, LINKS } from './fuzz/frames.ts';
import { HALVES, STRANGERS, TERMS } from './fuzz/handshakes.ts';
import { lines } from './fuzz/lines.ts';
import { CLAIMS, OUTAGES } from './fuzz/outages.ts';
import { endOnCrash, runAll } from './fuzz/runner.ts';
import { report } from './machine.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, {
  cases: { type: 'string', default: '120000' },
  seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
  out: { type: 'string' },
});
const [cases, seed] = [Number(values.cases), Number(values.seed)];
endOnCrash();

const [own, peer] = await Promise.all(['P0', 'P1'].map((name) => makeTlsKey({ name, hosts: ['127.0.0.1'] })));
const onPorts = await lines({ ...own, pins: { P1: [pinOf(new X509Certificate(peer.certificate))] } });
const fuzzes: readonly Fuzz[] = [FRAMES, LINKS, STRANGERS, HALVES, TERMS, CLAIMS, OUTAGES, ...onPorts.fuzzes];
const rows = await runAll(fuzzes, cases, seed);
onPorts.close();
await report('fuzz-links', rows, values.out);
process.exit(0);
