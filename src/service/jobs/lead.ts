/**
 * How P0 leads one job, as a pure machine beside its own part in it (`member.ts`): ask all three whether they would, let them prepare, start them
 * from the newest step that all three have, and when one ends let the others end and begin again. Each party decides for itself at every turn.
 *
 *     resting → asking → preparing → starting → running → concluding → resting …  until the job is over
 */
import { PARTY_NAMES, type PartyName } from '../../server/ipc.ts';
import { newestCommon } from '../../server/resume-point.ts';
import {
  MAX_ATTEMPTS,
  type AbortControl,
  type End,
  type OrderAnswer,
  type Outcome,
  type PrepareAnswer,
  type Prepared,
  type PrepareOrder,
  type Refused,
  type StartControl,
  shortened,
} from './control.ts';
import type { LeadRecord } from './record.ts';

/** Attempts in a row that may fail and get no further. */
export const MAX_IDLE = 5;
/** The same of attempts during which a party was started again: its supervisor's doing, and no fault of the job. */
export const MAX_RESTARTED = 20;
/** After a first end, how long the others may take to say what they saw: the first to speak need not know the cause. */
const DIAGNOSIS_MS = 1500;
/** How long the others may take to stop at the step that was agreed on. */
const STOPPING_MS = 120_000;
/** Serving has no steps: a session that lasted so long got on. */
const LASTING_MS = 60_000;
const FIRST_REST_MS = 500;
const LONGEST_REST_MS = 15_000;

export type Phase = 'resting' | 'asking' | 'preparing' | 'starting' | 'running' | 'concluding';
type Each<T> = Readonly<Partial<Record<PartyName, T>>>;
/** A party that could not be reached, or did not answer. */
export type Silent = { readonly silent: string };

export interface Lead {
  readonly phase: Phase;
  /** When this phase began. */
  readonly since: number;
  /** Resting: no attempt before this moment. Concluding: how long others are heard. */
  readonly until: number;
  /** Rests in a row without an attempt. */
  readonly rests: number;
  readonly answers: Each<PrepareAnswer | Silent>;
  readonly outcomes: Each<Outcome>;
  /** Since when a party has not answered. */
  readonly away: Each<number>;
  /** Why it rests. */
  readonly waits?: string | undefined;
}

export interface LeadContext {
  readonly job: string;
  readonly serves: boolean;
  /** An attempt has begun already. */
  readonly begun: boolean;
  /** P0 has done its own part. */
  readonly done: boolean;
  readonly partySeconds: number;
}

export type LeadEvent =
  /** P0 was started again. */
  | { readonly kind: 'loaded' }
  /** The job's turn has come. */
  | { readonly kind: 'go' }
  /** `attempt` is that of the order; 0 where it was only asked. */
  | {
      readonly kind: 'answered';
      readonly from: PartyName;
      readonly attempt: number;
      readonly answer: PrepareAnswer | Silent;
    }
  | {
      readonly kind: 'started';
      readonly from: PartyName;
      readonly attempt: number;
      readonly answer: OrderAnswer | Silent;
    }
  | { readonly kind: 'outcome'; readonly from: PartyName; readonly attempt: number; readonly outcome: Outcome }
  /** Something changed that it may have waited for. */
  | { readonly kind: 'hurry' }
  | { readonly kind: 'tick' };

export type LeadAction =
  | { readonly do: 'prepare'; readonly to: PartyName; readonly order: PrepareOrder }
  | { readonly do: 'start'; readonly to: PartyName; readonly order: StartControl }
  | { readonly do: 'abort'; readonly to: PartyName; readonly order: AbortControl }
  /** That party is busy with this, which may be nobody's any more. */
  | { readonly do: 'free'; readonly at: PartyName; readonly job: string; readonly attempt: number }
  /** The job is over, here and at the others. */
  | { readonly do: 'settle'; readonly end: End };

export interface LeadTurn {
  readonly lead: Lead;
  readonly record: LeadRecord;
  readonly actions: readonly LeadAction[];
}

export const NEW_LEAD: LeadRecord = { attempt: 0, underWay: false, reached: -1, idle: 0, restarted: 0 };

export function restingLead(now: number): Lead {
  return { phase: 'resting', since: now, until: now, rests: 0, answers: {}, outcomes: {}, away: {} };
}

interface State extends LeadContext {
  readonly lead: Lead;
  readonly record: LeadRecord;
  readonly now: number;
}

export function stepLead(
  lead: Lead,
  record: LeadRecord,
  event: LeadEvent,
  now: number,
  context: LeadContext,
): LeadTurn {
  const state: State = { ...context, lead, record, now };
  switch (event.kind) {
    case 'loaded':
      if (!record.underWay) return still(state);
      return still({
        ...state,
        record: { ...record, underWay: false, restarted: record.restarted + 1, ended: 'P0 was started again' },
      });
    case 'go':
      return lead.phase === 'resting' && now >= lead.until ? ask(state) : still(state);
    case 'answered':
      return answered(state, event);
    case 'started':
      return started(state, event);
    case 'outcome':
      return heard(state, event.from, event.attempt, event.outcome);
    case 'hurry':
      return still(lead.phase === 'resting' ? { ...state, lead: { ...lead, until: now, rests: 0 } } : state);
    case 'tick':
      return lead.phase === 'concluding' && now >= lead.until ? conclude(state) : still(state);
  }
}

/** Whether this attempt is under way, as far as P0 knows: while it concludes, others still do their part, or find out why it ends. */
export function isLive(lead: Lead, record: LeadRecord, attempt: number): boolean {
  return attempt === record.attempt && ['preparing', 'starting', 'running', 'concluding'].includes(lead.phase);
}

function ask(state: State): LeadTurn {
  const { job, record } = state;
  const end = exhausted(state);
  if (end !== undefined) return end;
  const actions = PARTY_NAMES.map((to): LeadAction => ({ do: 'prepare', to, order: { job } }));
  return { lead: entered(state, 'asking'), record, actions };
}

function answered(state: State, event: Extract<LeadEvent, { kind: 'answered' }>): LeadTurn {
  const { lead, record, now } = state;
  const { from, attempt, answer } = event;
  const expected = lead.phase === 'asking' ? 0 : lead.phase === 'preparing' ? record.attempt : -1;
  if (attempt !== expected || lead.answers[from] !== undefined) return still(state);
  const { [from]: since, ...others } = lead.away;
  const away = 'silent' in answer ? { ...others, [from]: since ?? now } : others;
  const next: State = { ...state, lead: { ...lead, away, answers: { ...lead.answers, [from]: answer } } };
  if (PARTY_NAMES.some((party) => next.lead.answers[party] === undefined)) return still(next);
  return allAnswered(next);
}

function allAnswered(state: State): LeadTurn {
  const { lead, record, job } = state;
  const hindrance = hindranceIn(state);
  if (hindrance !== undefined) return hindrance;
  if (lead.phase === 'asking') {
    const attempt = record.attempt + 1;
    const actions = PARTY_NAMES.map((to): LeadAction => ({ do: 'prepare', to, order: { job, attempt } }));
    return { lead: entered(state, 'preparing'), record: { ...record, attempt }, actions };
  }
  return begin(state, lead.answers as Readonly<Record<PartyName, Prepared>>);
}

function begin(state: State, prepared: Readonly<Record<PartyName, Prepared>>): LeadTurn {
  const { record, job } = state;
  const { attempt } = record;
  const { P0, P1, P2 } = prepared;
  const resume = newestCommon({
    P0: { whole: P0.holdings },
    P1: { whole: P1.holdings },
    P2: { whole: P2.holdings },
  });
  const step = resume?.step ?? -1;
  const progress = step > record.reached ? { reached: step, idle: 0, restarted: 0 } : {};
  const keys = { P0: P0.prepared, P1: P1.prepared, P2: P2.prepared };
  const order: StartControl = { job, attempt, keys, ...(resume && { resume }) };
  const actions = PARTY_NAMES.map((to): LeadAction => ({ do: 'start', to, order }));
  return { lead: entered(state, 'starting'), record: { ...record, ...progress, underWay: true }, actions };
}

function started(state: State, event: Extract<LeadEvent, { kind: 'started' }>): LeadTurn {
  const { lead, record } = state;
  const { from, attempt, answer } = event;
  if (attempt !== record.attempt || lead.phase !== 'starting') return still(state);
  const next = { ...state, lead: { ...lead, answers: { ...lead.answers, [from]: answer } } };
  if (isSilent(answer) || isRefused(answer)) {
    const reason = isSilent(answer) ? answer.silent : answer.refused;
    if (isRefused(answer) && answer.over !== undefined)
      return heard(next, from, attempt, { kind: 'over', end: { state: answer.over, reason, fix: answer.fix } });
    return heard(next, from, attempt, { kind: 'failed', origin: 'here', reason });
  }
  const all = PARTY_NAMES.every((party) => next.lead.answers[party] !== undefined);
  return still(all ? { ...next, lead: { ...next.lead, phase: 'running', since: state.now } } : next);
}

function heard(state: State, from: PartyName, attempt: number, outcome: Outcome): LeadTurn {
  const { lead, record, now } = state;
  // That it is over at a party holds for all attempts.
  if (outcome.kind === 'over') return settle(state, endAt(state, from, outcome.end));
  if (attempt !== record.attempt) return still(state);
  if (lead.phase === 'preparing' && lead.answers[from] !== undefined && outcome.kind === 'failed') {
    // It was prepared, and cannot be started any more.
    return still({ ...state, lead: { ...lead, answers: { ...lead.answers, [from]: { refused: outcome.reason } } } });
  }
  if (lead.phase !== 'starting' && lead.phase !== 'running' && lead.phase !== 'concluding') return still(state);
  if (lead.outcomes[from] !== undefined) return still(state);
  const outcomes = { ...lead.outcomes, [from]: outcome };
  const wait = { done: 1000 * state.partySeconds, stopped: STOPPING_MS, failed: DIAGNOSIS_MS }[outcome.kind];
  const until = lead.phase === 'concluding' ? Math.min(lead.until, now + wait) : now + wait;
  const next = { ...state, lead: { ...lead, phase: 'concluding' as const, until, outcomes } };
  return PARTY_NAMES.every((party) => outcomes[party] !== undefined) ? conclude(next) : still(next);
}

/** All have said what became of the attempt, or had the time to. */
function conclude(state: State): LeadTurn {
  const { lead, record, now } = state;
  const outcomes = PARTY_NAMES.map((party) => lead.outcomes[party]);
  if (outcomes.every((outcome) => outcome?.kind === 'done')) return settle(state, { state: 'succeeded' });
  const reason = causeIn(lead.outcomes);
  const lasted = state.serves && now - lead.since >= LASTING_MS;
  const { idle, restarted } = lasted ? { idle: 0, restarted: 0 } : counted(record, lead.outcomes);
  const next = { ...state, record: { ...record, idle, restarted, underWay: false, ended: reason } };
  return exhausted(next) ?? rest(next, reason, idle + restarted);
}

/** Attempts that got no further, with one more. Who ends at a step as it was told has not failed. */
function counted({ idle, restarted }: LeadRecord, outcomes: Each<Outcome>): Pick<LeadRecord, 'idle' | 'restarted'> {
  const all = PARTY_NAMES.map((party) => outcomes[party]);
  if (all.some((outcome) => outcome?.kind === 'stopped')) return { idle, restarted };
  const failed = all.flatMap((outcome) => (outcome?.kind === 'failed' ? [outcome.origin] : []));
  // Of whom nothing is heard when links have broken is away: to be started again, mostly.
  const away = failed.length > 0 && all.includes(undefined);
  if (!failed.includes('here') && (away || failed.includes('lost'))) return { idle, restarted: restarted + 1 };
  return { idle: idle + 1, restarted };
}

/** Undefined: another attempt may be made. */
function exhausted(state: State): LeadTurn | undefined {
  const { idle, restarted, attempt, reached, ended } = state.record;
  const last = ended === undefined ? '' : `; the last one: ${ended}`;
  const fix = 'see why, then propose it again';
  const place = state.serves ? '' : ` than step ${Math.max(0, reached)}`;
  if (idle >= MAX_IDLE) {
    return settle(state, { state: 'failed', reason: `${idle} attempts in a row got no further${place}${last}`, fix });
  }
  if (restarted >= MAX_RESTARTED) {
    const reason = `${restarted} times in a row a party was started again before it got further${place}${last}`;
    return settle(state, { state: 'failed', reason, fix });
  }
  const most = MAX_ATTEMPTS[state.serves ? 'serve' : 'train'];
  if (attempt < most) return undefined;
  return settle(state, { state: 'failed', reason: `${attempt} attempts have been made${last}`, fix });
}

/** What keeps an attempt from being made, or the job from going on at all. */
function hindranceIn(state: State): LeadTurn | undefined {
  const { lead, now } = state;
  const answers = PARTY_NAMES.map((party) => [party, lead.answers[party]!] as const);
  for (const [party, answer] of answers) {
    if (isRefused(answer) && answer.over !== undefined)
      return settle(state, endAt(state, party, { state: answer.over, reason: answer.refused, fix: answer.fix }));
  }
  for (const [party, answer] of answers) {
    const since = lead.away[party];
    if (!isSilent(answer) || since === undefined) continue;
    const seconds = Math.round((now - since) / 1000);
    if (!state.begun || seconds < state.partySeconds) continue;
    const reason = `${party} has been away for ${seconds} s: ${answer.silent}`;
    return settle(state, { state: 'failed', reason, fix: `see why ${party} cannot be reached, then propose it again` });
  }
  const [party, answer] =
    answers.find(([, each]) => isSilent(each)) ?? answers.find(([, each]) => isRefused(each)) ?? [];
  if (answer === undefined) return undefined;
  const waits = isSilent(answer)
    ? `${party} cannot be reached: ${answer.silent}`
    : saidBy(party!, (answer as Refused).refused);
  const turn = rest(state, waits, lead.rests + 1);
  const freed = answers.flatMap(([at, each]): LeadAction[] =>
    isRefused(each) && each.busy !== undefined ? [{ do: 'free', at, ...each.busy }] : [],
  );
  return { ...turn, actions: [...turn.actions, ...freed] };
}

/** @param times how often it has rested in a row, for one reason or another */
function rest(state: State, reason: string, times: number): LeadTurn {
  const { lead, record, now, job } = state;
  const pause = Math.min(FIRST_REST_MS * 2 ** times, LONGEST_REST_MS);
  const rests = lead.phase === 'concluding' ? 0 : times;
  const aborts: LeadAction[] =
    lead.phase === 'asking'
      ? []
      : PARTY_NAMES.map((to) => ({
          do: 'abort',
          to,
          order: { job, attempt: record.attempt, reason: shortened(reason) },
        }));
  const resting = { ...restingLead(now), until: now + pause, rests, away: lead.away, waits: reason };
  return { lead: resting, record, actions: aborts };
}

function settle(state: State, end: End): LeadTurn {
  const { record, now } = state;
  const over = { ...restingLead(now), until: Infinity };
  const short = { ...end, ...(end.reason !== undefined && { reason: shortened(end.reason) }) };
  return { lead: over, record: { ...record, underWay: false }, actions: [{ do: 'settle', end: short }] };
}

function entered({ lead, now }: State, phase: Phase): Lead {
  return { ...lead, phase, since: now, until: now, answers: {}, outcomes: {}, waits: undefined };
}

function still({ lead, record }: State): LeadTurn {
  return { lead, record, actions: [] };
}

/** The end that one party has come to, for all. */
function endAt({ serves, done }: State, party: PartyName, { state, reason, fix }: End): End {
  // A party takes a training for done on P0's word alone: P0 has forgotten.
  if (state === 'succeeded' && (serves || done)) return { state, reason };
  if (state === 'succeeded') return { state: 'failed', reason: `${party} says that it has been done, and it has not` };
  return { state, reason: saidBy(party, reason ?? state), fix };
}

/** What it was that an attempt ended of: what happened in a party, rather than what was seen of it over a link. */
function causeIn(outcomes: Each<Outcome>): string {
  const failures = PARTY_NAMES.flatMap((party) => {
    const outcome = outcomes[party];
    return outcome?.kind === 'failed' ? [{ party, ...outcome }] : [];
  });
  const cause = failures.find(({ origin }) => origin !== 'link') ?? failures[0];
  if (cause !== undefined) return saidBy(cause.party, cause.reason);
  const stopped = PARTY_NAMES.map((party) => outcomes[party]).find((outcome) => outcome?.kind === 'stopped');
  if (stopped?.kind === 'stopped') return `it was stopped after step ${stopped.step}`;
  const missing = PARTY_NAMES.filter((party) => outcomes[party] === undefined);
  return `${missing.join(' and ')} did not end it`;
}

function saidBy(party: PartyName, reason: string): string {
  return /^(party )?P[012]\b/.test(reason) ? reason : `${party}: ${reason}`;
}

function isSilent(answer: PrepareAnswer | Silent | undefined): answer is Silent {
  return answer !== undefined && 'silent' in answer;
}

function isRefused(answer: PrepareAnswer | Silent | undefined): answer is Refused {
  return answer !== undefined && 'refused' in answer && answer.refused !== undefined;
}
