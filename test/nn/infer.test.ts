/** Inference of a convolutional network: the classes of the plain engine, weights opened once a session. */
import { expect, it } from 'vitest';
import { initialValues } from '../../src/nn/initial.ts';
import { infer } from '../../src/nn/infer.ts';
import { type Network, parameters } from '../../src/nn/network.ts';
import { dataOf } from '../../src/engine/linear.ts';
import { createPlainEngine } from '../../src/engine/plain.ts';
import { held } from '../../src/engine/ownedInput.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { encode } from '../../src/ring/fixed.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import * as z64 from '../../src/ring/z64.ts';
import { ownedParts } from '../owned.ts';
import { testRandom } from '../reference.ts';
import { simulate, testCompute } from '../simulate.ts';

const NETWORK: Network = {
  name: 'small',
  input: [6, 6, 1],
  layers: [
    { type: 'conv2d', filters: 3, kernel: 3 },
    { type: 'relu' },
    { type: 'maxpool', window: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 4 },
  ],
};
const SETTING = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const;
const BATCH = 5;

const random = testRandom(4);
const specs = parameters(NETWORK);
const model = specs.map((spec) => encode(initialValues(spec, 2), 16));
const images = encode(
  Array.from({ length: 2 * BATCH * 36 }, () => 4 * random() - 2),
  16,
);

/** Classes of the first `batches` batches, and the bytes that all parties sent. */
async function secure(batches: number): Promise<{ classes: number[]; bytes: number }> {
  const [weights, pixels] = [model.map(ownedParts), ownedParts(images)];
  const revealed = [new Map<string, BigUint64Array>(), new Map<string, BigUint64Array>()];
  const { bytes } = await simulate(async (party) => {
    const engine = createSecureEngine(party, {
      ...SETTING,
      reveal: (name, share) => Promise.resolve(void revealed[party.id].set(name, share)),
    });
    const values = new Map(
      specs.map(({ name, shape }, i) => {
        const { data, opening } = held(party.id, weights[i][party.id], sizeOf(shape));
        return [name, engine.input(name, shape, 16, data, opening)] as const;
      }),
    );
    const x = engine.dataset('images', [2 * BATCH, 36], 16, pixels[party.id]);
    for (let b = 0; b < batches; b++) {
      const rows = Array.from({ length: BATCH }, (_, i) => b * BATCH + i);
      await engine.scope(`batch/${b}`, async (scope) => {
        await scope.reveal(`${b}`, await infer(scope, NETWORK, values, scope.rows(x, rows)));
      });
    }
    await engine.settle();
  });
  const classes = Array.from({ length: batches }, (_, b) =>
    Array.from(z64.add(revealed[0].get(`${b}`)!, revealed[1].get(`${b}`)!), Number),
  ).flat();
  return { classes, bytes };
}

it('gives the classes of the plain engine', async () => {
  const plain = createPlainEngine({
    ...SETTING,
    compute: await testCompute(),
    seed: 1,
    reveal: () => Promise.resolve(),
  });
  const values = new Map(specs.map(({ name, shape }, i) => [name, plain.input(shape, 16, model[i])] as const));
  const classes = await infer(plain, NETWORK, values, plain.input([2 * BATCH, 36], 16, images));
  const expected = Array.from(dataOf(classes), Number);
  expect(new Set(expected).size).toBeGreaterThan(1);
  expect((await secure(2)).classes).toEqual(expected);
});

it('opens neither weights nor images: every batch costs the same', async () => {
  const [one, two] = [await secure(1), await secure(2)];
  expect(two.bytes).toBe(2 * one.bytes);
});
