/** What a party takes from its checkpoint, and how the four agree that one is complete. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';
import { OwnerCheckpoints } from '../../src/client/checkpoints.ts';
import { readNotes } from '../../src/client/history.ts';
import { PARTIES } from '../../src/client/parties.ts';
import type { Owner } from '../../src/client/owner.ts';
import { readCheckpoint, type Checkpoint, type NewCheckpoint, type StoredTensor } from '../../src/data/checkpoint.ts';
import { CheckpointStore } from '../../src/data/checkpoint-store.ts';
import { Problem } from '../../src/data/problem.ts';
import type { Network } from '../../src/nn/network.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { loadCheckpoint, PartyCheckpoints, storedJob } from '../../src/server/checkpoints.ts';
import { ownerEnds } from '../../src/server/owner-ends.ts';
import { Stopping, stopSource } from '../../src/server/stopping.ts';
import { STOP } from '../../src/data/party-events.ts';
import { JOB_VERSION, type TrainJob } from '../../src/server/job.ts';
import { testRandom } from '../reference.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';
import { temporaryFolder } from '../folder.ts';

const network: Network = { name: 'tiny', input: [2], layers: [{ type: 'dense', units: 3 }] };
const job: TrainJob = {
  kind: 'train',
  sessionId: 'second',
  network,
  ...DIRECT_SUITE,
  batch: 4,
  trainImages: 40,
  testImages: 10,
  epochs: 5,
  ...SOFTMAX_SGD,
  checkpointEvery: 4,
  resume: { run: 'first', step: 8 },
};

const KEYS = new Map([['P1', new Uint8Array(16).fill(7)]]) as Checkpoint['keys'];
const tensor = (...shape: number[]): StoredTensor => ({
  shape,
  fractionBits: 16,
  data: new BigUint64Array(shape.reduce((a, b) => a * b)),
});
const good: Checkpoint = {
  keeper: 'P0',
  run: 'first',
  step: 8,
  job: JSON.parse(JSON.stringify(storedJob(job))),
  keys: KEYS,
  tensors: new Map([
    ['layers.0.weight', tensor(2, 3)],
    ['layers.0.bias', tensor(1, 3)],
    ['velocity/layers.0.bias', tensor(1, 3)],
  ]),
};

function fresh(): string {
  return temporaryFolder('checkpoint');
}

describe('a party that goes on', () => {
  async function load(change: Partial<Checkpoint>): Promise<Checkpoint> {
    const store = new CheckpointStore(fresh(), 'P0');
    await store.write({ ...good, ...change });
    return readCheckpoint(await loadCheckpoint(store, job));
  }
  const tensors = (change: [string, StoredTensor | undefined]): Partial<Checkpoint> => {
    const changed = new Map(good.tensors);
    if (change[1] === undefined) changed.delete(change[0]);
    else changed.set(change[0], change[1]);
    return { tensors: changed };
  };

  it('takes the checkpoint of its run, step and job', async () => {
    expect(await load({})).toEqual(good);
  });

  it.each<[string, Partial<Checkpoint>, RegExp]>([
    ['another run', { run: 'other' }, /^checkpoint of P0 at step 8: is of run other, expected run first$/],
    [
      'another job',
      { job: storedJob({ ...job, learningRate: 0.5 }) },
      /was made with learning rate 0\.5, this job has 0\.0625$/,
    ],
    [
      'another security',
      { job: storedJob({ ...job, security: 'private' }) },
      /was made with security private, this job has none$/,
    ],
    ['another version', { job: { ...storedJob(job), version: 99 } }, /was made with job version 99, this program has/],
    ['no job', { job: { version: JOB_VERSION, job: { kind: 'train' } } }, /its job is no training/],
    ['a missing tensor', tensors(['layers.0.weight', undefined]), /tensor layers\.0\.weight is missing/],
    ['another shape', tensors(['layers.0.weight', tensor(3, 2)]), /weight: expected \[2,3\], found \[3,2\]/],
    ['another shape of what is remembered', tensors(['velocity/layers.0.bias', tensor(3)]), /found \[3\]/],
    ['a tensor too many', tensors(['layers.1.weight', tensor(1)]), /layers\.1\.weight does not belong to network tiny/],
    [
      'another fixed point',
      tensors(['layers.0.bias', { ...tensor(1, 3), fractionBits: 13 }]),
      /layers\.0\.bias: expected 16 fractional bits, found 13/,
    ],
  ])('refuses %s', async (_, change, message) => {
    await expect(load(change)).rejects.toThrow(message);
    await expect(load(change)).rejects.toThrow(Problem);
  });

  it('refuses a checkpoint of another step under its name', async () => {
    const store = new CheckpointStore(fresh(), 'P0');
    await store.write({ ...good, step: 4 });
    await expect(loadCheckpoint(store, job)).rejects.toThrow(/step-00000008\.checkpoint: cannot be read/);
  });
});

/** A disk on which every write takes its time. */
class SlowStore extends CheckpointStore {
  readonly #delay: () => Promise<unknown>;
  readonly #onWritten: () => void;

  constructor(
    folder: string,
    keeper: 'P0' | 'P1' | 'P2' | 'owner',
    delay: () => Promise<unknown>,
    onWritten: () => void,
  ) {
    super(folder, keeper);
    this.#delay = delay;
    this.#onWritten = onWritten;
  }

  override async draft(checkpoint: NewCheckpoint): Promise<() => Promise<void>> {
    const commit = await super.draft(checkpoint);
    return async () => {
      await this.#delay();
      await commit();
      this.#onWritten();
    };
  }

  override async removeBefore(step: number): Promise<void> {
    await super.removeBefore(step);
    this.#onWritten();
  }
}

/** Steps of the training in which the owner may stop. */
const LAST = 12;

interface Four {
  readonly owner: OwnerCheckpoints;
  readonly parties: PartyCheckpoints[];
  readonly stoppings: Stopping[];
  readonly folder: string;
}

function four(folder: string, delay: () => Promise<unknown>, onWritten: () => void = () => undefined): Four {
  const pairs = PARTIES.map((name) => [name, ...memoryPair('owner', name)] as const);
  const links = Object.fromEntries(pairs.map(([name, atOwner]) => [name, atOwner])) as Record<string, Link>;
  const store = (keeper: 'P0' | 'P1' | 'P2' | 'owner'): CheckpointStore =>
    new SlowStore(join(folder, keeper), keeper, delay, onWritten);
  const notes = { data: 'mnist', digest: 'd', history: { steps: [], evaluations: [], seconds: 0 } };
  const owner = new OwnerCheckpoints(
    store('owner'),
    { links, streamKeys: KEYS } as unknown as Owner,
    { run: 'first', job: {} },
    (step) => step % 2 === 0,
    notes,
  );
  const ends = pairs.map(([, , link], id) =>
    ownerEnds(id as 0 | 1 | 2, new Map([['owner', link]]), new PairStreams(new Uint8Array(16))),
  );
  const parties = pairs.map(([keeper], id) => {
    const agreeOn = (step: number): Promise<void> => ends[id].training!.agreeOn(step);
    return new PartyCheckpoints(store(keeper), agreeOn, { keeper, run: 'first', job: {}, keys: KEYS });
  });
  const stoppings = ends.map((end) => end.training!.stopping(1, LAST));
  return { owner, parties, stoppings, folder };
}

const stepReport = (step: number): Parameters<OwnerCheckpoints['onStep']>[0] => ({
  step,
  epoch: 1,
  seconds: 1,
  loss: undefined,
  computeSeconds: { P0: 0.75, P1: 0.5, P2: 0.25 },
  waitSeconds: { P0: 0.25, P1: 0.5, P2: 0.75 },
  bytesSent: { P0: 1, P1: 2, P2: 3 },
  onlineRounds: 4,
});

describe('a complete checkpoint', () => {
  const stepsIn = (folder: string): number[] => {
    try {
      return readdirSync(folder).flatMap((name) => (/^step-(\d+)\.checkpoint$/.exec(name) ?? []).slice(1).map(Number));
    } catch {
      return [];
    }
  };

  it('is there at every moment, however slow each disk is and however far a party runs ahead', async () => {
    const random = testRandom(5);
    let begun = false;
    const common = (folder: string): number[] => {
      const [first, ...rest] = ['owner', ...PARTIES].map((keeper) => stepsIn(join(folder, keeper)));
      return first.filter((step) => rest.every((steps) => steps.includes(step)));
    };
    const folder = fresh();
    const moments: number[][] = [];
    const { owner, parties } = four(
      folder,
      () => sleep(20 * random()),
      () => {
        const now = common(folder);
        begun ||= now.length > 0;
        if (begun) moments.push(now);
      },
    );
    const party = async (checkpoints: PartyCheckpoints): Promise<void> => {
      for (const step of [0, 2, 4, 6, 8, 10]) await checkpoints.save(step, new Map());
      await checkpoints.settled();
    };
    // The owner hears late of what the parties did long ago.
    const hearing = async (): Promise<void> => {
      for (let step = 1; step <= 10; step++) {
        await sleep(10 * random());
        owner.onStep(stepReport(step), false);
      }
      await owner.settled();
    };
    await Promise.all([...parties.map(party), hearing()]);
    expect(moments.length).toBeGreaterThan(30);
    for (const steps of moments) expect(steps.length).toBeGreaterThan(0);
    for (const keeper of ['owner', ...PARTIES]) expect(stepsIn(join(folder, keeper))).toEqual([8, 10]);
    expect(owner.complete).toBe(10);
    const { history } = readNotes(await new CheckpointStore(join(folder, 'owner'), 'owner').read(8));
    expect(history.steps).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map(stepReport).map((report) => JSON.parse(JSON.stringify(report)) as object),
    );
  });

  it('that one party cannot write never becomes complete: the party says so and the older one stays', async () => {
    const { owner, parties, folder } = four(fresh(), () => Promise.resolve());
    await Promise.all(parties.map((party) => party.save(0, new Map())));
    await Promise.all([...parties.map((party) => party.settled()), owner.settled()]);
    mkdirSync(join(folder, 'P1', 'step-00000002.checkpoint'));
    [1, 2].forEach((step) => owner.onStep(stepReport(step), false));
    await Promise.all(parties.map((party) => party.save(2, new Map())));
    await expect(parties[1].failed).rejects.toThrow(/step-00000002\.checkpoint: cannot be written/);
    await sleep(50);
    expect(owner.complete).toBe(0);
    for (const keeper of ['owner', 'P0', 'P1', 'P2']) expect(stepsIn(join(folder, keeper))).toContain(0);
  });
});

describe('an owner that stops a training', () => {
  /**
   * Two workers in step with each other and a helper up to three steps ahead, each at its own pace. The owner asks when it has heard of
   * `when` steps. Resolves with the step at which all stand, or LAST.
   */
  async function stopped(seed: number, when: number): Promise<number> {
    const random = testRandom(seed);
    const { owner, parties, stoppings } = four(fresh(), () => sleep(2 * random()));
    await Promise.all(parties.map((party) => party.save(0, new Map())));
    const told: number[] = Array.from({ length: LAST + 1 }, () => 0);
    const passed = [0, 0, 0];
    let stop: Promise<void> | undefined;
    const report = (step: number): void => {
      if (++told[step] === PARTIES.length) owner.onStep(stepReport(step), false);
      if (told[when] === PARTIES.length || when === 0) stop ??= owner.stop();
    };
    const party = async (id: number): Promise<number> => {
      for (let step = 1; step <= LAST; step++) {
        // A step needs the other worker in the same step; the helper may run ahead.
        const mayRun = (): boolean =>
          id === 2 ? step <= passed[0] + 3 : passed[1 - id] >= step - 1 && passed[2] >= step - 1;
        while (!mayRun()) await sleep(1);
        await sleep(3 * random());
        passed[id] = step;
        report(step);
        const ends = await stoppings[id].endsAfter(step);
        if (ends || step % 2 === 0 || step === LAST) await parties[id].save(step, new Map());
        if (ends) return step;
      }
      return LAST;
    };
    const steps = await Promise.all([0, 1, 2].map(party));
    await Promise.all(parties.map((each) => each.settled()));
    await stop;
    expect(new Set(steps).size, `seed ${seed}: ${steps.join(', ')}`).toBe(1);
    expect(owner.complete).toBe(steps[0]);
    if (stop === undefined) await owner.finish();
    await Promise.all(stoppings.map(({ over }) => over));
    return steps[0];
  }

  it('has them all stand after one step, of which all keep a checkpoint', async () => {
    const steps = await Promise.all(Array.from({ length: 40 }, (_, seed) => stopped(seed, 1 + (seed % LAST))));
    steps.forEach((step, seed) => expect(step).toBeGreaterThanOrEqual(1 + (seed % LAST)));
    expect(steps.some((step) => step % 2 === 1)).toBe(true);
    expect(steps.some((step) => step < LAST)).toBe(true);
  });

  it('has nothing to stop before the first step', async () => {
    const { owner, parties, stoppings } = four(fresh(), () => Promise.resolve());
    await Promise.all(parties.map((party) => party.save(0, new Map())));
    expect(owner.isUnderWay).toBe(false);
    owner.onStep(stepReport(1), false);
    expect(owner.isUnderWay).toBe(true);
    await owner.finish();
    expect(owner.isUnderWay).toBe(false);
    await Promise.all(stoppings.map(({ over }) => over));
    expect(await stoppings[0].endsAfter(1)).toBe(false);
  });

  it('cannot name a step that a party has passed, or one beyond the end', async () => {
    for (const step of [3n, BigInt(LAST) + 1n, 2n ** 63n]) {
      const [atOwner, atParty] = memoryPair('owner', 'P0');
      const stopping = new Stopping(stopSource(atParty), 1, LAST);
      for (let passed = 1; passed <= 3; passed++) expect(await stopping.endsAfter(passed)).toBe(false);
      await atOwner.send(STOP.asked, BigUint64Array.of(1n), 0);
      expect((await atOwner.receive(STOP.reached, 'u64', 1)).data[0]).toBe(4n);
      await atOwner.send(STOP.at, BigUint64Array.of(step), 0);
      await expect(stopping.over).rejects.toThrow(/^told to stop the training at step \d+, expected 4 to 12$/);
    }
  });
});
