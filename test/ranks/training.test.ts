/** Ranks compute what one rank computes part by part, bit for bit, and draw nothing that another one draws. */
import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../src/channel/frame.ts';
import type { MemoryOptions, RecordedMessage } from '../../src/channel/memory.ts';
import type { StoredTensor } from '../../src/data/checkpoint.ts';
import { createSecureEngine, type SecureEngine } from '../../src/engine/secure.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { inputSize, type Network, parameters } from '../../src/nn/network.ts';
import { partsOfRank, rankPart } from '../../src/nn/ranks.ts';
import {
  type Checkpointing,
  REVEALED,
  train,
  trainAlong,
  type TrainingData,
  type TrainOptions,
} from '../../src/nn/train.ts';
import { partsOf } from '../../src/nn/trainStep.ts';
import type { Party, PartyId } from '../../src/party/party.ts';
import { decode, encode } from '../../src/ring/fixed.ts';
import * as z64 from '../../src/ring/z64.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { type SharedPlaces, sharedPlaces } from '../../src/server/ranks/shared-weights.ts';
import { workersLedger } from '../../src/server/workers-ledger.ts';
import type { RankTeam } from '../../src/server/ranks/team.ts';
import {
  DIRECT,
  NORMED,
  OPTIONS,
  PAPER,
  dataShares,
  TINY,
  tinyData,
  tinyShares,
  type TinySetting,
  type TinyShares,
  trainSecure,
} from '../nn/tiny.ts';
import { flipping, framed } from '../changed-message.ts';
import { ownedParts } from '../owned.ts';
import { testRandom } from '../reference.ts';
import { type RankOptions, simulateRanks } from './simulate.ts';
import { pairKeys } from '../simulate.ts';

const KEYS = pairKeys(4, 5, 6);

/** With a convolution, pooling, public masks. */
const IMAGES: Network = {
  name: 'images',
  input: [2, 3, 1],
  layers: [
    { type: 'conv2d', filters: 4, kernel: 2 },
    { type: 'leakyrelu', slope: 0.25 },
    { type: 'maxpool', window: 1 },
    { type: 'flatten' },
    { type: 'dropout', rate: 0.25 },
    { type: 'dense', units: 3 },
  ],
};

/** The owner's masks decide roundings, too: the same in both runs. */
const shares = new Map([DIRECT.fractionBits, PAPER.fractionBits, 20].map((f) => [f, tinyShares(f)]));

/** A rank's part of a training. */
function training(
  setting: TinySetting,
  options: TrainOptions,
  network: Network,
  reveal: (name: string, share: BigUint64Array, id: PartyId) => void,
  keeping: (engine: SecureEngine) => Pick<Checkpointing, 'from' | 'onState'> = () => ({}),
): (party: Party, team: RankTeam, dataOf: (engine: SecureEngine) => TrainingData) => Promise<void> {
  return async (party, team, dataOf) => {
    const engine = createSecureEngine(party, {
      ...setting,
      reveal: (name, share) => {
        reveal(name, share, party.id);
        return Promise.resolve();
      },
    });
    const data = dataOf(engine);
    team.onAgree = () => engine.agree({ always: true });
    if (team.rank > 0) return trainAlong(engine, network, data, options, team);
    await train(engine, network, data, options, () => undefined, { ...keeping(engine), team });
    await engine.agree({ others: () => team.agree() });
    await team.end();
  };
}

/** What the workers reveal. */
interface Revealed {
  readonly reveal: (name: string, share: BigUint64Array, id: PartyId) => void;
  readonly sums: () => Map<string, BigUint64Array>;
}

function revealing(): Revealed {
  const shares = [new Map<string, BigUint64Array>(), new Map<string, BigUint64Array>()];
  return {
    reveal: (name, share, id) => shares[id].set(name, share),
    sums: () => new Map([...shares[0]].map(([name, share]) => [name, z64.add(share, shares[1].get(name)!)])),
  };
}

async function trainRanks(
  size: number,
  setting: TinySetting,
  options: TrainOptions,
  network: Network = TINY,
  simulation: Partial<RankOptions> = {},
  dealt: TinyShares = shares.get(setting.fractionBits)!,
  revealed: Revealed = revealing(),
): Promise<Map<string, BigUint64Array>> {
  const run = training(setting, options, network, revealed.reveal);
  await simulateRanks(size, (party, team) => run(party, team, (engine) => tinyData(engine, party.id, dealt)), {
    keys: KEYS,
    ...simulation,
  });
  return revealed.sums();
}

/** Of so many ranks and of one that has the same parts. */
async function expectSame(
  size: number,
  setting: TinySetting,
  options: TrainOptions,
  network: Network,
  dealt: TinyShares = shares.get(setting.fractionBits)!,
): Promise<void> {
  const one = await trainSecure(setting, options, { keys: KEYS }, dealt, network);
  const several = await trainRanks(size, setting, options, network, {}, dealt);
  for (const [name, x] of one.parameters) expect(isSame(several.get(name)!, x), name).toBe(true);
  expect(Array.from(several.get(REVEALED.correct(1))!, Number)).toEqual(one.counts);
  expect(decode(several.get(REVEALED.loss(1))!, setting.fractionBits)[0] / options.batch).toBe(one.losses[0]);
}

const twoSteps = { ...OPTIONS, batch: 6, steps: 3 };

describe('ranks', () => {
  it.each([
    [2, 'vectors', DIRECT, TINY, twoSteps],
    [3, 'vectors', DIRECT, TINY, { ...twoSteps, microBatch: 1 }],
    [3, 'images', DIRECT, IMAGES, twoSteps],
    [5, 'images, as many ranks as parts but one', DIRECT, IMAGES, { ...twoSteps, microBatch: 1 }],
    [2, 'vectors, paper suite', PAPER, TINY, twoSteps],
    [2, 'vectors, amsgrad', DIRECT, TINY, { ...twoSteps, optimizer: 'amsgrad', learningRate: 2 ** -8 }],
    [2, 'statistics of the batch', DIRECT, NORMED, twoSteps],
    [3, 'statistics, unequal parts', DIRECT, NORMED, { ...twoSteps, batch: 7 }],
    [4, 'statistics, more parts than ranks', DIRECT, NORMED, twoSteps],
    [2, 'statistics, wide numbers', { ...DIRECT, fractionBits: 20, compareBits: 37 }, NORMED, twoSteps],
  ] as const)(
    '%i, %s: the model, losses and counts of one, bit for bit',
    async (size, _what, setting, network, base) => {
      const options: TrainOptions = {
        ...base,
        microBatch: rankPart(base.batch, size, 'microBatch' in base ? base.microBatch : undefined),
      };
      await expectSame(size, setting, options, network);
    },
  );

  it('2, ResNet-20 of small images: the model, losses and counts of one, bit for bit', async () => {
    const { fractionBits: f } = DIRECT;
    const network: Network = { ...NETWORKS.resnet20, input: [8, 8, 3] };
    const random = testRandom(9);
    const images = Array.from({ length: 4 * inputSize(network) }, () => Math.abs(random()));
    const codes = [3, 0, 7, 3].flatMap((label) => Array.from({ length: 10 }, (_, c) => Number(c === label)));
    const options = { ...OPTIONS, batch: 4, steps: 2, microBatch: 2, learningRate: 2 ** -6 };
    await expectSame(2, DIRECT, options, network, dataShares(f, 4, images, codes));
  });

  it.each([
    ['direct', DIRECT, 'semi-honest', IMAGES],
    ['direct', DIRECT, 'private', IMAGES],
    ['paper', PAPER, 'private', IMAGES],
    ['direct', DIRECT, 'semi-honest', NORMED],
    ['direct', DIRECT, 'private', NORMED],
  ] as const)(
    'draw at addresses of their own, %s suite: no mask of one is another one’s',
    async (_suite, setting, security, network) => {
      const uses = new Map<string, number>();
      // Of proofs: P2 must not know a challenge from another rank
      const seeds = new Set<string>();
      await trainRanks(3, setting, { ...twoSteps, microBatch: 1 }, network, {
        security,
        streams: (streams, pair) => ({
          stream: (path, purpose) => {
            if (/^seed\b/.test(purpose))
              seeds.add(Buffer.from(streams.stream(path, purpose).bytes(16)).toString('hex'));
            const draw = `${pair} ${Buffer.from(streams.stream(path, purpose).bytes(16)).toString('hex')}`;
            uses.set(draw, (uses.get(draw) ?? 0) + 1);
            return streams.stream(path, purpose);
          },
        }),
      });
      // Both ends of a pair.
      expect([...uses.values()].filter((count) => count > 2)).toEqual([]);
      expect(uses.size).toBeGreaterThan(1000);
      expect(seeds.size > 50).toBe(security === 'private');
    },
  );

  it('hand on no more than sums, weights and what is begun, all within their party', async () => {
    const seen = new Map<string, Set<PartyId>>();
    await trainRanks(2, DIRECT, { ...twoSteps, microBatch: 3 }, TINY, {
      within: (party, label) => {
        const what = label.replace(/\d+/g, 'N');
        seen.set(what, (seen.get(what) ?? new Set<PartyId>()).add(party));
      },
    });
    const workers = [0, 1];
    const all = [0, 1, 2];
    expect(Object.fromEntries([...seen].map(([what, parties]) => [what, [...parties].sort()]))).toEqual({
      'order/N': all,
      'over/step/N': all,
      ...Object.fromEntries(
        ['step', 'evaluation'].flatMap((when) => [
          [`weights/${when}/N/layers.N.weight`, all],
          [`weights/${when}/N/layers.N.bias`, workers],
        ]),
      ),
      'sum/step/N/layers.N.weight': all,
      'sum/step/N/layers.N.bias': workers,
      'sum/step/N/loss': all,
      // What comes, and a share of each piece of it; what there is, what is asked for, and a share of that.
      'state/N/N': all,
      'state/N/N/N/data': workers,
      'state/N': all,
      'state/N/asked/N': all,
      'state/N/N/data': workers,
      'sum/evaluation/N': all,
    });
  });

  it('hand on sums over the batch, and what is made of them, of a layer with statistics', async () => {
    const seen = new Map<string, Set<PartyId>>();
    await trainRanks(2, DIRECT, { ...twoSteps, microBatch: 3 }, NORMED, {
      within: (party, label) => {
        const [, what] = /\/(?:together\/1|layers\.1\.(?=slope|offset))\/?(.*)/.exec(label) ?? [];
        if (what !== undefined) seen.set(what, (seen.get(what) ?? new Set<PartyId>()).add(party));
      },
    });
    const [workers, all] = [
      [0, 1],
      [0, 1, 2],
    ];
    expect(Object.fromEntries([...seen].map(([what, parties]) => [what, [...parties].sort()]))).toEqual({
      'mean/0': all,
      'mean/handed/0/share': workers,
      'mean/handed/0/opening': all,
      'squares/0': all,
      'slope/handed/0/operand': all,
      'observed/handed/0/share': workers,
      'observed/handed/1/share': workers,
      'errors/0': all,
      'errors/1': workers,
      'slopes/handed/0/operand': all,
      'slopes/handed/1/share': workers,
      'slope/share': workers,
      'slope/opening': all,
      'offset/share': workers,
    });
  });

  it('count on a test set of several batches what one counts', async () => {
    const f = DIRECT.fractionBits;
    const options = { ...OPTIONS, batch: 4, microBatch: 1, steps: 1, perClass: true as const };
    const images = 2500; // in three batches
    const random = testRandom(5);
    const pixels = ownedParts(encode(Array.from({ length: 6 * images }, random), f));
    const classes = ownedParts(
      encode(
        Array.from({ length: 3 * images }, (_, i) => Number(i % 3 === ((i / 3) | 0) % 3)),
        0,
      ),
    );
    const counts = async (size: number): Promise<number[]> => {
      const revealed: BigUint64Array[] = [];
      const train = training(DIRECT, options, TINY, (name, share, id) => {
        if (name === REVEALED.correct(1)) revealed[id] = share;
      });
      await simulateRanks(
        size,
        (party, team) =>
          train(party, team, (engine) => ({
            ...tinyData(engine, party.id, shares.get(f)!),
            testImages: engine.dataset('more/images', [images, 6], f, pixels[party.id]),
            testLabels: engine.dataset('more/labels', [images, 3], 0, classes[party.id]),
          })),
        { keys: KEYS },
      );
      return Array.from(z64.add(revealed[0], revealed[1]), Number);
    };
    const one = await counts(1);
    expect(one.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(images / 10);
    expect(await counts(2)).toEqual(one);
    expect(await counts(4)).toEqual(one);
  });

  it('one that fails ends all, by name', async () => {
    const broken = trainRanks(2, DIRECT, { ...twoSteps, microBatch: 6 });
    await expect(broken).rejects.toThrow('rank 1 of P0: 2 ranks: a batch has only 1 parts, and each rank needs one');
  });
});

it('nothing of a private training is revealed for which workers of another rank have opened something else', async () => {
  const options = { ...twoSteps, microBatch: 3 };
  const security = 'private';
  const dealt = shares.get(DIRECT.fractionBits)!;
  const ledgerOf: NonNullable<RankOptions['ledgerOf']> = (rank) => (id, streams) =>
    workersLedger({ security }, id, streams, rank);
  /** What P0 says to P1 of values of the second rank's part. */
  const said: string[] = [];
  const record = ({ from, to, label, data }: RecordedMessage): void => {
    if (from === 'P0' && to === 'P1' && data instanceof BigUint64Array && /^\/step\/3\/part/.test(label))
      said.push(label);
  };
  const memoryOf: RankOptions['memoryOf'] = (rank) => () => (rank === 1 ? { record } : {});
  const honest = await trainRanks(2, DIRECT, options, TINY, { security, ledgerOf, memoryOf });
  expect([...honest.keys()].filter((name) => name.startsWith('model/'))).toHaveLength(4);
  expect(said.length).toBeGreaterThan(0);
  const revealed = revealing();
  const tamper = flipping({ from: 'P0', label: said[0] });
  const lied = trainRanks(
    ...([2, DIRECT, options, TINY] as const),
    { security, ledgerOf, memoryOf: (rank) => (a, b) => (rank === 1 && a === 'P0' && b === 'P1' ? { tamper } : {}) },
    dealt,
    revealed,
  );
  await expect(lied).rejects.toThrow();
  expect([...revealed.sums().keys()]).toEqual([]);
});

it.each([1, 2, 3])('what three ranks have kept %i go on from, to the same model', async (size) => {
  const options = { ...OPTIONS, microBatch: 1, steps: 3 };
  const dealt = shares.get(DIRECT.fractionBits)!;
  const kept = Array.from({ length: 3 }, () => new Map<string, StoredTensor>());
  const run = async (ranks: number, keeping: Parameters<typeof training>[4]): Promise<Map<string, BigUint64Array>> => {
    const { reveal, sums } = revealing();
    const script = training(DIRECT, options, NORMED, reveal, keeping);
    const all = (party: Party, team: RankTeam): Promise<void> =>
      script(party, team, (engine) => tinyData(engine, party.id, dealt));
    await simulateRanks(ranks, all, { keys: KEYS });
    return new Map([...sums()].filter(([name]) => name.startsWith('model/')));
  };
  const whole = await run(3, (engine) => ({
    onState: async (step, state) => {
      if (step !== 1) return;
      for await (const [name, x] of (await state()).values()) {
        const { data, opening } = await engine.held(x);
        const copies = { data: data && data.slice(), ...(opening && { opening: opening.slice() }) };
        kept[engine.id].set(name, { shape: x.shape, fractionBits: x.fractionBits, ...copies });
      }
    },
  }));
  const rest = await run(size, (engine) => ({
    from: {
      step: 1,
      state: [...kept[engine.id]].map(([name, { shape, fractionBits, data, opening }]) => [
        name,
        engine.input(`state/${name}`, shape, fractionBits, data, opening),
      ]),
    },
  }));
  expect(rest.size).toBe(parameters(NORMED).length);
  expect(rest).toEqual(whole);
});

describe('a helper that names to one rank the path of another', () => {
  /** In the second step, of the second rank, whose part begins with the third sample; that of the third rank begins with the first. */
  const [OWN, OTHER] = ['/step/2/part/2/', '/step/2/part/0/'];

  /** Once, of what P2 says to the second rank of P0: in its place, or besides, the same under a path of the third rank. */
  const naming =
    (what: RegExp, besides: boolean, answered: (label: string) => void): NonNullable<RankOptions['memoryOf']> =>
    (rank) =>
    (a, b) => {
      if (rank !== 1 || a !== 'P0' || b !== 'P2') return {};
      let named = false;
      const tamper: MemoryOptions['tamper'] = (_index, bytes, from) => {
        const frame = decodeFrame([bytes]);
        if (from === 'P0') {
          if (frame.label.startsWith(OTHER)) answered(frame.label);
          return [bytes];
        }
        if (named) return [framed({ ...frame, sequence: frame.sequence + Number(besides) })];
        if (!frame.label.startsWith(OWN) || !what.test(frame.label)) return [bytes];
        named = true;
        const other = framed({ ...frame, label: OTHER + frame.label.slice(OWN.length) });
        return besides ? [other, framed({ ...frame, sequence: frame.sequence + 1 })] : [other];
      };
      return { tamper, timeoutMs: 1_000 };
    };

  const SEED = [expect.stringMatching(/\/proof\/P0\/\d+\/\d+:seed$/)];
  it.each([
    // Nobody asks for what is said besides: it changes nothing, and is noticed at the end.
    ['semi-honest', 'besides', /./, { complaint: /nobody asked for: "\/step\/2\/part\/0\//, answers: [], model: true }],
    ['semi-honest', 'in place', /./, { complaint: /waited 1 s for/, answers: [], model: false }],
    // The challenge of a proof is the rank's own: nothing follows of it for another (PROTOCOLS.md, 10).
    ['private', 'besides', /:digits$/, { complaint: /part\/0\//, answers: SEED, model: true }],
    ['private', 'besides', /:told$/, { complaint: /part\/0\/.*told another challenge/, answers: [], model: false }],
    ['private', 'in place', /:digits$/, { complaint: /waited 1 s for/, answers: SEED, model: false }],
  ] as const)('ends the session, %s, %s of its own: %s', async (security, how, what, expected) => {
    const options = { ...twoSteps, microBatch: 2 };
    const answered: string[] = [];
    const revealed = revealing();
    const memoryOf = naming(what, how === 'besides', (label) => answered.push(label));
    const dealt = shares.get(DIRECT.fractionBits)!;
    const running = trainRanks(3, DIRECT, options, TINY, { security, memoryOf }, dealt, revealed);
    await expect(running).rejects.toThrow(expected.complaint);
    expect(answered).toEqual(expected.answers);
    const parameters = new Map([...revealed.sums()].filter(([name]) => name.startsWith('model/')));
    const honest = await trainSecure(DIRECT, options, { keys: KEYS, security }, dealt);
    expect(parameters).toEqual(expected.model ? honest.parameters : new Map());
  });
});

/** Two of its tensors are in pieces. */
const WIDE: Network = {
  name: 'wide',
  input: [6],
  layers: [
    { type: 'dense', units: 150 },
    { type: 'relu' },
    { type: 'dense', units: 250 },
    { type: 'relu' },
    { type: 'dense', units: 80 },
    { type: 'relu' },
    { type: 'dense', units: 3 },
  ],
};

describe('weights in shared memory', () => {
  it.each([
    ['direct', DIRECT, TINY, { ...OPTIONS, batch: 4, steps: undefined, epochs: 3, microBatch: 1 }],
    ['paper', PAPER, TINY, { ...OPTIONS, batch: 4, steps: undefined, epochs: 3, microBatch: 1 }],
    ['direct', DIRECT, WIDE, { ...OPTIONS, batch: 3, steps: 2, microBatch: 1, learningRate: 2 ** -6 }],
    ['paper', PAPER, WIDE, { ...OPTIONS, batch: 3, steps: 2, microBatch: 1, learningRate: 2 ** -6 }],
  ] as const)('%s suite, the same bits', async (_suite, setting, network, options) => {
    const one = await trainSecure(setting, options, { keys: KEYS }, shares.get(setting.fractionBits), network);
    const places = (): SharedPlaces =>
      sharedPlaces(
        new Map(
          parameters(network).map(({ name, shape }) => [
            name,
            sizeOf(shape) * (setting.truncation === 'dealt' ? 1 : 2),
          ]),
        ),
      );
    for (const [i, simulation] of [{}, { places }].entries()) {
      const several = await trainRanks(3, setting, options, network, simulation);
      for (const [name, x] of one.parameters) expect(isSame(several.get(name)!, x), `${i} ${name}`).toBe(true);
    }
  });
});

describe('parts of a batch', () => {
  it.each([
    [128, 1, undefined, 128, [128]],
    [128, 4, undefined, 32, [32, 32, 32, 32]],
    [128, 5, undefined, 26, [24, 26, 26, 26, 26]],
    [128, 4, 10, 10, [28, 30, 30, 40]],
    // By threes there would be two parts, and a third rank without one.
    [6, 4, undefined, 1, [1, 2, 1, 2]],
    [5, 5, undefined, 1, [1, 1, 1, 1, 1]],
  ])('%i samples, %i ranks, %s at a time at the most: %i, %j', (batch, size, most, part, each) => {
    expect(rankPart(batch, size, most)).toBe(part);
    const parts = partsOf(batch, part);
    const shared = Array.from({ length: size }, (_, rank) => partsOfRank(parts, { rank, size }));
    expect(shared.toReversed().flat()).toEqual(parts);
    expect(Math.min(...shared.map((own) => own.length))).toBeGreaterThan(0);
    const samples = shared.map((own) => own.reduce((sum, { from, to }) => sum + to - from, 0));
    expect(samples).toEqual(each);
    expect(samples[0]).toBe(Math.min(...samples));
  });

  it('are refused where a rank would have none', () => {
    expect(() => rankPart(3, 4)).toThrow('4 ranks: a batch has only 3 samples, and each rank needs one');
  });
});

function isSame(x: BigUint64Array, y: BigUint64Array): boolean {
  return x.length === y.length && x.every((word, i) => word === y[i]);
}
