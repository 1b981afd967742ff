/** How three parties agree, without an owner, that a checkpoint is complete, where they stop, and from which one they go on. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Link, PeerName } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';
import type { NewCheckpoint } from '../../src/data/checkpoint.ts';
import { CheckpointStore, type Holdings } from '../../src/data/checkpoint-store.ts';
import { rankCounters } from '../../src/profile/rank-counters.ts';
import { PartyCheckpoints } from '../../src/server/checkpoints.ts';
import { PARTY_NAMES, type Notice, type PartyName } from '../../src/server/ipc.ts';
import type { TrainJob } from '../../src/server/job.ts';
import { newestCommon } from '../../src/server/resume-point.ts';
import { StoredEnds } from '../../src/server/stored-ends.ts';
import { ofEach, vaultOf, type OfEach } from '../federated.ts';
import { temporaryFolder } from '../folder.ts';
import { testRandom } from '../reference.ts';

/** A disk on which every write takes its time. */
class SlowStore extends CheckpointStore {
  readonly #delay: () => Promise<unknown>;
  readonly #onChange: () => void;

  constructor(folder: string, keeper: PartyName, delay: () => Promise<unknown>, onChange: () => void) {
    super(folder, keeper);
    this.#delay = delay;
    this.#onChange = onChange;
  }

  override async draft(checkpoint: NewCheckpoint): Promise<() => Promise<void>> {
    const commit = await super.draft(checkpoint);
    return async () => {
      await this.#delay();
      await commit();
      this.#onChange();
    };
  }

  override async removeBefore(step: number): Promise<void> {
    await super.removeBefore(step);
    this.#onChange();
  }
}

function endsOf(notify: (notice: Notice) => void = () => undefined): OfEach<StoredEnds> {
  const links = ofEach(() => new Map<PeerName, Link>());
  PARTY_NAMES.forEach((a, i) => {
    for (const b of PARTY_NAMES.slice(i + 1)) {
      const [atA, atB] = memoryPair(a, b);
      links[a].set(b, atA);
      links[b].set(a, atB);
    }
  });
  return ofEach((party, id) => {
    const order = { kind: 'training', train: [], test: [], receiver: { sign: '', seal: '' }, results: '' } as const;
    const seal = (_info: string, bytes: Uint8Array): Promise<Uint8Array> => Promise.resolve(bytes);
    const vault = vaultOf(party);
    return new StoredEnds({
      id,
      job: {} as TrainJob,
      links: links[party],
      vault,
      notify,
      order,
      seal,
    });
  });
}

const stepsIn = (folder: string): number[] => {
  try {
    return readdirSync(folder).flatMap((name) => (/^step-(\d+)\.checkpoint$/.exec(name) ?? []).slice(1).map(Number));
  } catch {
    return [];
  }
};

describe('what a service is told of a training', () => {
  it('has figures of each rank with one step in ten, and with all that are no steps', async () => {
    const told: number[] = [];
    const { P1 } = endsOf((notice) => {
      if (notice.type !== 'event' || notice.event.kind !== 'step') return;
      if (notice.event.ranks !== undefined) told.push(notice.event.step);
      expect(notice.event.bytesSent).toBe(7);
    });
    const ranks = [rankCounters(() => 1), rankCounters(() => 2)];
    const counters = { seconds: 1, waitSeconds: 0, bytesSent: 7, onlineRounds: 3, ranks };
    for (let step = 1; step <= 25; step++) await P1.report({ kind: 'step', step, epoch: 1, loss: false, ...counters });
    expect(told).toEqual([10, 20]);
  });
});

describe('a checkpoint of three parties', () => {
  it('is there at every moment, however slow each disk is and however far a party runs ahead', async () => {
    const folder = temporaryFolder('peers');
    const random = testRandom(3);
    const ends = endsOf();
    const moments: number[][] = [];
    let begun = false;
    const look = (): void => {
      const [first, ...rest] = PARTY_NAMES.map((party) => stepsIn(join(folder, party)));
      const common = first.filter((step) => rest.every((steps) => steps.includes(step)));
      begun ||= common.length > 0;
      if (begun) moments.push(common);
    };
    const run = async (party: PartyName): Promise<void> => {
      const slow = party === 'P1' ? 30 : 4;
      const store = new SlowStore(join(folder, party), party, () => sleep(slow * random()), look);
      const agreeOn = (step: number): Promise<void> => ends[party].training.agreeOn(step);
      const checkpoint = { keeper: party, run: 'first', job: {}, keys: new Map() };
      const checkpoints = new PartyCheckpoints(store, agreeOn, checkpoint);
      for (const step of [0, 2, 4, 6, 8, 10]) await checkpoints.save(step, new Map());
      await checkpoints.settled();
    };
    await Promise.all(PARTY_NAMES.map(run));
    expect(moments.length).toBeGreaterThan(25);
    for (const steps of moments) expect(steps.length).toBeGreaterThan(0);
    for (const party of PARTY_NAMES) expect(stepsIn(join(folder, party))).toEqual([8, 10]);
  });
});

describe('stopping, P0 asking', () => {
  /** Two workers in step with each other and a helper up to three steps ahead, each at its own pace. */
  async function stopped(seed: number, when: number): Promise<readonly number[]> {
    const last = 12;
    const random = testRandom(seed);
    const ends = endsOf();
    const passed = [0, 0, 0];
    const run = async (id: number): Promise<number> => {
      const stopping = ends[PARTY_NAMES[id]].training.stopping(1, last);
      for (let step = 1; step <= last; step++) {
        const mayRun = (): boolean =>
          id === 2 ? step <= passed[0] + 3 : passed[1 - id] >= step - 1 && passed[2] >= step - 1;
        while (!mayRun()) await sleep(1);
        await sleep(3 * random());
        passed[id] = step;
        if (id === 0 && step === when) void ends.P0.stop();
        if (await stopping.endsAfter(step)) return step;
      }
      await ends[PARTY_NAMES[id]].finish();
      return last;
    };
    return Promise.all([0, 1, 2].map(run));
  }

  it('has all stand after one step, or train to the end', async () => {
    const all = await Promise.all(Array.from({ length: 40 }, (_, seed) => stopped(seed, 1 + (seed % 13))));
    all.forEach((steps, seed) => {
      expect(new Set(steps).size, `seed ${seed}: ${steps.join(', ')}`).toBe(1);
      expect(steps[0]).toBeGreaterThanOrEqual(Math.min(12, 1 + (seed % 13)));
    });
    expect(all.some(([step]) => step < 12)).toBe(true);
  });
});

describe('the newest step that all three have', () => {
  const of = (...whole: [run: string, step: number][]): Holdings => ({
    whole: whole.map(([run, step]) => ({ run, step })),
    damaged: [],
  });

  it.each<[string, Holdings[], TrainJob['resume']]>([
    ['is none where one has none', [of(['a', 2]), of(['a', 2]), of()], undefined],
    ['is the newest common one', [of(['a', 2], ['a', 4]), of(['a', 4], ['a', 2]), of(['a', 2])], { run: 'a', step: 2 }],
    ['is of one run', [of(['a', 4], ['b', 2]), of(['b', 4], ['b', 2]), of(['a', 4], ['b', 2])], { run: 'b', step: 2 }],
    ['is none where the runs differ', [of(['a', 4]), of(['b', 4]), of(['a', 4])], undefined],
    ['may be the first', [of(['a', 0]), of(['a', 0]), of(['a', 0], ['a', 2])], { run: 'a', step: 0 }],
  ])('%s', (_, [P0, P1, P2], expected) => {
    expect(newestCommon({ P0, P1, P2 })).toEqual(expected);
  });
});
