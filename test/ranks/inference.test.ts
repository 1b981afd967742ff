/** Ranks predict what one rank predicts part by part, bit for bit, and draw nothing that another one draws. */
import { describe, expect, it } from 'vitest';
import type { CountingOptions } from '../../src/engine/countedValues.ts';
import { createSecureEngine, type SecureEngine } from '../../src/engine/secure.ts';
import { type Parameters, prepared } from '../../src/nn/forward.ts';
import { checkRanksOfInference, inferAlong, inferBatch, type InferenceOptions } from '../../src/nn/infer.ts';
import { initialValues } from '../../src/nn/initial.ts';
import { modelTensors } from '../../src/nn/modelTensors.ts';
import { inputSize, type Network, parameters } from '../../src/nn/network.ts';
import type { Party } from '../../src/party/party.ts';
import { encode } from '../../src/ring/fixed.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import * as z64 from '../../src/ring/z64.ts';
import { FEW_VALUES } from '../../src/protocols/suite.ts';
import { giveModel, takeModel } from '../../src/server/ranks/model.ts';
import type { RankTeam } from '../../src/server/ranks/team.ts';
import { DIRECT, NORMED, PAPER, TINY, type TinySetting } from '../nn/tiny.ts';
import { ownedParts } from '../owned.ts';
import { testRandom } from '../reference.ts';
import { pairKeys, simulate } from '../simulate.ts';
import { type RankOptions, simulateRanks } from './simulate.ts';

const KEYS = pairKeys(7, 8, 9);
const IMAGES = 11;

const POOLED: Network = {
  name: 'pooled',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', filters: 3, kernel: 2 },
    { type: 'relu' },
    { type: 'maxpool', window: 3 },
    { type: 'flatten' },
    { type: 'dense', units: 3 },
  ],
};

type Task = Omit<InferenceOptions, 'team'>;

interface Given {
  readonly shares: ReadonlyMap<string, readonly BigUint64Array[]>;
  readonly images: ReturnType<typeof ownedParts>;
}

/** The owner's masks decide roundings, too: the same in all runs. */
const alike = new Map<string, Given>();

/** Shares of the model, and what the parties have of images. */
function given(network: Network, f: number): Given {
  const key = `${network.name} ${f}`;
  if (!alike.has(key)) alike.set(key, deal(network, f));
  return alike.get(key)!;
}

function deal(network: Network, f: number): Given {
  const random = testRandom(21);
  const shares = new Map(
    parameters(network).map((spec) => {
      const values = encode(Array.from(initialValues(spec, 3)), f);
      const first = encode(Array.from(values, random), f);
      return [spec.name, [first, z64.sub(values, first)] as const];
    }),
  );
  const pixels = encode(Array.from({ length: IMAGES * inputSize(network) }, random), f);
  return { shares, images: ownedParts(pixels) };
}

/** What rank 0 does, or another one. */
function inference(
  setting: TinySetting,
  task: Task,
  network: Network,
  reveal: (name: string, share: BigUint64Array, id: number) => void,
): (party: Party, team: RankTeam | undefined) => Promise<void> {
  const f = setting.fractionBits;
  const { shares, images } = given(network, f);
  const counting: CountingOptions = setting;
  return async (party, team) => {
    const engine: SecureEngine = createSecureEngine(party, {
      ...setting,
      ...(party.security === 'private' && setting.suite === 'direct' && { few: FEW_VALUES }),
      reveal: (name, share) => {
        reveal(name, share, party.id);
        return Promise.resolve();
      },
    });
    const dataset = engine.dataset('images', [IMAGES, inputSize(network)], f, images[party.id]);
    const options = { ...task, team };
    checkRanksOfInference(IMAGES, options);
    const tensors = modelTensors(network, counting);
    if (team !== undefined && team.rank > 0) {
      team.onAgree = () => engine.agree({ always: true });
      const model = await takeModel(engine, team, tensors);
      await inferAlong(engine, network, model, dataset, { ...task, team });
      return engine.end();
    }
    const received: Parameters = new Map(
      parameters(network).map(({ name, shape }) => {
        const share = party.id === 2 ? null : shares.get(name)![party.id];
        return [name, engine.input(`model/${name}`, shape, f, share)];
      }),
    );
    const model = await prepared(engine, network, received);
    for (const { name, shape, fractionBits } of tensors) {
      expect(model.get(name)!.shape, name).toEqual(shape);
      expect(model.get(name)!.fractionBits, name).toBe(fractionBits);
    }
    if (team !== undefined) await giveModel(engine, { team, forAll: (data) => data }, tensors, model);
    for (let batch = 0; batch * task.batch < IMAGES; batch++) {
      await team?.begin({ kind: 'inference', batch });
      await engine.scope(`batch/${batch}`, async (scope) => {
        const results = (await inferBatch(scope, network, model, dataset, batch, options))!;
        expect(results.shape[0]).toBe(Math.min(task.batch, IMAGES - batch * task.batch));
        await scope.reveal(`prediction/${batch}`, results);
      });
      await engine.agree({ others: team && (() => team.agree()) });
      await engine.settle();
    }
    await engine.end();
    await team?.end();
  };
}

async function predictions(
  size: number,
  setting: TinySetting,
  task: Task,
  network: Network,
  simulation: Partial<RankOptions> = {},
): Promise<Map<string, BigUint64Array>> {
  const revealed = [new Map<string, BigUint64Array>(), new Map<string, BigUint64Array>()];
  const run = inference(setting, task, network, (name, share, id) => revealed[id].set(name, share));
  if (size === 1) await simulate((party) => run(party, undefined), { keys: KEYS, ...simulation });
  else await simulateRanks(size, run, { keys: KEYS, ...simulation });
  return new Map([...revealed[0]].map(([name, share]) => [name, z64.add(share, revealed[1].get(name)!)]));
}

const CASES = [
  [2, 'vectors', TINY, { batch: 6, microBatch: 3, scores: true }],
  [3, 'vectors, a last batch of fewer images than ranks', TINY, { batch: 9, microBatch: 3, scores: true }],
  [3, 'vectors, more parts than ranks', TINY, { batch: 11, microBatch: 2, scores: true }],
  [5, 'images', POOLED, { batch: 10, microBatch: 2, scores: true }],
  [3, 'images, classes', POOLED, { batch: 6, microBatch: 2 }],
] as const satisfies readonly (readonly [number, string, Network, Task])[];

describe('ranks', () => {
  it.each([
    ...CASES.map((each) => [...each, DIRECT, undefined] as const),
    ...CASES.map((each) => [...each, PAPER, undefined] as const),
    ...CASES.map((each) => [...each, DIRECT, 'private'] as const),
    ...CASES.slice(0, 1).map((each) => [...each, PAPER, 'private'] as const),
  ])('%i, %s: the answers of one, bit for bit', async (size, _what, network, task, setting, security) => {
    const simulation = security === undefined ? {} : { security };
    const one = await predictions(1, setting, task, network, simulation);
    expect([...one.keys()]).toHaveLength(Math.ceil(IMAGES / task.batch));
    expect(await predictions(size, setting, task, network, simulation)).toEqual(one);
  });

  it.each(['semi-honest', 'private'] as const)(
    'with running statistics: but for rounding, for what is prepared is handed on in two shares, %s',
    async (security) => {
      const task = { batch: 8, microBatch: 4, scores: true } as const;
      const one = await predictions(1, DIRECT, task, NORMED, { security });
      const two = await predictions(2, DIRECT, task, NORMED, { security });
      // Units of the last place, of which each of three truncations leaves one, and weights below 1 make no more of it.
      for (const [name, scores] of one)
        for (const [i, score] of scores.entries())
          expect(Math.abs(Number(BigInt.asIntN(64, score - two.get(name)![i]))), `${name} ${i}`).toBeLessThan(8);
    },
  );

  it.each(['semi-honest', 'private'] as const)(
    'draw at addresses of their own in a %s inference: no mask of one is another one’s',
    async (security) => {
      const uses = new Map<string, number>();
      await predictions(3, DIRECT, { batch: 9, microBatch: 2, scores: true }, POOLED, {
        security,
        streams: (streams, pair) => ({
          stream: (path, purpose) => {
            const draw = `${pair} ${Buffer.from(streams.stream(path, purpose).bytes(16)).toString('hex')}`;
            uses.set(draw, (uses.get(draw) ?? 0) + 1);
            return streams.stream(path, purpose);
          },
        }),
      });
      // Both ends of a pair.
      expect([...uses.values()].filter((count) => count > 2)).toEqual([]);
      expect(uses.size).toBeGreaterThan(100);
    },
  );

  it('hand on no more than the model, what is begun and results, all within their party', async () => {
    const seen = new Map<string, Set<number>>();
    await predictions(3, DIRECT, { batch: 6, microBatch: 2, scores: true }, TINY, {
      within: (party, label) => {
        const what = label.replace(/\d+/g, 'N');
        seen.set(what, (seen.get(what) ?? new Set()).add(party));
      },
    });
    const all = [0, 1, 2];
    expect(Object.fromEntries([...seen].map(([what, parties]) => [what, [...parties].sort()]))).toEqual({
      'order/N': all,
      'model/layers.N.weight/operand': all,
      'model/layers.N.bias/share': [0, 1],
      'rows/batch/N/N': all,
    });
  });

  it('without a part of a batch each are refused', async () => {
    const broken = predictions(3, DIRECT, { batch: 6, microBatch: 3 }, TINY);
    await expect(broken).rejects.toThrow('rank 1 of P0: 3 ranks: a batch has only 2 parts, and each rank needs one');
  });
});

it('takes of a layer with running statistics what is prepared of them', () => {
  const tensors = modelTensors(NORMED, DIRECT);
  expect(tensors.map(({ name, shape }) => [name, sizeOf(shape)])).toEqual([
    ['layers.0.weight', 16],
    ['layers.0.bias', 4],
    ['layers.5.weight', 24],
    ['layers.5.bias', 3],
    ['layers.1.slope', 4],
    ['layers.1.offset', 4],
  ]);
});
