/**
 * A private run that goes on does so under other keys, with other shares, and opens all anew: whoever makes the others go back, as often as it
 * likes, sees no second message under a mask. It reaches a model as good; a semi-honest one reaches the same, bit for bit (`addresses.test.ts`).
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { OwnerCheckpoints } from '../../src/client/checkpoints.ts';
import type { StepReport } from '../../src/client/history.ts';
import { PARTIES, type PartyName } from '../../src/client/parties.ts';
import { ownTraining } from '../../src/client/training.ts';
import type { StoredCheckpoint } from '../../src/data/checkpoint.ts';
import { CheckpointStore } from '../../src/data/checkpoint-store.ts';
import type { Model } from '../../src/data/model-file.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { continuedKeys } from '../../src/random/continued.ts';
import { add } from '../../src/ring/z64.ts';
import { loadCheckpoint } from '../../src/server/checkpoints.ts';
import { checkpointDue, type TrainJob } from '../../src/server/job.ts';
import { type Addresses, watchAddresses } from '../addresses.ts';
import { resultsIn, storeData, trainFederated, type TrainingPlace } from '../federated.ts';
import { temporaryFolder } from '../folder.ts';
import { session } from '../session.ts';
import { simulate } from '../simulate.ts';
import { DIRECT_SUITE, PAPER_SUITE, SOFTMAX_SGD } from '../training.ts';
import { dataOf, DENSE, OBSERVER, SAMPLES } from './tiny-training.ts';

const STEPS = 6;
const FROM = 4;

const jobOf = (suite: typeof DIRECT_SUITE | typeof PAPER_SUITE, security?: 'private'): TrainJob => ({
  ...{ kind: 'train', sessionId: 'first', network: DENSE, ...suite, ...SOFTMAX_SGD, batch: 4, learningRate: 0.25 },
  ...{ trainImages: SAMPLES, testImages: SAMPLES, steps: STEPS, checkpointEvery: 2, security },
});

type Kept = Readonly<Record<PartyName | 'owner', StoredCheckpoint>>;

interface Trained {
  readonly model: Model;
  readonly addresses: Addresses;
  readonly said: ReadonlyMap<string, RecordedMessage['data']>;
  readonly kept: Kept;
}

/** Keeps every step. */
class Keeping extends CheckpointStore {
  override removeBefore(): Promise<void> {
    return Promise.resolve();
  }
}

/** @param seed from which the keys of the handshakes follow */
async function training(job: TrainJob, folder: string, seed: number, kept?: Kept): Promise<Trained> {
  const said = new Map<string, RecordedMessage['data']>();
  const store = (keeper: PartyName | 'owner'): CheckpointStore => new Keeping(join(folder, keeper), keeper);
  let model: Model | undefined;
  const addresses = await watchAddresses(async () => {
    model = await session(
      job,
      (owner) => {
        const steps = Array.from({ length: job.resume?.step ?? 0 }, () => ({})) as StepReport[];
        const notes = { data: 'tiny', digest: '', history: { steps, evaluations: [], seconds: 0 } };
        const due = (step: number): boolean => checkpointDue(step, job);
        const run = { run: 'first', job: {} };
        const owned = new OwnerCheckpoints(store('owner'), owner, run, due, notes, job.resume?.step);
        return ownTraining(owner, job, dataOf(250), OBSERVER, { checkpoints: owned });
      },
      {
        seed,
        store,
        ...(kept && { checkpoints: kept }),
        record: ({ from, to, label, data }) => said.set(`${from} ${to} ${label}`, data),
      },
    );
  });
  const again = { ...job, resume: { run: 'first', step: FROM } };
  const read = async (keeper: PartyName | 'owner'): Promise<StoredCheckpoint> =>
    keeper === 'owner' ? store(keeper).open(FROM) : loadCheckpoint(store(keeper), again);
  if (kept !== undefined) return { model: model!, addresses, said, kept };
  const all = await Promise.all(
    ([...PARTIES, 'owner'] as const).map(async (name) => [name, await read(name)] as const),
  );
  return { model: model!, addresses, said, kept: Object.fromEntries(all) as unknown as Kept };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: RecordedMessage['data']): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Messages long enough that they do not agree by chance, and not of progress alone; a digest of no openings is zero. */
function repeated(a: Trained['said'], b: Trained['said']): { readonly compared: number; readonly same: string[] } {
  const both = [...a].filter(
    ([label, data]) =>
      b.has(label) &&
      data.byteLength >= 8 &&
      bytesOf(data).some((byte) => byte !== 0) &&
      !/ (event|checkpoint|serve)/.test(label),
  );
  const same = both.filter(([label, data]) => bytesOf(data).equals(bytesOf(b.get(label)!))).map(([label]) => label);
  return { compared: both.length, same };
}

function worstDifference(a: Model, b: Model): number {
  return Math.max(
    ...[...a.tensors].flatMap(([name, values]) =>
      Array.from(values.data, (x, i) => Math.abs(x - b.tensors.get(name)!.data[i])),
    ),
  );
}

describe.each([
  ['direct', DIRECT_SUITE],
  ['paper', PAPER_SUITE],
] as const)('%s suite', (_name, suite) => {
  it('a private run that goes on draws from no key of before, sends no message of before, and learns as well', async () => {
    const [folder, job] = [temporaryFolder('back'), jobOf(suite, 'private')];
    const whole = await training(job, folder, 41);
    const resumed = { ...job, sessionId: 'second', resume: { run: 'first', step: FROM } };
    // The same point gone back to twice, by two handshakes.
    const once = await training(resumed, temporaryFolder('back'), 42, whole.kept);
    const twice = await training({ ...resumed, sessionId: 'third' }, temporaryFolder('back'), 43, whole.kept);
    const all = [whole, once, twice];
    for (const { addresses } of all) expect(addresses.repeated()).toEqual([]);
    for (const [a, b] of [
      [whole, once],
      [whole, twice],
      [once, twice],
    ]) {
      expect(a.addresses.draws.size).toBeGreaterThan(100);
      expect([...a.addresses.draws].filter((draw) => b.addresses.draws.has(draw))).toEqual([]);
      const { compared, same } = repeated(a.said, b.said);
      expect(compared).toBeGreaterThan(60);
      expect(same).toEqual([]);
    }
    // What was opened before is opened again, under other masks, of other shares.
    const openings = [...once.said.keys()].filter((label) => /^P0 P1 .*:E$/.test(label));
    expect(openings.length).toBeGreaterThan(3);
    // Rounding apart, the run is the one that it was.
    for (const other of [once, twice]) expect(worstDifference(whole.model, other.model)).toBeLessThan(0.02);
  });
});

it('a private run keeps the keys that it has, and shares add up to the same', async () => {
  const [folder, job] = [temporaryFolder('back'), jobOf(DIRECT_SUITE, 'private')];
  const whole = await training(job, folder, 41);
  const resumed = { ...job, sessionId: 'second', resume: { run: 'first', step: FROM } };
  const rest = temporaryFolder('back');
  const { model } = await training(resumed, rest, 42, whole.kept);
  const kept = await new CheckpointStore(join(rest, 'P0'), 'P0').read(STEPS);
  const before = whole.kept.P0.keys;
  for (const [peer, key] of kept.keys) expect(Buffer.from(key).equals(before.get(peer)!), peer).toBe(false);
  // A share of a weight at the end of a step is another in each session; the sum is the model.
  const sum = async (name: string): Promise<BigUint64Array> => {
    const [a, b] = await Promise.all(
      (['P0', 'P1'] as const).map(
        async (party) => (await new CheckpointStore(join(rest, party), party).read(STEPS)).tensors,
      ),
    );
    return add(a.get(name)!.data!, b.get(name)!.data!);
  };
  const weight = await sum('layers.1.weight');
  expect(weight.length).toBe(48);
  const values = Array.from(weight, (word) => Number(BigInt.asIntN(64, word)) / 2 ** DIRECT_SUITE.fractionBits);
  expect(values).toEqual(Array.from(model.tensors.get('layers.1.weight')!.data));
});

it('a private run that goes on has other shares of what it kept, other ones each time, of the same values', async () => {
  const kept = [3n, 2n ** 63n].map((first) => BigUint64Array.from({ length: 100 }, (_, i) => first + BigInt(i)));
  const once = async (): Promise<readonly (BigUint64Array | null)[]> => {
    const { results } = await simulate((party) => {
      const engine = createSecureEngine(party, { ...DIRECT_SUITE, reveal: () => Promise.resolve() });
      return Promise.resolve(engine.refreshed('layers.1.weight', party.id === 2 ? null : kept[party.id].slice()));
    });
    return results;
  };
  const runs = [await once(), await once()];
  for (const [a, b, helper] of runs) {
    expect(add(a!, b!)).toEqual(add(kept[0], kept[1]));
    expect(helper).toBeNull();
  }
  for (const party of [0, 1]) {
    const shares = [kept[party], ...runs.map((run) => run[party]!)];
    for (let i = 0; i < 100; i++) expect(new Set(shares.map((share) => share[i])).size).toBe(3);
  }
});

it('keys of a run that goes on: kept ones where parties are honest; of both, where one may cheat', () => {
  const key = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
  const [kept, fresh] = [new Map([['P1', key(1)]]), new Map([['P1', key(2)]])];
  expect(continuedKeys(undefined, kept, fresh)).toBe(kept);
  expect(continuedKeys(undefined, undefined, fresh)).toBe(fresh);
  expect(continuedKeys('private', undefined, fresh)).toBe(fresh);
  const both = continuedKeys('private', kept, fresh).get('P1')!;
  expect(both).toHaveLength(16);
  const others = [
    key(1),
    key(2),
    continuedKeys('private', new Map([['P1', key(3)]]), fresh).get('P1')!,
    continuedKeys('private', kept, new Map([['P1', key(3)]])).get('P1')!,
    continuedKeys('private', fresh, kept).get('P1')!,
  ];
  for (const other of others) expect(Buffer.from(both).equals(other)).toBe(false);
  expect(continuedKeys('private', kept, fresh).get('P1')).toEqual(both);
  expect(() => continuedKeys('private', new Map(), fresh)).toThrow('no stream key with P1 was kept');
});

it('a private training on stored data goes on by itself, under other keys', async () => {
  const folder = temporaryFolder('back');
  const sets = [5, 7].map((samples) => {
    const trainLabels = Uint8Array.from({ length: samples }, (_, i) => i % 3);
    const trainImages = Uint8Array.from({ length: 16 * samples }, (_, i) => (i * 29 + samples) % 256);
    return storeData(folder, { trainImages, trainLabels, rows: 4, columns: 4, channels: 1, classes: 3 }, 16);
  });
  const job = { ...jobOf(DIRECT_SUITE, 'private'), document: 'd0'.repeat(32), sessionId: '' } as TrainJob;
  const place: TrainingPlace = { seed: 5, folder, train: sets, test: sets };
  const watched = async (
    where: TrainingPlace,
  ): Promise<{ said: Trained['said']; addresses: Addresses; from?: number }> => {
    const said = new Map<string, RecordedMessage['data']>();
    let from: number | undefined;
    const addresses = await watchAddresses(async () => {
      const record = ({ from, to, label, data }: RecordedMessage): void =>
        void said.set(`${from} ${to} ${label}`, data);
      const done = await trainFederated(job, { ...where, record }).catch((error: unknown) => {
        if ((error as Error).message !== 'killed') throw error;
        return undefined;
      });
      from = done?.from;
    });
    return { said, addresses, ...(from === undefined ? {} : { from }) };
  };
  const dies: TrainingPlace['onNotice'] = (party, notice) => {
    if (party === 'P1' && notice.type === 'event' && notice.event.kind === 'step' && notice.event.step === 5)
      throw new Error('killed');
  };
  const first = await watched({ ...place, onNotice: dies });
  expect(first.from).toBeUndefined();
  const second = await watched({ ...place, seed: 6 });
  expect(second.from).toBeGreaterThanOrEqual(2);
  // Draws are not compared: what was killed may draw a little longer, under its own keys.
  const { compared, same } = repeated(first.said, second.said);
  expect(compared).toBeGreaterThan(30);
  expect(same).toEqual([]);
  expect((await resultsIn(folder, job)).size).toBeGreaterThan(3);
});
