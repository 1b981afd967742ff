/** What one party does about a job, and what it refuses, whoever orders it. */
import { describe, expect, it } from 'vitest';
import { Identity } from '../../../src/federation/identity.ts';
import { signDocument } from '../../../src/federation/signed.ts';
import type { PartyName } from '../../../src/server/ipc.ts';
import { MAX_ATTEMPTS, type End, type StartControl } from '../../../src/service/jobs/control.ts';
import {
  outcomeOf,
  stepMember,
  type Member,
  type MemberAction,
  type MemberEvent,
} from '../../../src/service/jobs/member.ts';
import { newRecord, type JobRecord } from '../../../src/service/jobs/record.ts';
import { sessionOf } from '../../../src/service/jobs/start-check.ts';
import { IDENTITIES, receivedJob, rollOf, sessionKey } from './simulation.ts';

const NOW = Date.parse('2026-02-01T12:00:00.000Z');
const job = receivedJob();
const RUN = 'f00d'.repeat(8);
const OWNER = 'ab'.repeat(16);
const APPROVALS = [{ owner: OWNER, under: 'decision', digest: 'cd'.repeat(32) }] as const;
const KEYS = { P0: '0a'.repeat(32), P1: '0b'.repeat(32), P2: '0c'.repeat(32) };
const SELF = 'P1';

function key(party: PartyName, attempt = 1, by?: Identity, value = KEYS[party]) {
  return sessionKey(party, job.digest, attempt, value, by);
}

function startOf(change: Partial<StartControl> = {}): StartControl {
  return { job: job.digest, attempt: 1, keys: { P0: key('P0'), P1: key('P1'), P2: key('P2') }, ...change };
}

/** One party, told one thing after the other. */
class Told {
  member: Member;
  actions: readonly MemberAction[] = [];

  constructor(change: Partial<JobRecord> = {}) {
    this.member = { record: { ...newRecord(job, 1, NOW), state: 'queued', ...change } };
  }

  hear(...events: readonly MemberEvent[]): this {
    for (const event of events) {
      const turn = stepMember(this.member, event, NOW, rollOf(SELF));
      [this.member, this.actions] = [turn.member, turn.actions];
    }
    return this;
  }

  get state(): string {
    return this.member.record.state;
  }

  get answer(): unknown {
    return this.actions.find((action) => action.do === 'answer')?.answer;
  }

  has(what: MemberAction['do']): boolean {
    return this.actions.some((action) => action.do === what);
  }
}

const prepare = (attempt?: number): MemberEvent => ({
  kind: 'prepare',
  order: { job: job.digest, ...(attempt !== undefined && { attempt }) },
});
const opened = (attempt = 1, steps: readonly number[] = []): MemberEvent => ({
  kind: 'opened',
  attempt,
  prepared: key(SELF, attempt),
  holdings: steps.map((step) => ({ run: RUN, step })),
});
const start = (order = startOf()): MemberEvent => ({ kind: 'start', order, approvals: APPROVALS });
const prepared = (steps: readonly number[] = []): Told => new Told().hear(prepare(1), opened(1, steps));
const running = (): Told => prepared().hear(start());
const settle = (state: End['state'], reason?: string): MemberEvent => ({ kind: 'settle', end: { state, reason } });

describe('a party', () => {
  it('prepares, begins, does its part and is done when P0 says that all are', () => {
    const party = new Told().hear(prepare());
    expect([party.answer, party.state]).toEqual([{}, 'queued']);
    party.hear(prepare(1));
    expect([party.answer, party.state, party.has('open')]).toEqual([undefined, 'preparing', true]);
    party.hear(opened());
    expect(party.answer).toEqual({ prepared: key(SELF), holdings: [] });
    party.hear(start());
    expect([party.answer, party.state]).toEqual([{}, 'running']);
    expect(party.actions.map((action) => action.do)).toEqual(['tell', 'audit', 'tell', 'begin', 'answer']);
    expect(party.member.record).toMatchObject({ begun: true, attempt: 1, approvals: APPROVALS });
    party.hear({ kind: 'ended', attempt: 1, outcome: { kind: 'done' } });
    expect([party.state, outcomeOf(party.member)]).toEqual(['running', { kind: 'done' }]);
    party.hear(settle('succeeded'));
    expect([party.state, party.has('clear'), party.has('audit')]).toEqual(['succeeded', true, true]);
  });

  it('answers an order that comes twice as the first time, and does it once', () => {
    const party = prepared();
    const { answer } = party;
    party.hear(prepare(1));
    expect([party.answer, party.has('open')]).toEqual([answer, false]);
    party.hear(start()).hear(start());
    expect([party.answer, party.has('begin')]).toEqual([{}, false]);
    party.hear(settle('failed', 'P2: lost')).hear(settle('cancelled'));
    expect([party.answer, party.state, party.member.record.reason]).toEqual([{}, 'failed', 'P2: lost']);
  });

  it('begins nothing that was not prepared here', () => {
    for (const party of [new Told(), new Told().hear(prepare(1))]) {
      party.hear(start());
      expect(party.answer).toEqual({ refused: 'attempt 1 is not prepared here' });
      expect(party.has('begin')).toBe(false);
    }
    const other = new Told().hear(prepare(2), opened(2)).hear(start());
    expect(other.answer).toEqual({ refused: 'attempt 1 is not prepared here' });
  });

  it('prepares nothing that is not approved, and begins nothing whose approval was taken back', () => {
    const waiting = new Told({ state: 'awaiting', reason: 'a data set is on its way' }).hear(prepare(1));
    expect(waiting.answer).toEqual({ refused: 'a data set is on its way' });
    const party = prepared().hear({ kind: 'judged', verdict: { kind: 'waiting', for: [OWNER] } });
    expect([party.state, party.has('end'), party.has('report')]).toEqual(['awaiting', true, true]);
    expect(party.hear(start()).answer).toEqual({ refused: 'attempt 1 is not prepared here' });
    const declined = prepared().hear({ kind: 'judged', verdict: { kind: 'refused', reason: 'a has declined it' } });
    expect([declined.state, declined.has('end')]).toEqual(['refused', true]);
    expect(declined.hear(start()).answer).toMatchObject({ refused: 'a has declined it', over: 'refused' });
    // Once it has begun, decisions are no longer asked for.
    expect(running().hear({ kind: 'judged', verdict: { kind: 'waiting', for: [OWNER] } }).state).toBe('running');
  });

  it('begins nothing that it lacks something for at the moment', () => {
    const obstacle = { refused: 'the grant is used up' };
    const party = prepared().hear({ kind: 'start', order: startOf(), approvals: APPROVALS, obstacle });
    expect([party.answer, party.state, party.has('begin')]).toEqual([obstacle, 'preparing', false]);
  });

  const stranger = Identity.generate();
  const keys = startOf().keys;
  it.each<[string, Partial<StartControl>, string]>([
    [
      'another key than the one it made',
      { keys: { ...keys, P1: key('P1', 1, undefined, 'ff'.repeat(32)) } },
      'my key of the session is another',
    ],
    [
      "a peer's key that a stranger signed",
      { keys: { ...keys, P2: key('P2', 1, stranger) } },
      'the key of P2 is not signed by P2',
    ],
    [
      "a peer's key that P0 signed",
      { keys: { ...keys, P2: key('P2', 1, IDENTITIES.P0) } },
      'the key of P2 is not signed by P2',
    ],
    [
      "a peer's key that was changed",
      { keys: { ...keys, P2: { ...keys.P2, document: { ...keys.P2.document, key: 'ee'.repeat(32) } } } },
      'the key of P2 is not signed by P2',
    ],
    [
      "a peer's key of another attempt",
      { keys: { ...keys, P2: key('P2', 2) } },
      'the key of P2 is not for attempt 1 of this job',
    ],
    [
      "a peer's key of another job",
      { keys: { ...keys, P0: sessionKey('P0', '11'.repeat(32), 1, KEYS.P0) } },
      'the key of P0 is not for attempt 1 of this job',
    ],
    [
      "a peer's key in another role",
      {
        keys: {
          ...keys,
          P2: signDocument({ ...keys.P2.document, party: 'P0' as const }, IDENTITIES.P2),
        },
      },
      'the key of P2 is not for attempt 1 of this job',
    ],
    [
      'a step that it does not have',
      { resume: { run: RUN, step: 20 } },
      'there is no checkpoint here of step 20 of that run',
    ],
    [
      'a step of another run',
      { resume: { run: 'beef'.repeat(8), step: 10 } },
      'there is no checkpoint here of step 10 of that run',
    ],
  ])('does not begin with %s', (_, change, refused) => {
    const party = prepared([10]).hear(start(startOf(change)));
    expect([party.answer, party.has('begin'), party.state]).toEqual([{ refused }, false, 'preparing']);
    // Nothing has happened: the right order is still taken.
    expect(party.hear(start(startOf({ resume: { run: RUN, step: 10 } }))).answer).toEqual({});
  });

  it('begins no attempt twice in two ways, and none that is past', () => {
    const party = prepared([10]).hear(start(), start(startOf({ resume: { run: RUN, step: 10 } })));
    expect(party.answer).toEqual({ refused: 'attempt 1 has been started otherwise' });
    expect(party.hear(prepare(1)).answer).toEqual({ refused: 'attempt 1 is past' });
    expect(party.state).toBe('running');
    const most = MAX_ATTEMPTS.train;
    expect(new Told().hear(prepare(most + 1)).answer).toEqual({ refused: `a job has no more than ${most} attempts` });
  });

  it.each<[End['state']]>([['succeeded'], ['failed'], ['cancelled'], ['expired'], ['refused']])(
    'neither prepares nor begins what is over: %s',
    (state) => {
      const party = new Told({ state, reason: 'for a reason' });
      expect(party.hear(prepare(7)).answer).toEqual({ refused: 'for a reason', over: state });
      expect(party.hear(start(startOf({ attempt: 7 }))).answer).toEqual({ refused: 'for a reason', over: state });
      expect(party.has('open') || party.has('begin')).toBe(false);
    },
  );

  it('does not take for done what it has not done', () => {
    const party = running().hear(settle('succeeded'));
    expect([party.state, party.member.record.reason]).toEqual([
      'failed',
      'P0 says that it is done, but this party has not done it',
    ]);
    // Results of an attempt that begins anew are others: what was done before does not count.
    const anew = running().hear({ kind: 'ended', attempt: 1, outcome: { kind: 'done' } }, prepare(2), opened(2));
    const second = startOf({ attempt: 2, keys: { P0: key('P0', 2), P1: key('P1', 2), P2: key('P2', 2) } });
    expect(anew.hear(start(second), settle('succeeded')).state).toBe('failed');
  });

  it('goes on to the next attempt from any stage, and ends the process of the one before', () => {
    for (const party of [prepared(), running(), new Told().hear(prepare(1))]) {
      party.hear(prepare(2));
      expect(
        party.actions.filter(({ do: what }) => what === 'end' || what === 'open').map(({ do: what }) => what),
      ).toEqual(['end', 'open']);
      // What is still heard of the one before changes nothing.
      party.hear({ kind: 'ended', attempt: 1, outcome: { kind: 'failed', origin: 'link', reason: 'gone' } });
      party.hear({ kind: 'abort', order: { job: job.digest, attempt: 1, reason: 'late' } });
      expect(party.member.live).toEqual({ stage: 'opening', attempt: 2 });
    }
  });

  it('says why it rests, and why it begins again', () => {
    const party = running().hear({
      kind: 'ended',
      attempt: 1,
      outcome: { kind: 'failed', origin: 'here', reason: 'killed' },
    });
    expect([party.state, party.member.record.reason]).toEqual(['preparing', 'killed']);
    const second = startOf({ attempt: 2, keys: { P0: key('P0', 2), P1: key('P1', 2), P2: key('P2', 2) } });
    party.hear(prepare(2), opened(2), start(second));
    expect(party.actions).toContainEqual({
      do: 'tell',
      event: 'attempt',
      facts: { attempt: 2, from: 0, reason: 'killed' },
    });
    // Approvals are those of the first time.
    expect(party.member.record.approvals).toEqual(APPROVALS);
  });

  it('comes back from a restart with nothing under way, and tells the leader', () => {
    const party = new Told({ ...running().member.record }).hear({ kind: 'loaded' });
    expect([party.state, party.member.record.reason]).toEqual(['preparing', 'this party was started again']);
    expect(outcomeOf(party.member)).toEqual({ kind: 'failed', origin: 'lost', reason: 'it was started again' });
    const done = running().hear({ kind: 'ended', attempt: 1, outcome: { kind: 'done' } }).member.record;
    const back = new Told(done).hear({ kind: 'loaded' });
    expect([back.state, outcomeOf(back.member)]).toEqual(['running', { kind: 'done' }]);
  });

  it('ends at a cancel whatever the stage, and tells the leader', () => {
    for (const party of [new Told(), new Told().hear(prepare(1)), prepared(), running()]) {
      const live = party.member.live !== undefined;
      party.hear({ kind: 'cancelled', reason: 'cancelled by a' });
      expect([party.state, party.has('end'), party.has('clear')]).toEqual(['cancelled', live, true]);
      expect(party.actions).toContainEqual({
        do: 'report',
        attempt: party.member.record.attempt,
        outcome: { kind: 'over', end: { state: 'cancelled', reason: 'cancelled by a' } },
      });
    }
  });

  it('gives up a leader that stays away, unless its process runs, and takes its late word that all was done', () => {
    const forsaken: MemberEvent = { kind: 'forsaken', seconds: 900 };
    expect(new Told().hear(forsaken).state).toBe('queued');
    expect(running().hear(forsaken).state).toBe('running');
    const party = running().hear({ kind: 'ended', attempt: 1, outcome: { kind: 'done' } }, forsaken);
    expect([party.state, party.member.record.reason]).toEqual(['failed', 'P0 has been away for 900 s']);
    expect(party.hear(settle('succeeded')).state).toBe('succeeded');
  });

  it('expires before it has begun, never after', () => {
    expect(prepared().hear({ kind: 'expired' }).state).toBe('expired');
    expect(running().hear({ kind: 'expired' }).state).toBe('running');
  });

  it('names the session after all that was agreed on', () => {
    const names = [
      startOf(),
      startOf({ attempt: 2 }),
      startOf({ job: '11'.repeat(32) }),
      startOf({ keys: { ...keys, P2: key('P2', 1, undefined, 'ff'.repeat(32)) } }),
      startOf({ resume: { run: RUN, step: 1 } }),
      startOf({ resume: { run: RUN, step: 2 } }),
    ].map(sessionOf);
    expect(new Set(names).size).toBe(names.length);
  });
});
