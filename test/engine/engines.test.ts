/**
 * One suite over {plain, secure} × {direct, paper}: every operation of Engine against its ideal twin on clear values, bit for bit
 * where nothing is truncated, to the ulps of truncation where something is; and its declared cost against the channel's count.
 */
import { describe, expect, it } from 'vitest';
import { createCostModel } from '../../src/engine/costModel.ts';
import { type Cost, FREE, inSequence } from '../../src/party/cost.ts';
import * as exponential from '../../src/functions/exponential.ts';
import * as reciprocal from '../../src/functions/reciprocal.ts';
import { argmax, argmaxCost, indexOf } from '../../src/functions/argmax.ts';
import { rowMaximum, rowMaximumCost } from '../../src/functions/rowMaximum.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { logarithm, logarithmCost } from '../../src/functions/logarithm.ts';
import { crossEntropy, softmax, softmaxCost } from '../../src/functions/softmax.ts';
import { decode, encode } from '../../src/ring/fixed.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import * as z64 from '../../src/ring/z64.ts';
import { signed, testRandom } from '../reference.ts';
import { ownedParts } from '../owned.ts';
import { simulate } from '../simulate.ts';
import { closeTo, exactly, type Input, numbers, type Outcome, plain, type Script, secure, SETTINGS } from '../twins.ts';

describe.each(SETTINGS)('$suite suite, f = $fractionBits, k = $compareBits', (setting) => {
  const f = setting.fractionBits;
  const ulp = 2 ** -f;
  const model = createCostModel(setting);

  const exact = (inputs: readonly Input[], script: Script, cost: Cost): Promise<Outcome> =>
    exactly(setting, inputs, script, cost);

  it('local operations send nothing', async () => {
    const inputs = [numbers([4, 6], -9, 9), numbers([4, 6], -9, 9, 2), numbers([4, 1], -9, 9, 4)];
    await exact(
      inputs,
      (e, x, y, column) => {
        const sum = e.subColumn(e.sub(e.add(x, y), e.scale(y, -3n)), column);
        const wide = e.concatColumns([e.addPublic(sum, 0.25), e.columns(x, 1, 3), column]);
        const tall = e.concatRows([wide, wide]);
        const total = e.add(e.sumRows(tall), e.sumRows(e.reshape(e.reshape(tall, [72]), [8, 9])));
        return Promise.resolve(e.extend(e.concatColumns([total, e.sumColumns(total)]), 5));
      },
      { rounds: 0, bytes: 0 },
    );
  });

  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('matmul, transposed %s %s', async (transposeX, transposeY) => {
    const inputs = [numbers(transposeX ? [7, 5] : [5, 7], -9, 9), numbers(transposeY ? [3, 7] : [7, 3], -9, 9, 2)];
    const found = await exact(
      inputs,
      (e, x, y) => e.matmul(x, y, { transposeX, transposeY }),
      inSequence(model.product(35 + 21), model.part(15)),
    );
    const at = (side: 0 | 1, transposed: boolean, i: number, j: number): number => {
      const { shape, numbers: all } = inputs[side];
      return transposed ? all[j * shape[1] + i] : all[i * shape[1] + j];
    };
    found.numbers.forEach((number, i) => {
      let sum = 0;
      for (let k = 0; k < 7; k++) sum += at(0, transposeX, Math.floor(i / 3), k) * at(1, transposeY, k, i % 3);
      expect(Math.abs(number - sum)).toBeLessThan(7 * 18 * ulp);
    });
  });

  it('a bias on every row of a product, at no further cost', async () => {
    const inputs = [numbers([5, 7], -9, 9), numbers([7, 3], -9, 9, 2), numbers([3], -9, 9, 3)];
    const found = await exact(
      inputs,
      (e, x, y, bias) => e.matmul(x, y, { bias }),
      inSequence(model.product(35 + 21), model.part(15)),
    );
    const without = await secure(setting, inputs, (e, x, y) => e.matmul(x, y));
    found.numbers.forEach((number, i) => {
      expect(Math.abs(number - without.numbers[i] - inputs[2].numbers[i % 3])).toBeLessThan(ulp);
    });
    const shape = { batch: 2, height: 5, width: 4, channels: 1, kernelHeight: 2, kernelWidth: 2, filters: 3 };
    await exact(
      [numbers([2, 5, 4, 1], -9, 9), numbers([2, 2, 1, 3], -9, 9, 2), numbers([1, 3], -9, 9, 3)],
      (e, x, y, bias) => e.conv('forward', { ...shape, stride: 1, padding: 0 }, x, y, bias),
      inSequence(model.product(40 + 12), model.part(2 * 4 * 3 * 3)),
    );
    // A bias in three parts is had in two first.
    await exact(
      [numbers([5, 5], -3, 3), numbers([1, 5], -3, 3, 2)],
      async (e, x, y) => e.matmul(x, x, { bias: await e.mul(y, y) }),
      inSequence(model.product(5), model.part(5), model.product(25), model.part(25)),
    );
  });

  it('an operand of several products is opened once', async () => {
    await exact(
      [numbers([6, 6], -3, 3)],
      async (e, x) => {
        const products = e.add(await e.matmul(x, x), await e.matmul(x, e.reshape(x, [6, 6])));
        const square = await e.mul(x, x);
        return e.add(products, e.extend(square, products.fractionBits - square.fractionBits));
      },
      inSequence(model.product(36), model.part(36)),
    );
  });

  it('mul, of equal shapes and by a column', async () => {
    await exact(
      [numbers([9, 5], -9, 9), numbers([9, 5], -9, 9, 2)],
      (e, x, y) => e.mul(x, y),
      inSequence(model.product(90), model.part(45)),
    );
    await exact(
      [numbers([9, 5], -9, 9), numbers([9, 1], -9, 9, 2)],
      (e, x, y) => e.mul(x, y),
      inSequence(model.product(54), model.part(45)),
    );
  });

  it('mul by a row, and dot products of columns, in parts too', async () => {
    const inputs = [numbers([9, 5], -9, 9), numbers([9, 5], -9, 9, 2), numbers([1, 5], -9, 9, 3)];
    const scaled = await exact(inputs, (e, x, _y, row) => e.mul(x, row), inSequence(model.product(50), model.part(45)));
    const [x, y, row] = inputs.map((input) => input.numbers);
    closeTo(
      scaled,
      x.map((value, i) => value * row[i % 5]),
      10 * ulp,
    );
    for (const parts of [1, 4]) {
      const dots = await exact(
        inputs,
        (e, a, b) => e.columnDots(a, b, parts),
        inSequence(model.product(90), model.part(5 * parts)),
      );
      const sums = new Float64Array(5 * parts);
      x.forEach((value, i) => (sums[i % (5 * parts)] += value * y[i]));
      closeTo(dots, sums, 9 * 10 * ulp);
    }
  });

  it('a row added to a value: its openings are those of the two', async () => {
    const inputs = [numbers([9, 5], -9, 9), numbers([1, 5], -9, 9, 3)];
    const found = await exact(
      inputs,
      async (e, x, row) => {
        const sum = e.addRow(x, row);
        const products = [await e.mul(sum, sum), await e.mul(x, row), await e.mul(sum, x)];
        return e.concatRows(products);
      },
      inSequence(model.product(50), model.part(3 * 45)),
    );
    const [x, row] = inputs.map((input) => input.numbers);
    const sums = x.map((value, i) => value + row[i % 5]);
    closeTo(
      found,
      [...sums.map((s) => s * s), ...x.map((value, i) => value * row[i % 5]), ...sums.map((s, i) => s * x[i])],
      40 * ulp,
    );
    // Of a product, which is in three parts.
    await exact(
      inputs,
      async (e, x, row) => e.addRow(await e.mul(x, row), e.extend(row, f)),
      inSequence(model.product(50), model.part(45)),
    );
  });

  it('what a public byte keeps', async () => {
    const kept = Uint8Array.from({ length: 45 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const input = numbers([9, 5], -9, 9);
    const found = await exact([input], (e, x) => Promise.resolve(e.keep(x, kept)), { rounds: 0, bytes: 0 });
    closeTo(
      found,
      input.numbers.map((x, i) => x * kept[i]),
      ulp,
    );
  });

  it('relu and select', async () => {
    const inputs = [numbers([10, 10], -100, 100), numbers([10, 10], -100, 100, 2)];
    await exact(inputs, async (e, x) => (await e.relu(x)).y, model.relu(100));
    await exact(
      inputs,
      async (e, x, y) => e.select((await e.relu(x)).sign, y),
      inSequence(model.relu(100), model.select(100)),
    );
  });

  it('the bits of a comparison, at no further cost', async () => {
    const inputs = [numbers([10, 10], -100, 100)];
    await exact(inputs, async (e, x) => e.bits((await e.relu(x)).sign), model.relu(100));
    await exact(
      inputs,
      async (e, x) => e.bits((await e.truncateRelu(e.extend(x, 6), 6)).sign),
      model.truncateRelu(100, 6),
    );
  });

  it('truncate-and-ReLU, truncate-and-select, of shares and of a product', async () => {
    const inputs = [numbers([9, 9], -40, 40), numbers([9, 9], -1, 1, 2), numbers([9, 9], -9, 9, 3)];
    const scripts: [Script, Cost][] = [
      [async (e, x) => (await e.truncateRelu(e.extend(x, 6), 6)).y, model.truncateRelu(81, 6)],
      [
        async (e, x, y) => (await e.truncateRelu(await e.mul(x, y), f)).y,
        inSequence(
          model.product(162),
          setting.truncation === 'local' ? model.part(81) : FREE,
          model.truncateRelu(81, f),
        ),
      ],
      [
        async (e, x, y) => e.truncateSelect((await e.truncateRelu(e.extend(x, 6), 6)).sign, e.extend(y, 9), 9),
        inSequence(model.truncateRelu(81, 6), model.truncateSelect(81, 9)),
      ],
      [
        async (e, x, y, z) => e.truncateSelect((await e.relu(x)).sign, await e.matmul(y, z), f),
        inSequence(
          model.relu(81),
          model.product(162),
          setting.truncation === 'local' ? model.part(81) : FREE,
          model.truncateSelect(81, f),
        ),
      ],
    ];
    for (const [script, cost] of scripts) {
      const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
      closeTo(found, twin.numbers, ulp);
      expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
    }
  });

  it('linear functions of products keep P2’s part until it is needed', async () => {
    await exact(
      [numbers([4, 6], -3, 3), numbers([4, 6], -3, 3, 2)],
      async (e, x, y) => {
        const product = await e.mul(x, y);
        const row = e.sumRows(e.addPublic(e.scale(product, -3n), 0.5));
        const least = e.combine(
          [
            [3n, x],
            [-1n, e.reinterpret(product, f)],
            [1n << 40n, y],
          ],
          2 * f,
        );
        const sum = e.sub(e.add(product, least), e.extend(x, f));
        const wide = e.concatColumns([sum, e.columns(product, 1, 3), e.sumColumns(sum)]);
        const last = e.concatColumns([row, e.columns(row, 0, 3)]);
        return e.reshape(e.concatRows([wide, e.subColumn(wide, e.columns(wide, 0, 1)), last]), [81]);
      },
      inSequence(model.product(48), model.part(81)),
    );
  });

  it('truncate', async () => {
    const input = numbers([10, 10], -100, 100);
    const found = await secure(setting, [input], (e, x) => e.truncate(x, 5));
    closeTo(found, input.numbers, 2 ** (5 - f));
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(model.truncate(100, 5));
  });

  it('truncate an operand: opened already for the product that follows', async () => {
    const inputs = [numbers([9, 9], -100, 100), numbers([9, 9], -9, 9, 2)];
    const found = await secure(setting, [inputs[0]], (e, x) => e.truncateOperand(e.extend(x, 9), 9));
    closeTo(found, inputs[0].numbers, 2.5 * ulp);
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(model.truncateOperand(81, 9));
    const product = await secure(setting, inputs, async (e, x, y) =>
      e.matmul(await e.truncateOperand(await e.mul(x, y), f), y),
    );
    const once = setting.truncation === 'local';
    const [first, second] = [
      inSequence(model.product(162), once ? model.part(81) : FREE),
      model.product(once ? 81 : 0),
    ];
    const cost = inSequence(first, model.truncateOperand(81, f), second, model.part(81));
    expect({ bytes: product.bytes, rounds: product.rounds }).toEqual(cost);
    const expected = Array.from({ length: 81 }, (_, at) => {
      const [i, j] = [Math.floor(at / 9), at % 9];
      const [x, y] = inputs.map((input) => input.numbers);
      return x.slice(9 * i, 9 * i + 9).reduce((sum, value, k) => sum + value * y[9 * i + k] * y[9 * k + j], 0);
    });
    closeTo(product, expected, 9 * 9 * 110 * ulp);
  });

  it('truncate an operand by bits that leave no field of a byte: a truncation', async () => {
    const input = numbers([9, 9], -100, 100);
    const found = await secure(setting, [input], (e, x) => e.truncateOperand(e.extend(x, 7), 7));
    closeTo(found, input.numbers, 1.5 * ulp);
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(model.truncate(81, 7));
  });

  it.each([
    [3, 3],
    [8, 6],
    [10, 9],
    [26, 9],
    [47, 12],
    [100, 15],
  ])('the row maximum of %i columns takes %i rounds', (n, rounds) => {
    if (setting.suite === 'paper') return;
    expect(rowMaximumCost(model, 1, n).rounds).toBe(rounds);
    if (n > 16)
      expect(argmaxCost(model, 1, n).rounds).toBe(3 * Math.ceil(Math.log2(n)) + 1 + model.unitVectors(1, n).rounds);
  });

  it.each([1, 2, 3, 7, 8, 10, 16, 17, 26])('row maximum and argmax of %i columns', async (n) => {
    const input = numbers([12, n], -50, 50);
    const found = await exact([input], rowMaximum, rowMaximumCost(model, 12, n));
    const rows = Array.from({ length: 12 }, (_, r) => input.numbers.slice(r * n, (r + 1) * n));
    closeTo(
      found,
      rows.map((row) => Math.max(...row)),
      ulp,
    );
    const index = await exact([input], async (e, x) => indexOf(e, await argmax(e, x)), argmaxCost(model, 12, n));
    expect(Array.from(index.numbers)).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
  });

  it.each([2, 3, 4])('the largest of %i values, on every side of each other', async (of) => {
    const around = [0, 1, -1, 7, -(2 ** 9)].map((ulps) => ulps * ulp);
    const count = around.length ** of;
    const inputs = Array.from({ length: of }, (_, i) => ({
      shape: [count],
      numbers: Array.from({ length: count }, (_value, k) => around[Math.floor(k / around.length ** i) % around.length]),
    }));
    const found = await exact(inputs, (e, ...values) => e.largest(values), model.largest(count, of, 0));
    closeTo(
      found,
      inputs[0].numbers.map((_, k) => Math.max(...inputs.map((input) => input.numbers[k]))),
      0,
    );
  });

  it.each([2, 3, 4])('the largest of %i, of which some are products', async (of) => {
    const operands = [numbers([60], -9, 9), numbers([60], -9, 9, 2)];
    const others = Array.from({ length: of - 1 }, (_, i) => ({
      ...numbers([60], -40, 40, 3 + i),
      fractionBits: 2 * f,
    }));
    for (let place = 0; place < of; place++) {
      const script: Script = async (e, x, y, ...rest) =>
        e.largest([...rest.slice(0, place), await e.mul(x, y), ...rest.slice(place)]);
      const inputs = [...operands, ...others];
      const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
      closeTo(found, twin.numbers, 2 * ulp);
      if (setting.suite === 'paper') continue;
      const cost = inSequence(model.product(120), model.largest(60, of, f), model.part(60));
      expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
      expect(found.rounds).toBe(1 + 3);
    }
  });

  it('argmax gives ties to the left', async () => {
    const row = [1, 3, 3, 3, 2];
    for (const columns of [5, 20]) {
      const input = { shape: [1, columns], numbers: [...row, ...new Array<number>(columns - 5).fill(0)] };
      const unit = await secure(setting, [input], argmax);
      expect(Array.from(unit.numbers, Math.round)).toEqual(input.numbers.map((_, i) => Number(i === 1)));
    }
  });

  it.each([7, 24, 32])('truncation by %i bits with products of what it leaves', async (bits) => {
    const inputs = [
      { ...numbers([3, 90], -40, 40), fractionBits: 20 },
      { ...numbers([3, 90], -1, 1, 2), fractionBits: 12 },
    ];
    const pairs = [
      [0, 0],
      [0, 2],
      [2, 1],
    ] as const;
    const script: Script = async (e, x, y) => {
      const { y: left, products } = await e.truncateProducts(await e.mul(x, y), bits, pairs);
      return e.concatRows([e.reinterpret(left, products.fractionBits), products]);
    };
    const found = await secure(setting, inputs, script);
    const shape = { rows: 3, columns: 90, bits, pairs };
    const local = setting.truncation === 'local';
    const cost = inSequence(model.product(540), model.truncateProducts(shape));
    if (!local) expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
    const row = (i: number): bigint[] => Array.from(found.ring.subarray(90 * i, 90 * (i + 1)), signed);
    const exact = encode(inputs[0].numbers, 20).map((x, i) => x * encode(inputs[1].numbers, 12)[i]);
    const [low, high] = local ? [-1n, 1n] : [0n, 1n];
    for (let i = 0; i < 270; i++) {
      const error = signed(found.ring[i]) - (signed(exact[i]) >> BigInt(bits));
      expect(error >= low && error <= high, `${signed(exact[i])} by ${error}`).toBe(true);
    }
    pairs.forEach(([i, j], k) => {
      expect(row(3 + k)).toEqual(row(i).map((left, at) => BigInt.asIntN(64, left * row(j)[at])));
    });
  });

  it.each([7, 32])('products of what truncations by %i bits have left, and of its sums', async (bits) => {
    const [m, n] = [6, 30];
    const inputs = [
      { ...numbers([1, m * n], -40, 40), fractionBits: 32 },
      { ...numbers([1, m], -1, 1, 2), fractionBits: 32 },
    ];
    const column = (e: Engine, x: Value): Value => e.reinterpret(e.reshape(x, [sizeOf(x.shape), 1]), 0);
    const script: Script = async (e, first, second) => {
      const [x, y] = [
        e.reshape((await e.truncateProducts(first, bits, [])).y, [m, n]),
        e.reshape((await e.truncateProducts(second, bits, [])).y, [m, 1]),
      ];
      const sums = e.sumColumns(x);
      const products = [
        await e.mul(sums, sums),
        await e.mul(x, y),
        await e.mul(x, sums),
        await e.mul(e.slice(x, 1, 3), e.slice(x, 2, 4)),
      ];
      return e.concatRows([x, y, ...products].map((value) => column(e, value)));
    };
    const found = await secure(setting, inputs, script);
    const all = Array.from(found.ring, signed);
    const take = (count: number): bigint[] => all.splice(0, count);
    const [x, y, squares, scaled, bySums, shifted] = [m * n, m, m, m * n, m * n, 2 * n].map(take);
    const sums = Array.from({ length: m }, (_, r) => x.slice(r * n, (r + 1) * n).reduce((sum, value) => sum + value));
    const wrapped = (products: bigint[]): bigint[] => products.map((product) => BigInt.asIntN(64, product));
    expect(squares).toEqual(wrapped(sums.map((sum) => sum * sum)));
    expect(scaled).toEqual(wrapped(x.map((value, i) => value * y[Math.floor(i / n)])));
    expect(bySums).toEqual(wrapped(x.map((value, i) => value * sums[Math.floor(i / n)])));
    expect(shifted).toEqual(wrapped(x.slice(n, 3 * n).map((value, i) => value * x[2 * n + i])));
    if (setting.truncation === 'local') return;
    const cost = inSequence(
      model.truncateProducts({ rows: 1, columns: m * n, bits, pairs: [] }),
      model.truncateProducts({ rows: 1, columns: m, bits, pairs: [] }),
      model.leftProduct(m, bits, [n]),
      model.leftProduct(m * n, bits, [1, 1]),
      model.leftProduct(m * n, bits, [1, n]),
      model.leftProduct(2 * n, bits, [1, 1]),
    );
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
    expect(cost.rounds).toBe(2);
  });

  it('products of what truncations by other bits have left are opened', async () => {
    const input = { ...numbers([1, 20], -40, 40), fractionBits: 32 };
    const found = await secure(setting, [input], async (e, x) => {
      const [left, right] = [(await e.truncateProducts(x, 7, [])).y, (await e.truncateProducts(x, 8, [])).y];
      const product = await e.mul(left, right);
      return e.concatRows([left, right, product].map((value) => e.reinterpret(value, 0)));
    });
    const [left, right, product] = [0, 20, 40].map((at) => Array.from(found.ring.subarray(at, at + 20), signed));
    expect(product).toEqual(left.map((value, i) => BigInt.asIntN(64, value * right[i])));
  });

  it('truncation with products refuses what it cannot do', async () => {
    const input = [numbers([2, 3], -1, 1)];
    const attempt = (bits: number, i: number): Promise<unknown> =>
      secure(setting, input, async (e, x) => (await e.truncateProducts(x, bits, [[0, i]])).products);
    await expect(attempt(33, 1)).rejects.toThrow('truncation by 33 bits before a product: expected 1 … 32');
    await expect(attempt(8, 2)).rejects.toThrow('products: row 2 of 2');
  });

  it.each([7, 32, 33])('powers of a ReLU with a truncation by %i bits', async (bits) => {
    const input = { ...numbers([1, 90], -20, 20), fractionBits: f + 7 };
    input.numbers.slice(0, 4).forEach((_, i) => ((input.numbers as number[])[i] = [0, ulp, -ulp, 20][i]));
    const script: Script = async (e, x) => {
      const scaled = e.reinterpret(e.extend(x, bits - 7), f + bits);
      const powers = await e.reluPowers(scaled, bits, 3);
      return e.concatRows(powers.map((power) => e.reinterpret(power, 0)));
    };
    if (bits > 7 + 30) return;
    const found = await secure(setting, [input], script);
    const [y, square, cube] = [0, 90, 180].map((at) => Array.from(found.ring.subarray(at, at + 90), signed));
    input.numbers.forEach((x, i) => expect(Math.abs(Number(y[i]) * ulp - Math.max(x, 0))).toBeLessThan(3 * ulp));
    expect(square).toEqual(y.map((value) => BigInt.asIntN(64, value ** 2n)));
    expect(cube).toEqual(y.map((value) => BigInt.asIntN(64, value ** 3n)));
    const inOne = setting.truncation === 'dealt' && bits <= 32;
    // What was left in three parts is dealt before it is revealed
    const cost = inSequence(model.reluPowers(90, bits, 3), inOne ? FREE : model.part(270));
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
    if (inOne) expect(cost.rounds).toBe(3);
  });

  it('exponential on its domain and below', async () => {
    const input = { shape: [1, 60], numbers: Array.from({ length: 60 }, (_, i) => -Math.round(i / 3 / ulp) * ulp) };
    for (const least of [0, 5]) {
      const base = exponential.firstBase(setting, ({ squarings }) => squarings >= least);
      const found = await secure(setting, [input], async (e, x) =>
        exponential.exponential(e, await exponential.clip(e, x, base), base),
      );
      // An ulp of each truncation, doubled by each squaring after it
      const noise = 2 ** (base.squarings + 1 - exponential.workingBits(setting));
      found.numbers.forEach((y, i) => {
        const x = Math.max(input.numbers[i], -exponential.CLIP);
        expect(Math.abs(y - exponential.approximation(base, x)), `exp(${x})`).toBeLessThan(noise);
      });
      expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(exponential.cost(model, 60, base));
    }
  });

  it.each([0, 4, 5, 6, 7, 8])('what stands for the exponential after %i squarings', (least) => {
    const base = exponential.firstBase(setting, ({ squarings }) => squarings >= least);
    const dealt = setting.truncation === 'dealt';
    const most = base.squarings === 3 ? 9e-5 : (dealt ? 2.4e-4 : 1.05e-3) * 4 ** (4 - base.squarings);
    for (let x = 0; x >= -exponential.CLIP; x -= 1 / 64) {
      const y = exponential.approximation(base, x);
      expect(Math.abs(y - Math.exp(x)), `exp(${x})`).toBeLessThan(most);
    }
    expect(exponential.approximation(base, 0)).toBe(1);
  });

  it.each([2, 10, 47, 200])('reciprocal on [1, %i]', async (n) => {
    const input = { shape: [40, 1], numbers: Array.from({ length: 40 }, (_, i) => 1 + ((n - 1) * i) / 39) };
    const found = await secure(setting, [input], (e, s) => reciprocal.reciprocal(e, s, n));
    closeTo(
      found,
      input.numbers.map((s) => 1 / s),
      ulp * reciprocal.errorUlps(setting, n, f),
    );
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(reciprocal.cost(model, 40, n, f));
  });

  it.each([2, 10, 11, 80, 100, 256])('logarithm on [1, %i]', async (n) => {
    const w = exponential.workingBits(setting);
    const input = {
      shape: [40, 1],
      numbers: Array.from({ length: 40 }, (_, i) => 1 + ((n - 1) * i) / 39),
      fractionBits: w,
    };
    const found = await secure(setting, [input], (e, s) => logarithm(e, s, n));
    closeTo(found, input.numbers.map(Math.log), setting.truncation === 'dealt' ? 3e-3 : 2e-2);
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(logarithmCost(model, 40, n));
  });

  it('softmax and cross-entropy', async () => {
    const [m, n] = [8, 10];
    const input = numbers([m, n], -4, 6);
    const labels = Array.from({ length: m * n }, (_, i) => (i % n === Math.floor(i / n) ? 1 : 0));
    const expected: number[] = [];
    let loss = 0;
    for (let r = 0; r < m; r++) {
      const powers = input.numbers.slice(r * n, (r + 1) * n).map(Math.exp);
      const sum = powers.reduce((a, b) => a + b, 0);
      expected.push(...powers.map((power) => power / sum));
      loss -= Math.log(powers[r] / sum);
    }
    const found = await secure(setting, [input], async (e, x) => (await softmax(e, x)).probabilities);
    closeTo(found, expected, setting.truncation === 'dealt' ? 5e-3 : 3e-2);
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(softmaxCost(model, m, n));
    const entropy = await secure(setting, [input], async (e, x) =>
      crossEntropy(e, await softmax(e, x), e.constant([m, n], labels, 0)),
    );
    // Truncation and the approximation of exp shift the large negative logits' share of the sum, not the logits themselves.
    expect(Math.abs(entropy.numbers[0] - loss)).toBeLessThan(m * (setting.truncation === 'dealt' ? 0.005 : 0.05));
  });

  it.each([2, 10, 17])('softmax of %i products: the clip truncates them', async (n) => {
    const m = 6;
    const inputs = [numbers([m, n], -4, 6), { shape: [1, n], numbers: new Array<number>(n).fill(1) }];
    // A row of equals, one whose largest is an ulp ahead, one below the clip.
    const rows = inputs[0].numbers as number[];
    rows
      .fill(1.5, 0, n)
      .fill(-2, n, 2 * n)
      .fill(-30, 2 * n, 3 * n);
    rows[n] += ulp;
    rows[3 * n - 1] = 3;
    const onProducts: Script = async (e, x, y) => (await softmax(e, await e.mul(x, y))).probabilities;
    const found = await secure(setting, inputs, onProducts);
    const expected = Array.from({ length: m }, (_, r) => {
      const powers = rows.slice(r * n, (r + 1) * n).map(Math.exp);
      return powers.map((power) => power / powers.reduce((a, b) => a + b, 0));
    });
    closeTo(found, expected.flat(), setting.truncation === 'dealt' ? 5e-3 : 3e-2);
    if (setting.truncation === 'local') return;
    const cost = inSequence(model.product(m * n + n), softmaxCost(model, m, n, f));
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
    expect(found.rounds).toBe(1 + softmaxCost(model, m, n).rounds);
  });

  it('softmax of products that leave no room for the tree truncates them first', async () => {
    if (setting.truncation === 'local') return;
    const [m, n] = [4, 10];
    const bits = f / 2 + 14;
    const inputs = [
      { ...numbers([m, n], -4, 6), fractionBits: bits },
      { shape: [1, n], numbers: new Array<number>(n).fill(1), fractionBits: bits },
    ];
    const script: Script = async (e, x, y) => (await softmax(e, await e.mul(x, y))).probabilities;
    const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
    closeTo(found, twin.numbers, 16 * ulp);
    const first = inSequence(model.product(m * n + n), model.truncate(m * n, 2 * bits - f));
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(inSequence(first, softmaxCost(model, m, n)));
  });

  it('operations under `all` overlap and agree with the twin', async () => {
    const inputs = [numbers([5, 5], -3, 3), numbers([5, 5], -3, 3, 2)];
    const script: Script = async (e, x, y) => {
      const [a, b] = await e.all([
        async (fork) => fork.mul((await fork.relu(x)).y, y),
        async (fork) => fork.matmul(x, (await fork.relu(y)).y),
      ]);
      return e.scope('after', (fork) => fork.mul(a, b));
    };
    const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
    expect(found.ring).toEqual(twin.ring);
    expect(found.rounds).toBe(model.relu(25).rounds + 2);
  });
});

describe('data sets', () => {
  it('take no message, whichever batches a row is in', async () => {
    const [rows, width, f] = [7, 70, 16];
    const random = testRandom(5);
    const images = Array.from({ length: rows * width }, () => random());
    const parts = ownedParts(encode(images, f));
    const weights = Array.from({ length: width }, () => random());
    const batches = [
      [3, 1],
      [1, 5, 3],
      [5, 1],
      [0, 0, 2],
    ];
    const revealed = [new Map<string, BigUint64Array>(), new Map<string, BigUint64Array>()];
    const run = simulate(async (party) => {
      const engine = createSecureEngine(party, {
        ...SETTINGS[0],
        reveal: (name, share) => {
          revealed[party.id].set(name, share);
          return Promise.resolve();
        },
      });
      const data = engine.dataset('images', [rows, width], f, parts[party.id]);
      const w = engine.constant([width, 1], weights);
      for (const [i, batch] of batches.entries())
        await engine.reveal(`${i}`, await engine.matmul(engine.rows(data, batch), w));
      await engine.settle();
    });
    const { bytes } = await run;
    // The weights are opened once; ten results are dealt.
    expect(bytes).toBe(16 * width + 8 * 10);
    for (const [i, batch] of batches.entries()) {
      const products = decode(z64.add(revealed[0].get(`${i}`)!, revealed[1].get(`${i}`)!), 2 * f + 1);
      const encoded = decode(encode(images, f), f);
      const encodedWeights = decode(encode(weights, f), f);
      batch.forEach((row, k) => {
        const expected = encodedWeights.reduce((sum, v, j) => sum + v * encoded[row * width + j], 0);
        expect(Math.abs(products[k] - expected)).toBeLessThan(1e-9);
      });
    }
  });

  it('refuse rows they do not have', async () => {
    const parts = ownedParts(new BigUint64Array(6));
    const run = simulate(async (party) => {
      const engine = createSecureEngine(party, { ...SETTINGS[0], reveal: () => Promise.resolve() });
      const data = engine.dataset('x', [2, 3], 16, parts[party.id]);
      engine.rows(data, [2]);
      return Promise.resolve();
    });
    await expect(run).rejects.toThrow(/row 2 of a data set with 2/);
  });
});

describe('shapes are checked at the door', () => {
  const bad: Record<string, [Script, RegExp]> = {
    'matmul inner dimensions': [(e, x) => e.matmul(x, x), /\(2,3\).*\(2,3\)/],
    'a bias of another length': [
      (e, x) => e.matmul(x, x, { transposeY: true, bias: x }),
      /a row has 2 elements.*\[2,3\]/,
    ],
    'a bias finer than the product': [
      (e, x) => e.matmul(x, x, { transposeY: true, bias: e.extend(e.columns(e.slice(x, 0, 1), 0, 2), 30) }),
      /the bias has \d+ fractional bits more/,
    ],
    'mul of different shapes': [(e, x) => e.mul(x, e.reshape(x, [3, 2])), /\[2,3\] and \[3,2\]/],
    'add of different scales': [(e, x) => Promise.resolve(e.add(x, e.extend(x, 1))), /16 fractional bits against 17/],
    'combine of different shapes': [
      (e, x) =>
        Promise.resolve(
          e.combine(
            [
              [1n, x],
              [2n, e.reshape(x, [3, 2])],
            ],
            16,
          ),
        ),
      /\[2,3\] and \[3,2\] differ/,
    ],
    'reshape to another size': [(e, x) => Promise.resolve(e.reshape(x, [5])), /\[2,3\] does not fit \[5\]/],
    'columns beyond the end': [(e, x) => Promise.resolve(e.columns(x, 1, 4)), /columns 1 … 4/],
    'truncation by 0 bits': [(e, x) => e.truncate(x, 0), /expected 1 … 61/],
    'rows of what is no data set': [(e, x) => Promise.resolve(e.rows(x, [7])), /row 7|not a data set/],
  };
  it.each(Object.keys(bad))('%s', async (name) => {
    const [script, message] = bad[name];
    await expect(plain(SETTINGS[0], [numbers([2, 3], -1, 1)], script)).rejects.toThrow(message);
    await expect(secure(SETTINGS[0], [numbers([2, 3], -1, 1)], script)).rejects.toThrow(message);
  });
});
