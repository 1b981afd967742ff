/** Division (Alg. 8) and ASM, in three parties of both suites and in the clear: exact to the ulp; cost as declared. */
import { describe, expect, it } from 'vitest';
import { asm, asmCost } from '../../src/functions/asm.ts';
import { createCostModel } from '../../src/engine/costModel.ts';
import { cost, divide } from '../../src/functions/division.ts';
import { encode } from '../../src/ring/fixed.ts';
import { testRandom } from '../reference.ts';
import { exactly, numbers, plain, secure, SETTINGS } from '../twins.ts';

describe.each(SETTINGS)('$suite suite, f = $fractionBits, k = $compareBits', (setting) => {
  const f = setting.fractionBits;
  const ulp = 2 ** -f;
  const model = createCostModel(setting);

  it('division is the quotient rounded down, on edges and at random', async () => {
    const random = testRandom(6);
    const largest = 2 ** (Math.min(setting.compareBits, 50) - 1 - f) - ulp;
    const pairs = [
      [0, 1],
      [0, ulp],
      [ulp, ulp],
      [ulp, largest],
      [largest, largest],
      [largest - ulp, largest],
      [1 - ulp, 1],
      [1, 1],
      [2 - ulp, 1],
      [1, 3],
      [2 * largest - ulp, largest],
    ];
    for (let i = 0; i < 60; i++) {
      const y = ulp + 2 ** (i % 12) * random();
      pairs.push([y * random() * (i % 2 === 0 ? 1 : 1.99), y]);
    }
    const columns = [0, 1].map((side) => ({ shape: [1, pairs.length], numbers: pairs.map((pair) => pair[side]) }));
    const [x, y] = columns.map((column) => encode(column.numbers, f));
    const found = await exactly(setting, columns, divide, cost(model, pairs.length));
    found.ring.forEach((q, i) => expect(q, `${x[i]} / ${y[i]} ulps`).toBe((x[i] << BigInt(f)) / y[i]));
  });

  it('ASM of rows with and without a positive entry', async () => {
    const [m, n] = [12, 10];
    const logits = numbers([m, n], -5, 7);
    const rows = Array.from({ length: m }, (_, r) => logits.numbers.slice(r * n, (r + 1) * n));
    rows[0] = rows[0].map((u) => -Math.abs(u)); // no positive entry
    rows[1] = rows[1].map(() => 0);
    rows[2] = rows[2].map((_, i) => (i === 3 ? ulp : -1)); // the least sum
    rows[3] = rows[3].map((_, i) => (i === 3 ? 40 : 0));
    const input = { shape: [m, n], numbers: rows.flat() };
    const found = await exactly(setting, [input], asm, asmCost(model, m, n));
    const encoded = encode(input.numbers, f);
    for (let r = 0; r < m; r++) {
      const positives = Array.from(encoded.subarray(r * n, (r + 1) * n), (u) => (BigInt.asIntN(64, u) > 0n ? u : 0n));
      const sum = positives.reduce((a, b) => a + b, 0n);
      const expected = positives.map((u) => (sum === 0n ? (1n << BigInt(f)) / BigInt(n) : (u << BigInt(f)) / sum));
      expect(Array.from(found.ring.subarray(r * n, (r + 1) * n)), `row ${r}`).toEqual(expected);
    }
  });

  it('division by zero gives the largest quotient, and no error', async () => {
    const inputs = [numbers([1, 3], 0, 0), numbers([1, 3], 0, 0)];
    for (const engine of [plain, secure])
      expect(Array.from((await engine(setting, inputs, divide)).numbers)).toEqual([2 - ulp, 2 - ulp, 2 - ulp]);
  });
});
