/** What convolutional networks add to Engine: against the ideal twin, bit for bit, with declared costs; over odd shapes. */
import { describe, expect, it } from 'vitest';
import type { ConvShape } from '../../runtime/compute.ts';
import { createCostModel } from '../../src/engine/costModel.ts';
import { type Cost, inSequence } from '../../src/party/cost.ts';
import { maximum } from '../../src/functions/maximum.ts';
import * as maxpool from '../../src/functions/maxpool.ts';
import { maxpoolRelu, treeCost, treeRouteCost } from '../../src/functions/maxpoolTree.ts';
import type { WindowShape } from '../../src/ring/windows.ts';
import { closeTo, exactly, type Input, numbers, type Outcome, plain, type Script, secure, SETTINGS } from '../twins.ts';

const CONV: ConvShape = {
  batch: 2,
  height: 6,
  width: 5,
  channels: 2,
  kernelHeight: 3,
  kernelWidth: 2,
  filters: 3,
  stride: 2,
  padding: 1,
};
const IMAGE = [2, 6, 5, 2];
const FILTER = [3, 2, 2, 3];
const OUTPUT = [2, 3, 3, 3];
const SIZES = { image: 120, filter: 36, output: 54 };

const WINDOW: WindowShape = {
  batch: 2,
  height: 5,
  width: 4,
  channels: 3,
  windowHeight: 2,
  windowWidth: 2,
  strideHeight: 2,
  strideWidth: 2,
};

describe.each(SETTINGS)('$suite suite, f = $fractionBits, k = $compareBits', (setting) => {
  const model = createCostModel(setting);
  const f = setting.fractionBits;
  const exact = (inputs: readonly Input[], script: Script, cost: Cost): Promise<Outcome> =>
    exactly(setting, inputs, script, cost);

  it('conv opens the image, not its patches', async () => {
    const found = await exact(
      [numbers(IMAGE, -9, 9), numbers(FILTER, -9, 9, 2)],
      (e, x, w) => e.conv('forward', CONV, x, w),
      inSequence(model.product(SIZES.image + SIZES.filter), model.part(SIZES.output)),
    );
    expect(found.shape).toEqual(OUTPUT);
  });

  it('conv, both gradients', async () => {
    await exact(
      [numbers(OUTPUT, -9, 9), numbers(FILTER, -9, 9, 2)],
      (e, d, w) => e.conv('inputGradient', CONV, d, w),
      inSequence(model.product(SIZES.output + SIZES.filter), model.part(SIZES.image)),
    );
    await exact(
      [numbers(IMAGE, -9, 9), numbers(OUTPUT, -9, 9, 2)],
      (e, x, d) => e.conv('weightGradient', CONV, x, d),
      inSequence(model.product(SIZES.image + SIZES.output), model.part(SIZES.filter)),
    );
  });

  it('conv refuses operands of other shapes', async () => {
    const inputs = [numbers(IMAGE, -1, 1), numbers([3, 2, 3, 2], -1, 1)];
    await expect(exact(inputs, (e, x, w) => e.conv('forward', CONV, x, w), model.product(0))).rejects.toThrow(
      'conv forward: y is [3,2,3,2], expected [3,2,2,3]',
    );
  });

  it('slices, windows, overlays and transposes send nothing', async () => {
    await exact(
      [numbers([2, 5, 4, 3], -9, 9)],
      async (e, x) => {
        const planes = await e.windows(x, WINDOW);
        const parts = e.concatRows([e.slice(planes, 2, 4), e.slice(planes, 0, 2)]);
        return e.overlay(e.transpose(e.transpose(parts)), WINDOW);
      },
      { rounds: 0, bytes: 0 },
    );
  });

  it('a border, its transpose and public factors send nothing', async () => {
    const border = { top: 1, left: 0, bottom: 2, right: 1 };
    const factors = BigUint64Array.from({ length: 2 * 8 * 5 * 3 }, (_, i) => BigInt(i % 7));
    for (const fill of ['zero', 'edge'] as const)
      await exact(
        [numbers([2, 5, 4, 3], -9, 9)],
        (e, x) => Promise.resolve(e.unpad(e.weigh(e.pad(x, border, fill), factors), x.shape, border, fill)),
        { rounds: 0, bytes: 0 },
      );
  });

  it.each(['zero', 'edge'] as const)('images with a border (%s) are opened once, without it', async (fill) => {
    const border = { top: 0, left: 1, bottom: 1, right: 0 };
    const shape: ConvShape = { ...CONV, height: 7, width: 6, padding: 0, stride: 1 };
    await exact(
      [numbers(IMAGE, -9, 9), numbers(FILTER, -9, 9, 2)],
      async (e, x, w) => {
        const once = await e.conv('forward', shape, e.pad(x, border, fill), w);
        return e.add(once, await e.conv('forward', shape, e.pad(x, border, fill), w));
      },
      inSequence(model.product(SIZES.image + SIZES.filter), model.part(2 * 5 * 5 * 3)),
    );
  });

  it('unit vectors, also of lengths that are no power of two', async () => {
    for (const n of [1, 4, 9]) {
      const index: Input = { shape: [50], numbers: Array.from({ length: 50 }, (_, i) => (i * 7) % n), fractionBits: 0 };
      const found = await exact([index], (e, k) => e.unitVectors(k, n), model.unitVectors(50, n));
      expect(found.shape).toEqual([50, n]);
    }
  });

  it.each([1, 2, 4, 9])('the maximum of %i candidates, and the error routed to it', async (n) => {
    const candidates = numbers([n, 30], -9, 9);
    const delta = numbers([1, 30], -9, 9, 2);
    const tree = setting.suite === 'direct';
    await exact(
      [candidates],
      async (e, x) => (await maximum(e, x)).y,
      tree ? treeCost(model, n, 30, 0) : maxpool.cost(model, n, 30),
    );
    await exact(
      [candidates, delta],
      async (e, x, d) => (await maximum(e, x)).route(e, d),
      tree
        ? inSequence(treeCost(model, n, 30, 0), treeRouteCost(n, 30))
        : inSequence(maxpool.cost(model, n, 30), maxpool.derivativeCost(model, n, 30)),
    );
  });

  it('ReLU and maximum of values with more fractional bits', async () => {
    // Numbers of at least one ulp of f apart from zero and from each other: the comparison may drop the bits below.
    const wide: Input = { ...numbers([4, 30], -200, 200, 5), fractionBits: 2 * f };
    await exact([wide], async (e, x) => (await e.relu(x)).y, model.relu(120, f));
    await exact(
      [wide],
      async (e, x) => (await maximum(e, x)).y,
      setting.suite === 'direct' ? treeCost(model, 4, 30, f) : maxpool.cost(model, 4, 30),
    );
  });

  it.each([2, 4, 9])('the maximum of %i products, of which no share is dealt', async (n) => {
    const inputs = [numbers([n, 30], -9, 9), numbers([n, 30], -9, 9, 2)];
    const script: Script = async (e, x, y) => {
      const { y: most } = await maximum(e, await e.mul(x, y));
      return (await e.truncateRelu(most, most.fractionBits - f)).y;
    };
    const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
    closeTo(found, twin.numbers, 3 * 2 ** -f);
    if (setting.suite === 'paper') return;
    const levels = Math.ceil(Math.log2(n));
    const cost = inSequence(model.product(60 * n), treeCost(model, n, 30, f), model.truncateRelu(30, f + levels));
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
  });

  it('an error routed to windows is opened for products as it goes', async () => {
    if (setting.suite === 'paper') return;
    const window: WindowShape = { ...WINDOW, height: 4 };
    const image = [2, 4, 4, 3];
    const shape: ConvShape = {
      ...CONV,
      height: 4,
      width: 4,
      filters: 3,
      kernelHeight: 1,
      kernelWidth: 1,
      stride: 1,
      padding: 0,
    };
    const inputs = [numbers(image, -9, 9), numbers([1, 24], -9, 9, 2), numbers([2, 4, 4, 2], -9, 9, 3)];
    await exact(
      inputs,
      async (e, x, d, input) => {
        const largest = await maximum(e, await e.windows(x, window));
        const error = await e.overlay(await largest.route(e, d), window);
        const once = await e.conv('weightGradient', shape, input, error);
        return e.add(once, await e.conv('weightGradient', shape, input, error));
      },
      // 24 windows of four: two levels on the way down, of which the lower is opened for the products.
      inSequence(treeCost(model, 4, 24, 0), treeRouteCost(4, 24), model.product(48 + 64), model.part(6)),
    );
  });

  it('planes that overlap are opened as the image they make', async () => {
    const window: WindowShape = { ...WINDOW, strideHeight: 1, strideWidth: 1 };
    await exact(
      [numbers([4, 72], -9, 9), numbers([2, 5, 4, 3], -9, 9, 2)],
      async (e, planes, x) => e.mul(await e.overlay(planes, window), x),
      inSequence(model.product(240), model.part(120)),
    );
  });

  it.each([2, 3, 4])('the maximum of %i products and zero, truncated, in one ReLU less', async (n) => {
    const inputs = [numbers([n, 30], -9, 9), numbers([n, 30], -9, 9, 2)];
    const script: Script = async (e, x, y) => maxpoolRelu(e, await e.mul(x, y));
    const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
    closeTo(found, twin.numbers, 3 * 2 ** -f);
    expect(Math.min(...found.numbers)).toBe(0);
    if (setting.suite === 'paper') return;
    const levels = Math.ceil(Math.log2(n));
    const before = n === 2 ? [] : [model.relu(30 * (n >> 1), f)];
    const cost = inSequence(model.product(60 * n), ...before, model.largerRelu(30, f + levels - 1));
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
    expect(found.rounds).toBe(1 + 3 * levels);
  });

  it('the maximum of a product, a value in two shares, and zero', async () => {
    const inputs = [
      numbers([30], -9, 9),
      numbers([30], -9, 9, 2),
      { ...numbers([30], -40, 40, 3), fractionBits: 2 * f },
    ];
    const scripts: Script[] = [
      async (e, x, y, z) => e.largerRelu(await e.mul(x, y), z, f),
      async (e, x, y, z) => e.largerRelu(z, await e.mul(x, y), f),
    ];
    for (const script of scripts) {
      const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
      closeTo(found, twin.numbers, 3 * 2 ** -f);
    }
  });

  it('the maximum of two values and zero, on every side of each other', async () => {
    const around = [0, 1, -1, 2, -2, 40, -40, 2 ** 14, -(2 ** 14)].map((ulps) => ulps * 2 ** -f);
    const pairs = around.flatMap((x) => around.map((y) => [x, y] as const));
    const column = (side: 0 | 1): Input => ({ shape: [pairs.length], numbers: pairs.map((pair) => pair[side]) });
    const script: Script = (e, x, y) => e.largerRelu(e.extend(x, 7), e.extend(y, 7), 7);
    const found = await secure(setting, [column(0), column(1)], script);
    closeTo(
      found,
      pairs.map(([x, y]) => Math.max(x, y, 0)),
      2 * 2 ** -f,
    );
  });
});
