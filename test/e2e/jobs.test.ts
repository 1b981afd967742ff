/** Jobs of three parties with real job processes and links: to their end, whoever dies on the way. */
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { TrainDocument } from '../../src/federation/documents.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import { FEDERATION, hex } from '../federation/world.ts';
import { temporaryFolder } from '../folder.ts';
import { TINY_IMAGES, tinyImages } from '../tiny-images.ts';
import { Three } from '../service/jobs/three.ts';

const open: Three[] = [];
afterEach(() => open.splice(0).forEach((three) => three.close()));

interface Begun {
  readonly three: Three;
  readonly job: string;
}

/** Proposed and approved by both owners. */
async function begin(changes: Partial<TrainDocument> = {}, three?: Three): Promise<Begun> {
  const at = three ?? (await Three.open(temporaryFolder('jobs')));
  open.push(at);
  for (const party of PARTY_NAMES) await at.start(party);
  const [a, b] = at.owners;
  const train = [at.put(a, 'scans', tinyImages(13)), at.put(b, 'scans', tinyImages(7, 13))];
  const document: TrainDocument = {
    ...{ securenn: 'job', version: JOB_VERSION, federation: FEDERATION, title: 'a training', network: TINY_IMAGES },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, nonce: hex(16), kind: 'train' },
    ...{ train, test: [train[0]], batch: 4, epochs: 6, loss: 'softmax', optimizer: 'sgd', learningRate: 0.25 },
    ...{ lrDecay: 1, lrDecayEpochs: 1, momentum: 0, seed: 3, checkpointEvery: 2, keepModel: false },
    reveal: { model: true, loss: true, counts: 'total' },
    receiver: at.analyst.public,
    expires: new Date(Date.now() + 3_600_000).toISOString(),
    ...changes,
  };
  const job = await at.propose(document);
  return { three: at, job };
}

async function approve({ three, job }: Begun): Promise<void> {
  for (const owner of three.owners) await three.decide(owner, job);
}

/** Many trainings one after the other, on a machine that is busy. */
const LONG_MS = 1_200_000;

describe('a training of three parties', () => {
  it('waits for both owners, runs, and gives the receiver what it reveals', async () => {
    const begun = await begin();
    const { three, job } = begun;
    const [a, b] = three.owners;
    for (const party of PARTY_NAMES) {
      const { state, waitingFor } = three.at(party).scheduler.find(job)!.view;
      expect([state, [...waitingFor].sort()]).toEqual(['awaiting', [a.id, b.id].sort()]);
    }
    await three.decide(a, job);
    expect(three.state('P0', job)).toBe('awaiting');
    await three.decide(b, job);
    await three.until(job, ['succeeded', 'failed']);
    for (const party of PARTY_NAMES) expect(three.said(party, job)).toBe('succeeded');
    const results = await three.results(job);
    expect([...results.keys()].sort()).toContain('correct/6');
    for (const party of PARTY_NAMES) {
      const events = await three.at(party).scheduler.events(job, 0, AbortSignal.timeout(1000));
      const states = events.filter(({ event }) => event === 'state').map(({ state }) => state);
      expect(states[0]).toBe('proposed');
      expect(states.at(-1)).toBe('succeeded');
      expect(events.filter(({ event }) => event === 'progress').length).toBeGreaterThan(30);
      const audited = three.audits[party].lines.map((line) => line.split(' ')[0]);
      expect(audited.filter((event) => event.startsWith('job-'))).toEqual([
        'job-proposed',
        'job-started',
        'job-succeeded',
      ]);
    }
  });

  it('is the same bit for bit whichever party or process is killed, or link breaks', { timeout: LONG_MS }, async () => {
    // Keys of a run are made in its first attempt: all trainings go on from its beginning.
    const begun = await begin({ epochs: 14 });
    const { three, job } = begun;
    await approve(begun);
    await three.untilStep('P0', job, 3);
    for (const party of PARTY_NAMES) three.kill(party);
    const copy = temporaryFolder('jobs-copy');
    cpSync(three.folder, copy, { recursive: true });
    const goOn = async (disturb: () => Promise<void>): Promise<ReadonlyMap<string, string>> => {
      for (const party of PARTY_NAMES) three.kill(party);
      rmSync(three.folder, { recursive: true });
      cpSync(copy, three.folder, { recursive: true });
      for (const party of PARTY_NAMES) await three.start(party);
      await three.untilStep('P0', job, 8);
      await disturb();
      await three.until(job, ['succeeded', 'failed']);
      for (const party of PARTY_NAMES) expect(three.said(party, job)).toBe('succeeded');
      // Each party removes its checkpoints once it has said so: late, that would be those which are put back.
      const kept = (): string[] =>
        PARTY_NAMES.filter((each) => existsSync(join(three.folder, each, 'checkpoints', job)));
      await expect.poll(kept).toEqual([]);
      return three.results(job);
    };
    const undisturbed = await goOn(() => Promise.resolve());
    for (const victim of PARTY_NAMES) {
      const killParty = async (): Promise<void> => {
        three.kill(victim);
        await sleep(500);
        await three.start(victim);
      };
      expect(await goOn(killParty)).toEqual(undisturbed);
      expect(await goOn(() => Promise.resolve(three.killProcess(victim)))).toEqual(undisturbed);
    }
    for (const end of ['P0', 'P1'] as const) {
      const attempts = (): number => three.at('P0').scheduler.find(job)!.view.attempt;
      let before = 0;
      const cut = (): Promise<void> => {
        before = attempts();
        three.cut(end, 3);
        return Promise.resolve();
      };
      expect(await goOn(cut)).toEqual(undisturbed);
      // The link came back: no other attempt was needed.
      expect(attempts()).toBe(before);
    }
  });

  it('fails at the others, with who and how long, when a party stays away', async () => {
    for (const absent of PARTY_NAMES) {
      const three = await Three.open(temporaryFolder('jobs'));
      Object.assign(three.patience, { linkSeconds: 1, partySeconds: 3 });
      const begun = await begin({ epochs: 400 }, three);
      const { job } = begun;
      await approve(begun);
      await three.untilStep('P0', job, 3);
      three.kill(absent);
      await three.until(job, ['succeeded', 'failed']);
      for (const party of PARTY_NAMES.filter((each) => each !== absent))
        expect(three.said(party, job)).toMatch(new RegExp(`^failed ${absent} has been away for \\d+ s`));
      three.close();
    }
  });

  it('stops at a step before a party does, and goes on when it is back', async () => {
    const begun = await begin({ epochs: 30, checkpointEvery: 1000 });
    const { three, job } = begun;
    await approve(begun);
    await three.untilStep('P0', job, 8);
    await three.at('P1').scheduler.drain();
    expect(three.said('P1', job)).toMatch(/^preparing /);
    // P0's own process may come to its end, and tell of its last step, later than P1's.
    await expect.poll(() => three.state('P0', job)).toBe('preparing');
    const step = three.at('P0').scheduler.find(job)!.view.step!;
    await three.start('P1');
    await three.until(job, ['succeeded', 'failed']);
    expect(three.said('P0', job)).toBe('succeeded');
    const events = await three.at('P0').scheduler.events(job, 0, AbortSignal.timeout(1000));
    const attempts = events.filter(({ event }) => event === 'attempt').map(({ from }) => from);
    expect(attempts).toEqual([0, step]);
  });

  it('ends at all three when its proposer or an owner says so, at one', async () => {
    const begun = await begin({ epochs: 200 });
    const { three, job } = begun;
    await approve(begun);
    await three.untilStep('P0', job, 3);
    await three.cancel(three.owners[0], job, 'P2');
    await three.until(job, ['cancelled']);
    expect(three.said('P2', job)).toBe('cancelled cancelled by owner-0: enough');
    expect(three.said('P1', job)).toBe('cancelled P2: cancelled by owner-0: enough');
  });
});
