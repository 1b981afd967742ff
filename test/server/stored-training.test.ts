/** Trainings on stored data: without an owner in the session, stopped, interrupted at every step, gone on with. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Network } from '../../src/nn/network.ts';
import { parameters } from '../../src/nn/network.ts';
import type { OwnedInput } from '../../src/engine/ownedInput.ts';
import { PARTY_NAMES, type PartyName, type StoredSet } from '../../src/server/ipc.ts';
import { add } from '../../src/ring/z64.ts';
import type { JobEnds } from '../../src/server/job-ends.ts';
import type { TrainJob } from '../../src/server/job.ts';
import { loadSharedModel, type ModelName } from '../../src/server/shared-model.ts';
import type { StoredEnds } from '../../src/server/stored-ends.ts';
import {
  ofEach,
  resultsIn,
  storeData,
  storeOf,
  trainFederated,
  vaultOf,
  type OfEach,
  type TrainingPlace,
} from '../federated.ts';
import { temporaryFolder } from '../folder.ts';
import { TINY_IMAGES, tinyImages } from '../tiny-images.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';

const SAMPLES = 20;
const STEPS = 10;

/** Two epochs of five steps. */
const JOB: TrainJob = {
  ...{ kind: 'train', sessionId: '', document: 'd0'.repeat(32), network: TINY_IMAGES, ...DIRECT_SUITE, ...SOFTMAX_SGD },
  ...{ batch: 4, trainImages: SAMPLES, testImages: SAMPLES, epochs: 2, checkpointEvery: 2, keepModel: true },
};

/** Where a run keeps things, and what it trains on: two sets of different sizes, of two owners. */
function place(folder: string = temporaryFolder('federated'), changes: Partial<TrainingPlace> = {}): TrainingPlace {
  const two = [storeData(folder, tinyImages(13), 16), storeData(folder, tinyImages(7, 13), 16)];
  return { seed: 5, folder, train: two, test: two, ...changes };
}

const asText = (results: ReadonlyMap<string, BigUint64Array>): (readonly [string, string])[] =>
  [...results].map(([name, value]) => [name, value.join()] as const).sort();

describe('a training on stored data', () => {
  it('of two owners gives bit for bit what one set gives that is opened under the same masks', async () => {
    const two = place();
    const done = await trainFederated(JOB, two);
    expect(done.outcomes).toEqual(ofEach(() => ({ kind: 'done' })));
    const one = place(temporaryFolder('federated'), { train: two.train, test: two.test });
    await trainFederated(JOB, { ...one, replace: (ends, party) => joined(ends, one.train, party) });
    const [a, b] = [await resultsIn(two.folder, JOB), await resultsIn(one.folder, JOB)];
    expect(a.size).toBe(parameters(TINY_IMAGES).length + 2 + 2); // two losses, two counts
    expect(asText(a)).toEqual(asText(b));
  });

  it('tells its starter how it goes, in order, and what the receiver may fetch before it says so', async () => {
    const where = place();
    const { notices } = await trainFederated(JOB, where);
    const kinds = (party: PartyName): string[] =>
      notices[party].map((notice) =>
        notice.type === 'event' ? notice.event.kind : notice.type === 'revealed' ? notice.name : notice.type,
      );
    for (const party of PARTY_NAMES) {
      const told = kinds(party);
      expect(told.filter((kind) => kind === 'step').length).toBe(STEPS);
      expect(told.filter((kind) => kind === 'checkpoint').length).toBe(1 + 6); // 0, 2, 4, 5, 6, 8, 10
      expect(told[told.length - 1]).toBe('finished');
      const revealed = told.filter((kind) => /\//.test(kind));
      expect(revealed.length).toBe(party === 'P2' ? 0 : parameters(TINY_IMAGES).length + 4);
    }
    for (const party of ['P0', 'P1'] as const) {
      const told = kinds(party);
      expect(told.indexOf('loss/1')).toBeLessThan(told.indexOf('step'));
      expect(told.indexOf('correct/1')).toBeLessThan(told.indexOf('evaluated'));
    }
    expect(readdirSync(where.folder).sort()).toEqual(['P0', 'P1', 'P2']);
  });

  it('leaves nothing on the disk that is readable without the storage key', async () => {
    const where = place();
    await trainFederated(JOB, where);
    for (const party of PARTY_NAMES) {
      const files = [join(where.folder, party, 'model'), ...checkpointFiles(where.folder, party)];
      expect(files.length).toBe(3);
      for (const file of files) expect(readFileSync(file).subarray(0, 8).toString()).toBe('SNNvlt1\n');
    }
  });

  it.each<[string, Partial<TrainJob>, RegExp[], RegExp[]]>([
    ['the model', { showModel: false }, [/^loss/, /^correct/], [/^model/]],
    ['losses', { showLoss: false }, [/^model/, /^correct/], [/^loss/]],
    ['counts', { testImages: 0 }, [/^model/, /^loss/], [/^correct/]],
  ])('reveals no more than its job says: not %s', async (_, changes, shown, hidden) => {
    const where = place();
    const job = { ...JOB, ...changes };
    await trainFederated(job, where);
    const names = [...(await resultsIn(where.folder, job)).keys()];
    for (const pattern of shown) expect(names.some((name) => pattern.test(name))).toBe(true);
    for (const pattern of hidden) expect(names.some((name) => pattern.test(name))).toBe(false);
  });

  it('refuses a chunk that was cut, changed or exchanged, and one that is missing', async () => {
    for (const [damage, what] of [
      [(bytes: Buffer) => bytes.subarray(1), /has 431 bytes, expected 432/],
      [(bytes: Buffer) => (bytes.writeUInt8(bytes[9] ^ 1, 9), bytes), /is damaged/],
    ] as const) {
      const where = place();
      const file = join(where.train[0].P0.folder, 'images-00000.chunk');
      writeFileSync(file, damage(readFileSync(file)));
      await expect(trainFederated(JOB, where)).rejects.toThrow(what);
    }
    const exchanged = place();
    const [a, b] = exchanged.train.map((set) => join(set.P1.folder, 'labels-00000.chunk'));
    writeFileSync(a, readFileSync(b));
    await expect(trainFederated(JOB, exchanged)).rejects.toThrow(/chunk 0 of its labels/);
  });
});

describe('a training that is stopped', () => {
  it('stands at all three after the same step, of which all keep a checkpoint, and goes on to the same model', async () => {
    const undisturbed = place();
    await trainFederated(JOB, undisturbed);
    const expected = asText(await resultsIn(undisturbed.folder, JOB));
    const stoppedAt = new Set<number>();
    for (let when = 1; when <= STEPS; when++) {
      const where = place(temporaryFolder('federated'), { train: undisturbed.train, test: undisturbed.test });
      let asked = false;
      const { outcomes } = await trainFederated(JOB, {
        ...where,
        onNotice: (party, notice, ends) => {
          if (party !== 'P0' || asked || notice.type !== 'event') return;
          if (notice.event.kind !== 'step' || notice.event.step < when) return;
          asked = true;
          void (ends as StoredEnds).stop();
        },
      });
      expect(new Set(PARTY_NAMES.map((party) => JSON.stringify(outcomes[party]))).size).toBe(1);
      if (outcomes.P0.kind === 'stopped') {
        stoppedAt.add(outcomes.P0.step);
        expect(outcomes.P0.step).toBeGreaterThanOrEqual(when);
        const rest = await trainFederated(JOB, where);
        expect(rest.from).toBe(outcomes.P0.step);
        expect(rest.outcomes).toEqual(ofEach(() => ({ kind: 'done' })));
      }
      expect(asText(await resultsIn(where.folder, JOB)), `stopped when it heard of step ${when}`).toEqual(expected);
    }
    expect(stoppedAt.size).toBeGreaterThan(1);
  });

  it('can be stopped before its first step, and stopping twice is stopping once', async () => {
    const where = place();
    const { outcomes } = await trainFederated(JOB, {
      ...where,
      onNotice: (party, notice, ends) => {
        if (party === 'P0' && notice.type === 'checkpoint' && notice.step === 0) {
          void (ends as StoredEnds).stop();
          void (ends as StoredEnds).stop();
        }
      },
    });
    expect(outcomes.P2).toEqual(outcomes.P0);
    expect(outcomes.P0.kind).toBe('stopped');
  });
});

describe('a training whose party dies', () => {
  it('at any step, whichever of the three, goes on to the same model bit for bit', async () => {
    const undisturbed = place();
    await trainFederated(JOB, undisturbed);
    const expected = asText(await resultsIn(undisturbed.folder, JOB));
    const from = new Set<number | undefined>();
    for (let step = 1; step <= STEPS; step++) {
      const victim = PARTY_NAMES[step % 3];
      const where = place(temporaryFolder('federated'), { train: undisturbed.train, test: undisturbed.test });
      const dies: TrainingPlace['onNotice'] = (party, notice) => {
        if (party === victim && notice.type === 'event' && notice.event.kind === 'step' && notice.event.step === step)
          throw new Error('killed');
      };
      await expect(trainFederated(JOB, { ...where, onNotice: dies })).rejects.toThrow('killed');
      const rest = await trainFederated(JOB, where);
      from.add(rest.from);
      expect(asText(await resultsIn(where.folder, JOB)), `${victim} at step ${step}`).toEqual(expected);
    }
    expect(from.size).toBeGreaterThan(3);
    for (const step of from) expect([0, 2, 4, 5, 6, 8, 10]).toContain(step);
  });

  it('at any checkpoint or result, again and again, likewise', async () => {
    const undisturbed = place();
    await trainFederated(JOB, undisturbed);
    const expected = asText(await resultsIn(undisturbed.folder, JOB));
    const where = place(temporaryFolder('federated'), { train: undisturbed.train, test: undisturbed.test });
    let attempts = 0;
    const seen = new Set<string>();
    for (; ; attempts++) {
      const victim = PARTY_NAMES[attempts % 3];
      const dies: TrainingPlace['onNotice'] = (party, notice) => {
        if (party !== victim || notice.type === 'event') return;
        const key = JSON.stringify([party, notice]);
        if (seen.has(key)) return;
        seen.add(key);
        throw new Error('killed');
      };
      const done = await trainFederated(JOB, { ...where, onNotice: dies }).catch((error: unknown) => error);
      if (!(done instanceof Error)) break;
      expect(done.message).toBe('killed');
    }
    expect(attempts).toBeGreaterThan(10);
    expect(asText(await resultsIn(where.folder, JOB))).toEqual(expected);
  });

  it('before all had the first checkpoint begins anew, and clears away what the first attempt left', async () => {
    const where = place();
    // P1 and P2 have it, P0 is gone before it has written.
    const store = storeOf(where.folder, 'P0');
    await expect(
      trainFederated(JOB, {
        ...where,
        onNotice: (party, notice) => {
          if (party === 'P0' && notice.type === 'checkpoint') throw new Error('killed');
        },
      }),
    ).rejects.toThrow('killed');
    rmSync(join(where.folder, 'P0', 'checkpoints'), { recursive: true });
    const again = await trainFederated(JOB, where);
    expect(again.from).toBeUndefined();
    const { whole } = await store.survey();
    for (const party of PARTY_NAMES) expect((await storeOf(where.folder, party).survey()).whole).toEqual(whole);
    expect(whole.map(({ step }) => step)).toEqual([8, 10]);
  });
});

describe('a model that stayed shared', () => {
  const name = (party: PartyName): ModelName => ({ party, job: JOB.document!, network: TINY_IMAGES, fractionBits: 16 });
  const load = (
    folder: string,
    party: PartyName,
    changes: Partial<ModelName> = {},
  ): ReturnType<typeof loadSharedModel> =>
    loadSharedModel(join(folder, party, 'model'), vaultOf(party), { ...name(party), ...changes });

  it('lies in two shares at the workers, and of P2 there is nothing but shapes', async () => {
    const where = place();
    await trainFederated(JOB, where);
    const results = await resultsIn(where.folder, JOB);
    const [P0, P1, P2] = await Promise.all(PARTY_NAMES.map((party) => load(where.folder, party)));
    for (const { name, shape } of parameters(TINY_IMAGES)) {
      expect(add(P0.get(name)!.data!, P1.get(name)!.data!)).toEqual(results.get(`model/${name}`));
      expect(P2.get(name)).toEqual({ shape: [...shape], fractionBits: 16, data: null });
      for (const party of [P0, P1]) expect(Object.keys(party.get(name)!)).not.toContain('opening');
    }
  });

  it('is taken for no other: not of another party, job, network or fixed point', async () => {
    const where = place();
    await trainFederated(JOB, where);
    const other: Network = { ...TINY_IMAGES, layers: TINY_IMAGES.layers.toSpliced(1, 1, { type: 'dense', units: 5 }) };
    await expect(load(where.folder, 'P0', { job: 'ee'.repeat(32) })).rejects.toThrow(/is of the model that job d0d0/);
    await expect(load(where.folder, 'P0', { network: other })).rejects.toThrow(/is no model of this network/);
    await expect(load(where.folder, 'P0', { fractionBits: 13 })).rejects.toThrow(
      /has 16 fractional bits, the job has 13/,
    );
    await expect(loadSharedModel(join(where.folder, 'P0', 'model'), vaultOf('P0'), name('P1'))).rejects.toThrow(
      /is P0's part of a model, expected P1's/,
    );
  });

  it('is what another training begins with', async () => {
    const first = place();
    await trainFederated({ ...JOB, showModel: false }, first);
    const second = place(temporaryFolder('federated'), {
      ...{ train: first.train, test: first.test, seed: 6 },
      from: { folder: first.folder, job: JOB.document! },
    });
    const job: TrainJob = { ...JOB, document: 'd1'.repeat(32), warmStart: true };
    await trainFederated(job, second);
    const firstLoss = async (folder: string, of: TrainJob): Promise<number> =>
      Number(BigInt.asIntN(64, (await resultsIn(folder, of)).get('loss/1')![0]));
    expect(await firstLoss(second.folder, job)).toBeLessThan(await firstLoss(first.folder, JOB));
    // Interrupted before the first step is done, it goes on to the same model.
    const expected = asText(await resultsIn(second.folder, job));
    const again = place(temporaryFolder('federated'), { ...second, folder: temporaryFolder('federated') });
    const dies: TrainingPlace['onNotice'] = (party, notice) => {
      if (party === 'P1' && notice.type === 'revealed') throw new Error('killed');
    };
    await expect(trainFederated(job, { ...again, onNotice: dies })).rejects.toThrow('killed');
    expect((await trainFederated(job, again)).from).toBe(0);
    expect(asText(await resultsIn(again.folder, job))).toEqual(expected);
  });
});

function checkpointFiles(folder: string, party: PartyName): string[] {
  const checkpoints = join(folder, party, 'checkpoints');
  return readdirSync(checkpoints).map((file) => join(checkpoints, file));
}

/** One set in the place of several: one array, one table of masks. */
function joined(ends: JobEnds, sets: readonly OfEach<StoredSet>[], party: PartyName): JobEnds {
  expect(sets.length).toBe(2);
  expect(sets[0][party].sizes.images).not.toBe(sets[1][party].sizes.images);
  const receive: JobEnds['receive'] = async (name, shape) => {
    const { opened, masks } = await ends.receive(name, shape);
    const elements = shape.reduce((a, b) => a * b);
    const flat = masks.map((mask) => {
      const all = mask.z64(0, elements);
      const z64 = (from: number, n: number): BigUint64Array => all.slice(from, from + n);
      const rows = (starts: readonly number[], n: number): BigUint64Array => {
        const out = new BigUint64Array(starts.length * n);
        starts.forEach((start, i) => out.set(all.subarray(start, start + n), i * n));
        return out;
      };
      return { z64, rows };
    });
    return { opened, masks: flat } satisfies OwnedInput;
  };
  const { training } = ends;
  return {
    receive,
    receiveWeight: (name, shape) => ends.receiveWeight(name, shape),
    allThere: () => ends.allThere(),
    reveal: (name, share) => ends.reveal(name, share),
    report: (event) => ends.report(event),
    finish: () => ends.finish(),
    training: training!,
  };
}
