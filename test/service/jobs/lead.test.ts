/** How P0 leads: what it makes of what parties answer, lies included. */
import { describe, expect, it } from 'vitest';
import type { PartyName } from '../../../src/server/ipc.ts';
import type { Outcome, Place } from '../../../src/service/jobs/control.ts';
import {
  isLive,
  MAX_RESTARTED,
  NEW_LEAD,
  restingLead,
  stepLead,
  type Lead,
  type LeadAction,
  type LeadEvent,
} from '../../../src/service/jobs/lead.ts';
import { sessionKey } from './simulation.ts';

const JOB = '70'.repeat(32);
const RUN = 'f00d'.repeat(8);
const PARTIES = ['P0', 'P1', 'P2'] as const;

class Leading {
  now = 0;
  lead: Lead = restingLead(0);
  record = NEW_LEAD;
  actions: readonly LeadAction[] = [];
  begun = false;
  done = false;

  hear(...events: readonly LeadEvent[]): this {
    for (const event of events) {
      const context = { job: JOB, serves: false, begun: this.begun, done: this.done, partySeconds: 60 };
      const turn = stepLead(this.lead, this.record, event, this.now, context);
      ({ lead: this.lead, record: this.record, actions: this.actions } = turn);
    }
    return this;
  }

  /** Until it waits for the parties' word that they have started. */
  begin(holdings: Partial<Record<PartyName, readonly Place[]>> = {}): this {
    this.now = Math.max(this.now, this.lead.until);
    this.hear({ kind: 'go' }, ...PARTIES.map((from) => ({ kind: 'answered', from, attempt: 0, answer: {} }) as const));
    const { attempt } = this.record;
    const prepared = (from: PartyName) => sessionKey(from, JOB, attempt, '0a'.repeat(32));
    return this.hear(
      ...PARTIES.map((from) => {
        const answer = { prepared: prepared(from), holdings: holdings[from] ?? [] };
        return { kind: 'answered', from, attempt, answer } as const;
      }),
    );
  }

  run(holdings: Partial<Record<PartyName, readonly Place[]>> = {}): this {
    this.begin(holdings);
    const { attempt } = this.record;
    this.begun = true;
    return this.hear(...PARTIES.map((from) => ({ kind: 'started', from, attempt, answer: {} }) as const));
  }

  outcome(from: PartyName, outcome: Outcome): this {
    return this.hear({ kind: 'outcome', from, attempt: this.record.attempt, outcome });
  }

  /** The others say nothing. */
  fail(): this {
    this.now = this.lead.until;
    return this.hear({ kind: 'tick' });
  }

  get settled() {
    return this.actions.flatMap((action) => (action.do === 'settle' ? [action.end] : []))[0];
  }

  get resume(): Place | undefined {
    return this.actions.flatMap((action) => (action.do === 'start' ? [action.order.resume] : []))[0];
  }
}

const at = (...steps: readonly number[]): Place[] => steps.map((step) => ({ run: RUN, step }));
const lost: Outcome = { kind: 'failed', origin: 'lost', reason: 'it was started again' };
const broken: Outcome = { kind: 'failed', origin: 'link', reason: 'a link broke' };
const killed: Outcome = { kind: 'failed', origin: 'here', reason: 'party P1 was killed by SIGKILL' };

describe('the leader', () => {
  it('asks before it lets anybody prepare, and starts when all three have', () => {
    const leading = new Leading().hear({ kind: 'go' });
    expect(leading.actions).toEqual(PARTIES.map((to) => ({ do: 'prepare', to, order: { job: JOB } })));
    expect(leading.record.attempt).toBe(0);
    leading.hear(...PARTIES.map((from) => ({ kind: 'answered', from, attempt: 0, answer: {} }) as const));
    expect(leading.actions).toEqual(PARTIES.map((to) => ({ do: 'prepare', to, order: { job: JOB, attempt: 1 } })));
    const running = new Leading().run();
    expect([running.lead.phase, running.record]).toEqual(['running', { ...NEW_LEAD, attempt: 1, underWay: true }]);
  });

  it('goes on from the newest step that all three have, whatever one claims', () => {
    expect(new Leading().begin({ P0: at(10, 20), P1: at(10, 20), P2: at(10) }).resume).toEqual({ run: RUN, step: 10 });
    expect(new Leading().begin({ P0: at(10), P1: at(10, 20, 30), P2: at(10) }).resume).toEqual({ run: RUN, step: 10 });
    const other = [{ run: 'beef'.repeat(8), step: 10 }];
    expect(new Leading().begin({ P0: at(10), P1: other, P2: at(10) }).resume).toBeUndefined();
  });

  it('waits for whoever refuses for now, and says why', () => {
    const leading = new Leading().hear({ kind: 'go' });
    leading.hear(
      { kind: 'answered', from: 'P0', attempt: 0, answer: {} },
      { kind: 'answered', from: 'P2', attempt: 0, answer: {} },
      { kind: 'answered', from: 'P1', attempt: 0, answer: { refused: 'it waits for an approval' } },
    );
    expect([leading.lead.phase, leading.lead.waits, leading.actions]).toEqual([
      'resting',
      'P1: it waits for an approval',
      [],
    ]);
    expect(leading.hear({ kind: 'go' }).lead.phase).toBe('resting');
    expect(leading.hear({ kind: 'hurry' }, { kind: 'go' }).lead.phase).toBe('asking');
  });

  it('ends the job where a party says that it is over there', () => {
    const leading = new Leading().hear({ kind: 'go' });
    for (const from of PARTIES) {
      const answer = from === 'P2' ? { refused: 'b has declined it', over: 'refused' as const } : {};
      leading.hear({ kind: 'answered', from, attempt: 0, answer });
    }
    expect(leading.settled).toEqual({ state: 'refused', reason: 'P2: b has declined it' });
    const cancelled = new Leading().run().outcome('P1', { kind: 'over', end: { state: 'cancelled', reason: 'by a' } });
    expect(cancelled.settled).toEqual({ state: 'cancelled', reason: 'P1: by a' });
    const lied = new Leading().run().outcome('P1', { kind: 'over', end: { state: 'succeeded' } });
    expect(lied.settled?.state).toBe('failed');
  });

  it('lets all end when one does, names the cause and not who saw it, and begins again', () => {
    const leading = new Leading().run().outcome('P0', { kind: 'failed', origin: 'link', reason: 'P1 is gone' });
    expect(leading.lead.phase).toBe('concluding');
    leading.outcome('P1', killed).outcome('P2', { kind: 'failed', origin: 'link', reason: 'P1 is gone' });
    expect(leading.lead).toMatchObject({ phase: 'resting', waits: 'party P1 was killed by SIGKILL' });
    expect(leading.actions.map(({ do: what }) => what)).toEqual(['abort', 'abort', 'abort']);
    leading.run();
    expect(leading.record).toMatchObject({ attempt: 2, idle: 1, underWay: true });
  });

  it('does not wait for ever for the others to say what they saw', () => {
    const leading = new Leading().run().outcome('P1', killed);
    leading.now += 1400;
    expect(leading.hear({ kind: 'tick' }).lead.phase).toBe('concluding');
    leading.now += 200;
    expect(leading.hear({ kind: 'tick' }).lead.phase).toBe('resting');
    const done = new Leading().run().outcome('P1', { kind: 'done' }).outcome('P0', { kind: 'done' });
    expect(done.settled).toBeUndefined();
    done.now += 60_000;
    expect(done.hear({ kind: 'tick' }).lead).toMatchObject({ phase: 'resting', waits: 'P2 did not end it' });
  });

  it('takes a training for done when all three say so, of this attempt, which is under way until then', () => {
    const leading = new Leading().run().outcome('P0', { kind: 'done' }).outcome('P1', { kind: 'done' });
    expect(isLive(leading.lead, leading.record, 1)).toBe(true);
    leading.hear({ kind: 'outcome', from: 'P2', attempt: 7, outcome: { kind: 'done' } });
    expect(leading.settled).toBeUndefined();
    expect(leading.outcome('P2', { kind: 'done' }).settled).toEqual({ state: 'succeeded' });
  });

  it('counts attempts that get no further, and forgets them at the first that does', () => {
    const leading = new Leading();
    for (let i = 0; i < 4; i++)
      leading
        .run({ P0: at(10), P1: at(10), P2: at(10) })
        .outcome('P1', killed)
        .fail();
    expect(leading.record.idle).toBe(4);
    leading.run({ P0: at(20), P1: at(20), P2: at(20) });
    expect(leading.record).toMatchObject({ idle: 0, reached: 20 });
    for (let i = 0; i < 5; i++) {
      if (i > 0) leading.run({ P0: at(20), P1: at(20), P2: at(20) });
      leading.outcome('P1', killed).fail();
    }
    expect(leading.settled).toMatchObject({
      state: 'failed',
      reason: '5 attempts in a row got no further than step 20; the last one: party P1 was killed by SIGKILL',
    });
  });

  it('does not count an attempt that was stopped at a step', () => {
    const leading = new Leading().run();
    for (const from of PARTIES) leading.outcome(from, { kind: 'stopped', step: 3 });
    expect(leading.lead).toMatchObject({ phase: 'resting', waits: 'it was stopped after step 3' });
    expect(leading.record.idle).toBe(0);
  });

  it('counts apart an attempt that a party was started again during, itself included', () => {
    const leading = new Leading().run();
    leading.lead = restingLead(leading.now);
    leading.hear({ kind: 'loaded' });
    expect(leading.record).toMatchObject({ idle: 0, restarted: 1, underWay: false, ended: 'P0 was started again' });
    expect(leading.hear({ kind: 'loaded' }).record.restarted).toBe(1);
    leading.run().outcome('P2', lost).fail();
    expect(leading.record).toMatchObject({ idle: 0, restarted: 2 });
    // It is away: the others have seen no more than that their links broke.
    leading.run().outcome('P0', broken).outcome('P2', broken).fail();
    expect(leading.record).toMatchObject({ idle: 0, restarted: 3 });
    leading.run();
    for (const from of PARTIES) leading.outcome(from, broken);
    expect(leading.record).toMatchObject({ idle: 1, restarted: 3 });
    leading.run().outcome('P1', killed).outcome('P2', lost).fail();
    expect(leading.record).toMatchObject({ idle: 2, restarted: 3 });
    leading.run({ P0: at(4), P1: at(4), P2: at(4) });
    expect(leading.record).toMatchObject({ idle: 0, restarted: 0, reached: 4 });
  });

  it('goes on when a supervisor starts a party again time after time, within one checkpoint interval', () => {
    const leading = new Leading();
    for (let i = 1; i < MAX_RESTARTED; i++) {
      leading.run({ P0: at(10), P1: at(10), P2: at(10) });
      if (i % 2 === 0) leading.outcome('P1', lost).fail();
      else {
        leading.lead = restingLead(leading.now);
        leading.hear({ kind: 'loaded' });
      }
      expect([i, leading.settled, leading.record.restarted]).toEqual([i, undefined, i]);
    }
    // A party that cheats could say so for ever.
    leading
      .run({ P0: at(10), P1: at(10), P2: at(10) })
      .outcome('P1', lost)
      .fail();
    expect(leading.settled).toMatchObject({
      state: 'failed',
      reason:
        '20 times in a row a party was started again before it got further than step 10; the last one: P1: it was started again',
    });
  });

  it('ends a job that P0 itself was started again in too often, when its turn comes', () => {
    const leading = new Leading();
    for (let i = 0; i < MAX_RESTARTED; i++) {
      leading.run();
      leading.lead = restingLead(leading.now);
      leading.hear({ kind: 'loaded' });
    }
    expect(leading.settled).toBeUndefined();
    expect(leading.hear({ kind: 'go' }).settled?.reason).toMatch(/^20 times in a row/);
  });

  it('frees a party that is busy with what nobody leads', () => {
    const leading = new Leading().hear({ kind: 'go' });
    const busy = { job: '11'.repeat(32), attempt: 4 };
    for (const from of PARTIES) {
      const answer = from === 'P1' ? { refused: 'another training is under way there', busy } : {};
      leading.hear({ kind: 'answered', from, attempt: 0, answer });
    }
    expect(leading.actions).toEqual([{ do: 'free', at: 'P1', ...busy }]);
  });
});
