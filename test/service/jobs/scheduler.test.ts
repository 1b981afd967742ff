/** What parties do about jobs with all their stores, and job processes that compute nothing: each refuses by itself what its own state does not allow. */
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grantDocument, type GrantDocument } from '../../../src/federation/documents.ts';
import { signDocument } from '../../../src/federation/signed.ts';
import { PARTY_NAMES } from '../../../src/server/ipc.ts';
import type { ControlOrder } from '../../../src/service/jobs-api.ts';
import { receive } from '../../../src/service/received.ts';
import { FEDERATION, hex } from '../../federation/world.ts';
import { FragileDisk } from '../power-cut.ts';
import { approve, begin } from './begun.ts';
import { IDENTITIES, sessionKey } from './simulation.ts';
import type { Three } from './three.ts';

/** Orders as P0 would give them, one after the other, each with its answer. */
async function ordered(
  three: Three,
  to: 'P1' | 'P2',
  order: ControlOrder,
  body: object,
): Promise<Record<string, unknown>> {
  return (await three.at(to).scheduler.control(order, 'P0', body)) as Record<string, unknown>;
}

describe('a party, whatever P0 says,', () => {
  it('neither prepares nor starts a job that its owners have not approved there', async () => {
    // P0 is alone in having the approvals, as if it had made them up.
    const { three, processes, document } = await begin();
    const job = await three.propose(document, ['P1', 'P2']);
    for (const to of ['P1', 'P2'] as const) {
      expect(await ordered(three, to, 'prepare', { job, attempt: 1 })).toEqual({ refused: 'it waits for an approval' });
      const keys = Object.fromEntries(PARTY_NAMES.map((party) => [party, sessionKey(party, job, 1, hex(32))]));
      expect(await ordered(three, to, 'start', { job, attempt: 1, keys })).toEqual({
        refused: 'attempt 1 is not prepared here',
      });
    }
    await three.decide(three.owners[0], job, true, ['P1', 'P2']);
    expect(await ordered(three, 'P2', 'prepare', { job, attempt: 1 })).toEqual({ refused: 'it waits for an approval' });
    await three.decide(three.owners[1], job, false, ['P2']);
    expect(await ordered(three, 'P2', 'prepare', { job, attempt: 1 })).toMatchObject({
      refused: 'owner-1 has declined it',
      over: 'refused',
    });
    expect(processes.all).toEqual([]);
  });

  it('does not know a job by other bytes', async () => {
    const { three, document } = await begin();
    const job = await three.propose(document, ['P1', 'P2']);
    await three.decide(three.owners[0], job, true, ['P1', 'P2']);
    await three.decide(three.owners[1], job, true, ['P1', 'P2']);
    const changed = `${job.startsWith('0') ? '1' : '0'}${job.slice(1)}`;
    expect(await ordered(three, 'P1', 'prepare', { job: changed, attempt: 1 })).toMatchObject({
      refused: 'it does not know this job',
    });
    expect(await ordered(three, 'P1', 'prepare', { job })).toEqual({});
  });

  it('looks again before it starts: at approvals, grants, members and dates', async () => {
    const { three, processes, document } = await begin();
    processes.hold = true;
    three.onMessage = () => undefined;
    const job = await three.propose(document, ['P1', 'P2']);
    await three.decide(three.owners[0], job, true, ['P1', 'P2']);
    await three.decide(three.owners[1], job, true, ['P1', 'P2']);
    const { prepared } = (await ordered(three, 'P1', 'prepare', { job, attempt: 1 })) as { prepared: object };
    const keys = { P0: sessionKey('P0', job, 1, hex(32)), P1: prepared, P2: sessionKey('P2', job, 1, hex(32)) };
    three.revoked.add(three.owners[1].id);
    const refused = await ordered(three, 'P1', 'start', { job, attempt: 1, keys });
    expect(refused).toMatchObject({ refused: expect.stringMatching(/owner-1, has been revoked here/) as string });
    expect(processes.all.filter(({ started }) => started !== undefined)).toEqual([]);
    expect(three.state('P1', job)).toBe('refused');
  });

  it('counts a grant once for what begins, not for what is only ordered, and refuses the job after the last', async () => {
    const { three, processes, document } = await begin();
    processes.hold = true;
    three.onMessage = () => undefined;
    const grants = three.owners.map((owner, i) => {
      const grant: GrantDocument = {
        ...{ securenn: 'grant', federation: FEDERATION, data: [document.train[i].digest], analyst: three.analyst.id },
        ...{ networks: 'any', reveal: document.reveal, keepModel: false, maxRuns: 1, nonce: hex(16) },
        until: document.expires,
      };
      return receive(grantDocument, 'grant', signDocument(grant, owner), FEDERATION);
    });
    for (const grant of grants) await three.at('P1').grants.add(grant);
    const uses = (): number[] => grants.map(({ digest }) => three.at('P1').grants.find(digest)!.uses.length);
    const job = await three.propose(document, ['P1']);
    const { prepared } = (await ordered(three, 'P1', 'prepare', { job, attempt: 1 })) as { prepared: object };
    const keys = { P0: sessionKey('P0', job, 1, hex(32)), P1: prepared, P2: sessionKey('P2', job, 1, hex(32)) };
    const forged = { ...keys, P2: sessionKey('P2', job, 1, hex(32), IDENTITIES.P0) };
    expect(await ordered(three, 'P1', 'start', { job, attempt: 1, keys: forged })).toEqual({
      refused: 'the key of P2 is not signed by P2',
    });
    expect(uses()).toEqual([0, 0]);
    expect(await ordered(three, 'P1', 'start', { job, attempt: 1, keys })).toEqual({});
    expect(await ordered(three, 'P1', 'start', { job, attempt: 1, keys })).toEqual({});
    expect(uses()).toEqual([1, 1]);
    expect(three.audits.P1.lines.filter((line) => line.startsWith('job-started'))).toHaveLength(1);
    // Another attempt of the same job is no other run.
    const again = (await ordered(three, 'P1', 'prepare', { job, attempt: 2 })) as { prepared: object };
    expect(again.prepared).toBeDefined();
    const second = { P0: sessionKey('P0', job, 2, hex(32)), P1: again.prepared, P2: sessionKey('P2', job, 2, hex(32)) };
    expect(await ordered(three, 'P1', 'start', { job, attempt: 2, keys: second })).toEqual({});
    expect(uses()).toEqual([1, 1]);
    const other = await three.propose({ ...document, nonce: hex(16) }, ['P1']);
    expect(three.said('P1', other)).toBe('awaiting');
  });

  it('runs one training at a time, and says which one keeps it', async () => {
    const { three, processes, document } = await begin();
    processes.hold = true;
    const first = await three.propose(document);
    await approve(three, first);
    await three.until(first, ['running']);
    const second = await three.propose({ ...document, nonce: hex(16) });
    await approve(three, second);
    expect(await ordered(three, 'P1', 'prepare', { job: second, attempt: 1 })).toEqual({
      refused: 'another training is under way there',
      busy: { job: first, attempt: 1 },
    });
    processes.hold = false;
    for (const process of processes.all) process.finish();
    await three.until(second, ['succeeded']);
    expect(three.said('P2', first)).toBe('succeeded');
  });

  it('takes no job that needs more memory than it gives', async () => {
    const { three, document } = await begin({}, (each) => (each.memoryBytes = 100 * 2 ** 20));
    const job = await three.propose(document);
    await approve(three, job);
    await three.until(job, ['refused']);
    expect(three.said('P1', job)).toMatch(/^refused P0: it takes about 0\.2 GiB of memory here, of 0\.1 GiB/);
  });
});

describe('control messages', () => {
  it('count from whoever may send them, in their form', async () => {
    const { three, document } = await begin();
    const job = await three.propose(document);
    const asked = (to: 'P0' | 'P1', order: ControlOrder, from: 'P0' | 'P1' | 'P2', body: unknown): Promise<object> =>
      three.at(to).scheduler.control(order, from, body);
    for (const order of ['prepare', 'start', 'abort', 'settle'] as const) {
      await expect(asked('P1', order, 'P2', {})).rejects.toMatchObject({ status: 403 });
      await expect(asked('P0', order, 'P1', {})).rejects.toMatchObject({ status: 403 });
      await expect(asked('P1', order, 'P1', {})).rejects.toMatchObject({ status: 403 });
    }
    for (const order of ['outcome', 'stop', 'state'] as const) {
      await expect(asked('P1', order, 'P0', {})).rejects.toMatchObject({ status: 403 });
      await expect(asked('P0', order, 'P0', {})).rejects.toMatchObject({ status: 403 });
    }
    await expect(asked('P1', 'prepare', 'P0', { job, attempt: 0 })).rejects.toThrow(
      'prepare: attempt is not what it should be',
    );
    await expect(asked('P1', 'settle', 'P0', { job, end: { state: 'running' } })).rejects.toMatchObject({
      status: 400,
    });
    await expect(asked('P0', 'state', 'P1', 'all')).rejects.toMatchObject({ status: 400 });
  });
});

describe('a federation of schedulers', () => {
  it('expires what nobody approved in time, and starts nothing after that', async () => {
    const { three, document } = await begin();
    const job = await three.propose({ ...document, expires: new Date(Date.now() + 1500).toISOString() });
    await three.until(job, ['expired']);
    await expect(approve(three, job)).resolves.toBeUndefined();
    expect(three.said('P1', job)).toMatch(/^expired (P\d: )?no party starts it after/);
  });

  it('ends jobs whose data is withdrawn, once no process reads it any more', async () => {
    const { three, processes, document } = await begin();
    processes.hold = true;
    const job = await three.propose(document);
    await approve(three, job);
    await three.until(job, ['running']);
    await three.at('P2').scheduler.withdrawn('data', document.train[0].digest);
    expect(processes.of('P2')).toEqual([]);
    await three.until(job, ['cancelled']);
    expect(three.said('P0', job)).toBe('cancelled P2: data of it has been withdrawn');
  });

  it('shows why a job waits: of a party that does not know it, or is away', async () => {
    const { three, document } = await begin();
    const job = await three.propose(document, ['P0', 'P1']);
    await three.decide(three.owners[0], job, true, ['P0', 'P1']);
    await three.decide(three.owners[1], job, true, ['P0', 'P1']);
    const said = async (pattern: RegExp): Promise<void> => {
      for (let i = 0; !pattern.test(three.said('P0', job)); i++) {
        if (i > 1000) throw new Error(three.said('P0', job));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await said(/^queued P2: it does not know this job/);
    three.kill('P2');
    await said(/^queued P2 cannot be reached: connection refused/);
  });

  it('gives each event a number, and whoever waits what comes next', async () => {
    const { three, document } = await begin();
    const job = await three.propose(document);
    const { scheduler } = three.at('P0');
    const first = await scheduler.events(job, 0, AbortSignal.timeout(1000));
    expect(first.map(({ n, state }) => [n, state])).toEqual([
      [0, 'proposed'],
      [1, 'awaiting'],
    ]);
    const waiting = scheduler.events(job, 2, AbortSignal.timeout(20_000));
    await approve(three, job);
    expect((await waiting)[0]).toMatchObject({ n: 2, event: 'state', state: 'queued' });
    await three.until(job, ['succeeded']);
    const before = await scheduler.events(job, 0, AbortSignal.timeout(1000));
    // What is told is on its way to the disk.
    const file = join(three.folder, 'P0', 'events', `${job}.jsonl`);
    while (readFileSync(file, 'utf8').trimEnd().split('\n').length < before.length)
      await new Promise((resolve) => setTimeout(resolve, 20));
    three.kill('P0');
    await three.start('P0');
    // What was told is kept, and no number is given twice.
    expect(await three.at('P0').scheduler.events(job, 0, AbortSignal.timeout(1000))).toEqual(before);
    expect(await scheduler.events(job, 10_000, AbortSignal.timeout(50))).toEqual([]);
  });

  it('hands a connection to the job that waits in the session it names, and to none otherwise', async () => {
    const { three, processes, document } = await begin();
    processes.hold = true;
    const job = await three.propose(document);
    await approve(three, job);
    await three.until(job, ['running']);
    const { scheduler } = three.at('P0');
    const [process] = processes.of('P0');
    // It is told to start once its record is written, and its folders are clear.
    await expect.poll(() => process.started).toBeDefined();
    const session = process.started!.job.sessionId;
    const socket = new Socket();
    for (const named of ['', hex(32), session.slice(1), session.toUpperCase()])
      expect([named, scheduler.takeLink(socket, named, new Uint8Array())]).toEqual([named, named === session]);
    expect(socket.destroyed).toBe(false);
    expect(scheduler.takeLink(socket, session, new Uint8Array())).toBe(true);
    expect(socket.destroyed).toBe(true);
    await three.cancel(three.analyst, job, 'P0');
    await three.until(job, ['cancelled']);
    expect(scheduler.takeLink(new Socket(), session, new Uint8Array())).toBe(false);
  });

  it('does every job to its end whichever change to a disk fails', { timeout: 1_200_000 }, async () => {
    const { operations } = await disturbed('P1', Infinity);
    expect(operations).toBeGreaterThan(10);
    // In turns of a few, as each waits for its federation more than it computes.
    for (const party of ['P0', 'P1'] as const) {
      for (let at = 0; at < operations; at += 24) {
        const some = Array.from({ length: Math.min(24, operations - at) }, (_, i) => disturbed(party, at + i));
        for (const { state } of await Promise.all(some)) expect(['succeeded', 'failed']).toContain(state);
      }
    }
  });
});

/** A job in a federation where one operation on one party's disk fails. */
async function disturbed(
  party: 'P0' | 'P1',
  at: number,
): Promise<{ readonly operations: number; readonly state: string | undefined }> {
  let disk: FragileDisk | undefined;
  const { three, document } = await begin({}, (each) => {
    disk = new FragileDisk(each.folder, at, 'ENOSPC');
    each.files = { ...each.files, [party]: disk.files };
  });
  let job = await three.propose(document).catch(() => undefined);
  job ??= await three.propose(document);
  const proposed = job;
  await approve(three, proposed).catch(() => approve(three, proposed));
  await three.until(job, ['succeeded', 'failed'], 400);
  const states = new Set(PARTY_NAMES.map((each) => three.state(each, job)));
  expect([...states]).toHaveLength(1);
  return { operations: disk!.operations, state: [...states][0] };
}
