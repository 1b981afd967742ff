/**
 * PrivateCompare's local work, the wire format and truncation, from and to ordinary memory.
 *
 *   node dist/bench/compare.js [--out bench/results/compare.json]
 */
import { webcrypto } from 'node:crypto';
import { P17, P31, P67, codeLength, type Compute, type DigitCode } from '../runtime/compute.ts';
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import { report } from './machine.ts';
import { measure, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, { out: { type: 'string' } });

const COMPARISONS = 200_000;

function random(byteLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength);
  for (let i = 0; i < byteLength; i += 65_536) webcrypto.getRandomValues(bytes.subarray(i, i + 65_536));
  return bytes;
}

function ring(length: number): BigUint64Array {
  return new BigUint64Array(random(8 * length).buffer);
}

/** Values of Z_p, near enough to uniform for a measurement. */
function field(length: number, bound: number, from = 0): Uint8Array {
  return random(length).map((byte) => from + (byte % (bound - from)));
}

type Operation = [name: string, elements: number, run: () => unknown];

function comparison(compute: Compute, code: DigitCode): Operation[] {
  const n = COMPARISONS;
  const { digits, prime } = code;
  const x = ring(n);
  const share = field(n * codeLength(code), prime);
  const d = field(n * digits, prime);
  const job = {
    code,
    party: 0,
    orEqual: false,
    g: share,
    y: ring(n),
    beta: field(n, 2),
    s: field(n * digits, prime, 1),
    u: field(n * digits, prime),
    rho: field(n, digits),
  } as const;
  return [
    [`thermometer ${code.name}`, n, () => compute.thermometer(code, x, share)],
    [`compareShare ${code.name}`, n, () => compute.compareShare(job)],
    [`compareTest ${code.name}`, n, () => compute.compareTest(code, d, d)],
  ];
}

function synchronous(compute: Compute): Operation[] {
  const n = 1_000_000;
  const a = ring(n);
  const b = ring(n);
  const wire = ([17, 31, 67] as const).flatMap((prime): Operation[] => {
    const values = field(n, prime);
    const packed = compute.pack(prime, values);
    return [
      [`pack p${prime}`, n, () => compute.pack(prime, values)],
      [`unpack p${prime}`, n, () => compute.unpack(prime, packed, n)],
    ];
  });
  return [
    ...wire,
    ['truncateLocal', n, () => compute.truncateLocal(1, a, 16)],
    ['truncateDealt', n, () => compute.truncateDealt(0, a, { bits: 16, shift: b, top: new Uint8Array(2 * n) })],
    ['wrap', n, () => compute.wrap(a, b)],
  ];
}

const rows = [];
for (const workers of [0, 1, 2]) {
  const compute = await createWasmCompute({ workers });
  const operations = [P17, P31, P67].flatMap((code) => comparison(compute, code));
  if (workers === 0) operations.push(...synchronous(compute));
  for (const [operation, elements, run] of operations) {
    const { median, best } = await measure(run, 300);
    rows.push({
      operation,
      workers,
      'M elements/s': rounded(elements / median / 1e3),
      best: rounded(elements / best / 1e3),
    });
  }
  await compute.close();
}
await report('compare', rows, values.out);
