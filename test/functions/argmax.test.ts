/** Unit vectors of rows' maxima, of products that are not truncated before: one in each row, bit for bit that of the ideal twin. */
import { describe, expect, it } from 'vitest';
import { createCostModel } from '../../src/engine/costModel.ts';
import { inSequence } from '../../src/party/cost.ts';
import { argmax } from '../../src/functions/argmax.ts';
import * as protocol from '../../src/protocols/direct/argmax.ts';
import * as z64 from '../../src/ring/z64.ts';
import { ring, shares, signed, testRandom } from '../reference.ts';
import { simulate } from '../simulate.ts';
import { type Input, numbers, plain, PRIVATE_SETTINGS, type Script, secure, SETTINGS } from '../twins.ts';

const ROWS = 60;

/** Integers, so truncation moves no product, and many are equal. */
function integers(rows: number, columns: number, seed: number): Input {
  const { shape, numbers: drawn } = numbers([rows, columns], -3, 4, seed);
  return { shape, numbers: drawn.map(Math.floor) };
}

describe.each([...SETTINGS.slice(0, 2), ...PRIVATE_SETTINGS.slice(0, 2)])(
  'argmax of products, $fractionBits fractional bits, security $security',
  (setting) => {
    it.each([2, 5, 10, 16])('of %i columns', async (n) => {
      const inputs = [integers(ROWS, 4, n), integers(4, n, n + 1)];
      const script: Script = async (e, x, y) => argmax(e, await e.matmul(x, y));
      const found = await secure(setting, inputs, script);
      expect(found.ring).toEqual((await plain(setting, inputs, script)).ring);
      const model = createCostModel(setting);
      const drop = setting.fractionBits + 1;
      const declared = inSequence(model.product(4 * (ROWS + n)), model.argmax!(ROWS, n, drop));
      expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(declared);
      expect(declared.rounds).toBe(5);
    });
  },
);

it('of values that differ by a few units of what is left one is found in each row, less than two units from the largest', async () => {
  const [rows, columns, drop] = [3000, 4, 17];
  const random = testRandom(3);
  const x = ring(Array.from({ length: rows * columns }, () => Math.floor(random() * 3.5 * 2 ** drop) - 2 ** 18));
  const parts = shares(x);
  const part = shares(x)[0];
  const of = { columns, drop, compareBits: 33 };
  const { results, sent } = await simulate<BigUint64Array | undefined>(
    async (party) => {
      if (party.id === 2) return protocol.helper(party, rows, of, part).then(() => undefined);
      return protocol.workers(party, party.id === 0 ? z64.sub(parts[0], part) : parts[1], of);
    },
    { chunk: 6 * 700 },
  );
  const units = z64.add(results[0]!, results[1]!);
  for (let row = 0; row < rows; row++) {
    const unit = Array.from(units.subarray(row * columns, (row + 1) * columns));
    expect(unit.toSorted()).toEqual([0n, 0n, 0n, 1n]);
    const values = Array.from(x.subarray(row * columns, (row + 1) * columns), (value) => Number(signed(value)));
    expect(Math.max(...values) - values[unit.indexOf(1n)]).toBeLessThan(2 ** (drop + 1));
  }
  // P2 is told what it compares, in each of five chunks, and nothing else.
  for (const worker of [0, 1]) expect(sent[worker].get('P2')!.messages).toBe(5);
});

it('takes two to sixteen columns', async () => {
  for (const columns of [1, 17])
    await expect(simulate((party) => protocol.helper(party, 1, { columns, drop: 0, compareBits: 33 }))).rejects.toThrow(
      `all pairs of ${columns} columns: expected 2 … 16`,
    );
});
