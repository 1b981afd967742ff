/** A run that goes on from stored shares is the undisturbed run, bit for bit. */
import { describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { REVEALED, train, type TrainOptions } from '../../src/nn/train.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import type { Shape } from '../../src/ring/shape.ts';
import * as z64 from '../../src/ring/z64.ts';
import { pairKeys, simulate } from '../simulate.ts';
import type { Network } from '../../src/nn/network.ts';
import {
  DIRECT,
  NORMED,
  OPTIONS,
  PAPER,
  TINY,
  tinyData,
  type TinySetting,
  tinyShares,
  type TinyShares,
} from './tiny.ts';

const KEYS = pairKeys(4, 5, 6);
const STEPS = 6;

interface Stored {
  readonly shape: Shape;
  readonly fractionBits: number;
  readonly data: BigUint64Array | null;
  readonly opening: BigUint64Array | undefined;
}
/** What the three parties hold at the end of a step. */
type Dump = Map<string, Stored>[];

interface Run {
  /** By step. */
  readonly dumps: Dump[];
  /** Everything revealed, summed: losses, counts, the model. */
  readonly revealed: Map<string, BigUint64Array>;
  readonly messages: RecordedMessage[];
}

interface RunOptions {
  readonly from?: { readonly step: number; readonly dump: Dump };
  /** Looks at no share on the way. */
  readonly unwatched?: boolean;
  readonly network?: Network;
}

async function run(
  setting: TinySetting,
  options: TrainOptions,
  dealt: TinyShares,
  { from, unwatched = false, network = TINY }: RunOptions = {},
): Promise<Run> {
  const dumps: Dump[] = [];
  const messages: RecordedMessage[] = [];
  const revealed = [new Map<string, BigUint64Array>(), new Map<string, BigUint64Array>()];
  await simulate(
    async (party) => {
      const engine = createSecureEngine(party, {
        ...setting,
        reveal: (name, share) => {
          revealed[party.id].set(name, share);
          return Promise.resolve();
        },
      });
      const stored = from && [...from.dump[party.id]];
      const state = stored?.map(
        ([name, x]) => [name, engine.input(`state/${name}`, x.shape, x.fractionBits, x.data, x.opening)] as const,
      );
      await train(engine, network, tinyData(engine, party.id, dealt), options, () => undefined, {
        from: from && { step: from.step, state: new Map(state) },
        onState: async (step, all) => {
          if (unwatched) return;
          const held = (dumps[step] ??= [new Map(), new Map(), new Map()])[party.id];
          for await (const [name, x] of (await all()).values()) {
            const { data, opening } = await engine.held(x);
            const copied = { data: data && data.slice(), opening: opening?.slice() };
            held.set(name, { shape: x.shape, fractionBits: x.fractionBits, ...copied });
          }
        },
      });
    },
    { keys: KEYS, memory: () => ({ record: (message) => messages.push(message) }) },
  );
  const names = [...revealed[0].keys()];
  return {
    dumps,
    messages,
    revealed: new Map(names.map((name) => [name, z64.add(revealed[0].get(name)!, revealed[1].get(name)!)])),
  };
}

describe.each([
  ['direct', { ...DIRECT }],
  ['paper', { ...PAPER }],
  ['direct, local truncation', { ...DIRECT, truncation: 'local' }],
] as const)('%s suite', (_name, setting) => {
  // Two epochs of three steps: an evaluation lies between them and at the end.
  it.each([
    ['epochs', { ...OPTIONS, steps: undefined, epochs: 2 }],
    ['steps', { ...OPTIONS, steps: STEPS, momentum: 0 }],
    ['steps, part by part', { ...OPTIONS, steps: STEPS, microBatch: 3 }],
    // The update's truncation is by 0 bits: the state is a sum of products in three parts.
    ['steps without a truncation', { ...OPTIONS, steps: STEPS, learningRate: 1, batch: 1, momentum: 0 }],
  ])('by %s: goes on from every step to the same model, losses and counts', async (_options, options) => {
    const shared = tinyShares(setting.fractionBits);
    const whole = await run(setting, options, shared);
    expect(whole.dumps.length).toBe(STEPS + 1);
    expect([...whole.revealed.keys()]).toContain(REVEALED.parameter('layers.0.weight'));
    for (let step = 1; step <= STEPS; step++) {
      const rest = await run(setting, options, shared, { from: { step, dump: whole.dumps[step] } });
      for (const [name, value] of rest.revealed)
        expect(value, `${name} from ${step}`).toEqual(whole.revealed.get(name));
      for (let later = step + 1; later <= STEPS; later++) expect(rest.dumps[later]).toEqual(whole.dumps[later]);
    }
  });

  // Adam is for dealt truncation alone.
  it.runIf(setting.truncation === 'dealt').each(['adam', 'amsgrad'] as const)('%s: the same', async (optimizer) => {
    const shared = tinyShares(setting.fractionBits);
    const options = { ...OPTIONS, steps: 3, optimizer, learningRate: 2 ** -10 };
    const whole = await run(setting, options, shared);
    for (let step = 1; step <= 3; step++) {
      const rest = await run(setting, options, shared, { from: { step, dump: whole.dumps[step] } });
      for (const [name, value] of rest.revealed)
        expect(value, `${name} from ${step}`).toEqual(whole.revealed.get(name));
    }
  });

  it('does not depend on whether shares are looked at on the way', async () => {
    const shared = tinyShares(setting.fractionBits);
    const options = { ...OPTIONS, steps: 3 };
    const [watched, unwatched] = [
      await run(setting, options, shared),
      await run(setting, options, shared, { unwatched: true }),
    ];
    expect(unwatched.revealed).toEqual(watched.revealed);
  });

  it('says nothing that the undisturbed run did not say: no mask covers two values', async () => {
    const shared = tinyShares(setting.fractionBits);
    const options = { ...OPTIONS, steps: undefined, epochs: 2 };
    const whole = await run(setting, options, shared);
    const rest = await run(setting, options, shared, { from: { step: 2, dump: whole.dumps[2] } });
    expect(rest.messages.length).toBeGreaterThan(100);
    expect(newWords(rest.messages, whole.messages)).toBe(0);
    // The check notices a value that changed under its mask: the same run on other shares of the data.
    const other = tinyShares(setting.fractionBits);
    const elsewhere = await run(setting, options, other, { from: { step: 2, dump: whole.dumps[2] } });
    expect(newWords(elsewhere.messages, whole.messages)).toBeGreaterThan(100);
  });
});

/** Elements over Z_{2^64} that a sender told a receiver in `messages` and never in `before`. Rows of a data set may be grouped anew. */
function newWords(messages: readonly RecordedMessage[], before: readonly RecordedMessage[]): number {
  const words = ({ from, to, label, data }: RecordedMessage): string[] =>
    data instanceof BigUint64Array
      ? Array.from(data, (word) => `${from} ${to} ${word}`)
      : [`${from} ${to} ${label} ${Buffer.from(data).toString('hex')}`];
  const said = new Set(before.flatMap(words));
  return messages.flatMap(words).filter((word) => !said.has(word)).length;
}

it('running statistics and public masks go on, too, bit for bit', async () => {
  const shared = tinyShares(DIRECT.fractionBits);
  const options = { ...OPTIONS, steps: 4 };
  const whole = await run(DIRECT, options, shared, { network: NORMED });
  const statistics = ['mean', 'variance'].map((short) => whole.revealed.get(REVEALED.parameter(`layers.1.${short}`))!);
  for (const values of statistics) expect(values.some((value) => value !== 0n && value !== 1n << 16n)).toBe(true);
  for (let step = 1; step <= 3; step++) {
    const rest = await run(DIRECT, options, shared, { from: { step, dump: whole.dumps[step] }, network: NORMED });
    for (const [name, value] of rest.revealed) expect(value, `${name} from ${step}`).toEqual(whole.revealed.get(name));
    for (let later = step + 1; later <= 4; later++) expect(rest.dumps[later]).toEqual(whole.dumps[later]);
  }
});
