/** What schedulers make of attempts that end: what is told of each and to whom, what no longer counts, and what waits for room on a disk. */
import { describe, expect, it } from 'vitest';
import type { PartyEvent } from '../../../src/data/party-events.ts';
import { PARTY_NAMES, type PartyName } from '../../../src/server/ipc.ts';
import type { Outcome } from '../../../src/service/jobs/control.ts';
import { hex, serveDocument } from '../../federation/world.ts';
import { approve, begin, type Begun } from './begun.ts';
import type { FakeProcess } from './fake-process.ts';

const GIB = 2 ** 30;
const counters = { seconds: 0.1, waitSeconds: 0, bytesSent: 10, onlineRounds: 1 };
const step = (n: number): PartyEvent => ({ kind: 'step', step: n, epoch: 1, loss: false, ...counters });
const ready: PartyEvent = { kind: 'ready', ...counters };
const crashed: Outcome = { kind: 'failed', origin: 'here', reason: 'party P1 was killed by SIGKILL' };

async function until(holds: () => boolean, what: () => string): Promise<void> {
  const end = Date.now() + 120_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(what());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Proposed, approved, and in its first attempt, which is held. */
async function running(begun: Begun): Promise<string> {
  begun.processes.hold = true;
  const job = await begun.three.propose(begun.document);
  await approve(begun.three, job);
  await inAttempt(begun, job, 1);
  return job;
}

/** All three have begun it. */
async function inAttempt({ three, processes }: Begun, job: string, attempt: number): Promise<void> {
  const holds = (): boolean =>
    PARTY_NAMES.every((party) => {
      const { state, attempt: at } = three.at(party).scheduler.find(job)!.view;
      // A session prepares until its process is ready.
      const begun = state === 'running' || state === 'preparing';
      return begun && at === attempt && processes.of(party).some(({ started }) => started !== undefined);
    });
  await until(holds, () => PARTY_NAMES.map((party) => three.said(party, job)).join('; '));
}

function processOf({ processes }: Begun, party: PartyName): FakeProcess {
  return processes.of(party)[0];
}

describe('each attempt', () => {
  it('is in the audit logs of all three, and told to those who watch with where it began and why', async () => {
    const begun = await begin();
    const { three } = begun;
    const job = await running(begun);
    processOf(begun, 'P1').finish(crashed);
    await inAttempt(begun, job, 2);
    three.kill('P2');
    await three.start('P2');
    await inAttempt(begun, job, 3);
    for (const party of PARTY_NAMES) {
      const starts = three.audits[party].lines.filter((line) => line.startsWith('job-started '));
      const facts = starts.map((line) => JSON.parse(line.slice('job-started '.length)) as object);
      expect(facts).toMatchObject([1, 2, 3].map((attempt) => ({ job, attempt, from: 0 })));
      const events = await three.at(party).scheduler.events(job, 0, AbortSignal.timeout(1000));
      const [first, second, third] = events.filter(({ event }) => event === 'attempt');
      expect([first, second, third]).toMatchObject([{ attempt: 1 }, { attempt: 2, from: 0 }, { attempt: 3, from: 0 }]);
      expect(first.reason).toBeUndefined();
      expect(second.reason).toBe('party P1 was killed by SIGKILL');
      expect(third.reason).toBe(party === 'P2' ? 'this party was started again' : 'P2: it was started again');
    }
  });

  it('is told of by its own process alone: what one before still says changes nothing', async () => {
    const begun = await begin();
    const { three } = begun;
    const job = await running(begun);
    const late = processOf(begun, 'P0');
    late.tell({ type: 'event', event: step(1) });
    expect(three.figures.P0).toEqual(['step']);
    processOf(begun, 'P1').finish(crashed);
    await inAttempt(begun, job, 2);
    late.tell({ type: 'event', event: step(3) });
    expect(three.at('P0').scheduler.find(job)!.view.step).toBe(1);
    processOf(begun, 'P0').tell({ type: 'event', event: step(2) });
    expect(three.at('P0').scheduler.find(job)!.view.step).toBe(2);
    const events = await three.at('P0').scheduler.events(job, 0, AbortSignal.timeout(1000));
    const progress = events.filter(({ event }) => event === 'progress');
    expect(progress.map(({ attempt, progress: told }) => [attempt, (told as { step: number }).step])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(three.figures.P0).toEqual(['step', 'step']);
  });

  it('of a session takes inputs once its own process has all that it needs, not when one before says so', async () => {
    const begun = await begin({ keepModel: true });
    const { three, processes } = begun;
    const model = await three.propose(begun.document);
    await approve(three, model);
    await three.until(model, ['succeeded']);
    const { analyst } = three;
    const { version, expires } = begun.document;
    const document = serveDocument(model, [analyst], { version, expires });
    const job = await running({ three, processes, document: document as never });
    const late = processOf(begun, 'P0');
    processOf(begun, 'P1').finish(crashed);
    await inAttempt(begun, job, 2);
    const input = new Uint8Array(4 + 16 + 8 * 16);
    new DataView(input.buffer).setUint32(0, 1, true);
    const asked = three.at('P0').scheduler.infer(job, hex(16), analyst.public, input, new AbortController().signal);
    late.tell({ type: 'event', event: ready });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const present = processOf(begun, 'P0');
    expect(present.inputs).toEqual([]);
    expect(three.state('P0', job)).toBe('preparing');
    present.tell({ type: 'event', event: ready });
    expect(three.state('P0', job)).toBe('running');
    await until(
      () => present.inputs.length === 1,
      () => 'the input does not reach the process',
    );
    late.tell({ type: 'rejected', id: present.inputs[0].id, reason: 'of an earlier attempt', computed: false });
    const answer = { id: present.inputs[0].id, share: BigUint64Array.of(1n), waited: 0 };
    present.tell({ type: 'answers', images: 1, answers: [answer] });
    await expect(asked).resolves.toBeInstanceOf(Uint8Array);
    expect(three.figures.P0).toEqual(['answered 1']);
  });
});

describe('a disk with too little room', () => {
  it.each(PARTY_NAMES)('at %s keeps a job from beginning, with the reason, until there is room', async (party) => {
    const begun = await begin({}, (three) => (three.disks[party] = { free: 0.4 * GIB, least: GIB }));
    const { three, document } = begun;
    const job = await three.propose(document);
    await approve(three, job);
    const said = `queued ${party}: 0.40 GiB are free on its disk, and it keeps 1.00 GiB free (limits.freeDiskGiB)`;
    await until(
      () => three.said('P0', job) === said,
      () => three.said('P0', job),
    );
    await until(
      () => three.said('P1', job) === said,
      () => three.said('P1', job),
    );
    expect(begun.processes.all).toEqual([]);
    three.disks[party] = { free: 2 * GIB, least: GIB };
    await three.until(job, ['succeeded']);
  });

  it.each(['P0', 'P2'] as const)(
    'at %s lets a training stop at a step, and go on once there is room',
    async (party) => {
      const begun = await begin();
      const { three } = begun;
      const job = await running(begun);
      three.disks[party] = { free: 0.6 * GIB, least: GIB };
      // Too little to begin with, enough to go on.
      await new Promise((resolve) => setTimeout(resolve, 6000));
      expect(three.state(party, job)).toBe('running');
      three.disks[party] = { free: 0.4 * GIB, least: GIB };
      const said = new RegExp(`^preparing ${party}: 0.40 GiB are free on its disk`);
      await until(
        () => said.test(three.said('P0', job)),
        () => three.said('P0', job),
      );
      expect(begun.processes.of(party)).toEqual([]);
      expect(begun.processes.all.map(({ over }) => over?.kind)).toEqual(['stopped', 'stopped', 'stopped']);
      begun.processes.hold = false;
      three.disks[party] = { free: 1.1 * GIB, least: GIB };
      await three.until(job, ['succeeded']);
      expect(three.at('P0').scheduler.find(job)!.view.attempt).toBe(2);
    },
  );
});
