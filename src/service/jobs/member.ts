/**
 * One party's part in one job, as a pure machine: what happened goes in, the record as it is from now on and what is to be done come out. Whoever
 * runs it has the record on the disk before it does anything.
 *
 * The leader's orders are checked here, by what this party holds itself: P0 may let a job rest or end it at any time, but it can start none that
 * was not approved here, none twice, none past its end, and none with other keys than the parties named.
 */
import { digestOf } from '../../federation/canonical.ts';
import type { Facts } from '../jobs-api.ts';
import {
  MAX_ATTEMPTS,
  type AbortControl,
  type End,
  type Outcome,
  type PrepareAnswer,
  type Prepared,
  type PrepareOrder,
  type Refused,
  type StartControl,
} from './control.ts';
import { endOf, enter, isOver, type JobRecord } from './record.ts';
import { objectionTo, type Roll } from './start-check.ts';
import type { Approval, Verdict } from './verdict.ts';

/** What a party knows only while it runs: its job process. */
export type Live =
  | { readonly stage: 'opening'; readonly attempt: number }
  | { readonly stage: 'open'; readonly attempt: number; readonly answer: Prepared }
  /** `order`: its digest. */
  | { readonly stage: 'running'; readonly attempt: number; readonly order: string };

export interface Member {
  readonly record: JobRecord;
  readonly live?: Live | undefined;
  /** What became of the last attempt; absent after a restart. */
  readonly ended?: { readonly attempt: number; readonly outcome: Outcome } | undefined;
}

export type MemberEvent =
  /** This party was started again: no job process is left. */
  | { readonly kind: 'loaded' }
  /** Consent as it is now. */
  | { readonly kind: 'judged'; readonly verdict: Verdict }
  | { readonly kind: 'expired' }
  /** By who may, or because data in it is withdrawn or an owner revoked. */
  | { readonly kind: 'cancelled'; readonly reason: string }
  /** `obstacle`: what this party lacks at the moment. */
  | { readonly kind: 'prepare'; readonly order: PrepareOrder; readonly obstacle?: Refused | undefined }
  /** Its process listens. */
  | ({ readonly kind: 'opened'; readonly attempt: number } & Prepared)
  /** `approvals`: under which it begins; grants among them are counted. */
  | {
      readonly kind: 'start';
      readonly order: StartControl;
      readonly approvals: readonly Approval[];
      readonly obstacle?: Refused | undefined;
    }
  /** Its process ended. */
  | { readonly kind: 'ended'; readonly attempt: number; readonly outcome: Outcome }
  | { readonly kind: 'abort'; readonly order: AbortControl }
  | { readonly kind: 'settle'; readonly end: End }
  /** Nothing was heard of the leader. */
  | { readonly kind: 'forsaken'; readonly seconds: number }
  /** Serving: so many images may be answered, counted from the first; and to each client, where there is a limit. */
  | ({ readonly kind: 'allow' } & Pick<JobRecord, 'images' | 'imagesOf'>)
  /** Serving: all that it allows have been answered. */
  | { readonly kind: 'exhausted' };

export type MemberAction =
  | { readonly do: 'audit'; readonly event: string; readonly facts: Facts }
  /** Those who watch the job. */
  | { readonly do: 'tell'; readonly event: 'state' | 'attempt'; readonly facts: Facts }
  /** Start a process, once none is left of an earlier attempt. */
  | { readonly do: 'open'; readonly attempt: number }
  /** Let it begin. `fresh`: what an earlier run left is removed first. */
  | { readonly do: 'begin'; readonly order: StartControl; readonly fresh: boolean }
  | { readonly do: 'end'; readonly attempt: number; readonly reason: string }
  /** Those who asked for this attempt; without a number, the order at hand. */
  | { readonly do: 'answer'; readonly attempt?: number; readonly answer: PrepareAnswer }
  /** To the leader. */
  | { readonly do: 'report'; readonly attempt: number; readonly outcome: Outcome }
  /** The job is over: once no process is left, its checkpoints go. */
  | { readonly do: 'clear' };

export interface Turn {
  readonly member: Member;
  readonly actions: readonly MemberAction[];
}

const DONE: MemberAction = { do: 'answer', answer: {} };

export function stepMember(member: Member, event: MemberEvent, now: number, roll: Roll): Turn {
  switch (event.kind) {
    case 'loaded':
      return loaded(member, now);
    case 'judged':
      return judged(member, event.verdict, now);
    case 'expired':
      return member.record.begun ? nothing(member) : over(member, EXPIRED, now);
    case 'cancelled':
      return over(member, { state: 'cancelled', reason: event.reason }, now);
    case 'prepare':
      return prepare(member, event, now);
    case 'opened':
      return opened(member, event);
    case 'start':
      return start(member, event, now, roll);
    case 'ended':
      return ended(member, event, now);
    case 'abort':
      return aborted(member, event.order, now);
    case 'settle':
      return settled(member, event.end, now);
    case 'forsaken':
      return forsaken(member, event.seconds, now);
    case 'allow':
      return nothing({
        ...member,
        record: { ...member.record, images: event.images, imagesOf: event.imagesOf },
      });
    case 'exhausted':
      return over(member, { state: 'succeeded', reason: 'as many images as it allows have been answered' }, now);
  }
}

/** What to tell the leader of the present attempt; undefined while it is under way, or none has been. */
export function outcomeOf({ record, live, ended: last }: Member): Outcome | undefined {
  const end = endOf(record);
  if (end !== undefined) return { kind: 'over', end };
  if (record.attempt === 0 || live !== undefined) return undefined;
  if (record.done === record.attempt) return { kind: 'done' };
  if (last?.attempt === record.attempt) return last.outcome;
  return { kind: 'failed', origin: 'lost', reason: RESTARTED };
}

const RESTARTED = 'it was started again';
const EXPIRED: End = { state: 'expired', reason: 'no party starts it after the moment that it names' };

function loaded(member: Member, now: number): Turn {
  const { record } = member;
  const halfway = record.state === 'preparing' || record.state === 'running';
  if (!halfway || (record.done > 0 && record.done === record.attempt)) return nothing({ record });
  return moved({ record: resting(record, now, 'this party was started again') }, record);
}

function judged(member: Member, verdict: Verdict, now: number): Turn {
  const { record, live } = member;
  if (record.begun || isOver(record)) return nothing(member);
  switch (verdict.kind) {
    case 'refused':
      return over(member, { state: 'refused', reason: verdict.reason, fix: verdict.fix }, now);
    case 'waiting': {
      const waiting = { ...enter(record, 'awaiting', now, { reason: verdict.reason }), waitingFor: verdict.for };
      if (live === undefined) return moved({ ...member, record: unlessSame(record, waiting) }, record);
      return stopped(member, waiting, 'an approval was taken back');
    }
    case 'approved':
      if (record.state !== 'proposed' && record.state !== 'awaiting') return nothing(member);
      return moved({ ...member, record: { ...enter(record, 'queued', now), waitingFor: [] } }, record);
  }
}

/** What was prepared is not to start. */
function stopped(member: Member, record: JobRecord, reason: string): Turn {
  const { attempt } = member.live!;
  const outcome: Outcome = { kind: 'failed', origin: 'here', reason };
  return moved({ record, ended: { attempt, outcome } }, member.record, [
    ...endOfLive(member, reason),
    { do: 'report', attempt, outcome },
  ]);
}

function prepare(member: Member, event: Extract<MemberEvent, { kind: 'prepare' }>, now: number): Turn {
  const { record, live } = member;
  const { attempt } = event.order;
  const answer = (words: PrepareAnswer): Turn => ({ member, actions: [{ do: 'answer', answer: words }] });
  const end = endOf(record);
  if (end !== undefined) return answer(refusalOf(end));
  if (attempt !== undefined && attempt === live?.attempt) {
    // The same order again: it is answered, or will be, as the first time.
    if (live.stage === 'opening') return nothing(member);
    if (live.stage === 'open') return answer(live.answer);
  }
  if (attempt !== undefined && attempt <= record.attempt) return answer({ refused: `attempt ${attempt} is past` });
  const most = MAX_ATTEMPTS[record.job.document.kind];
  if (attempt !== undefined && attempt > most) return answer({ refused: `a job has no more than ${most} attempts` });
  if (record.state === 'proposed' || record.state === 'awaiting')
    return answer({ refused: record.reason ?? 'it waits for an approval' });
  if (event.obstacle !== undefined) return answer(event.obstacle);
  if (attempt === undefined) return answer({});
  const { reason } = record;
  const preparing = { ...enter(record, 'preparing', now, { reason }), attempt };
  const actions: MemberAction[] = [...endOfLive(member, 'another attempt takes its place'), { do: 'open', attempt }];
  return moved({ record: preparing, live: { stage: 'opening', attempt } }, record, actions);
}

function opened(member: Member, event: Extract<MemberEvent, { kind: 'opened' }>): Turn {
  const { attempt, prepared, holdings } = event;
  if (member.live?.stage !== 'opening' || member.live.attempt !== attempt) return nothing(member);
  const answer = { prepared, holdings };
  return {
    member: { ...member, live: { stage: 'open', attempt, answer } },
    actions: [{ do: 'answer', attempt, answer }],
  };
}

function start(member: Member, event: Extract<MemberEvent, { kind: 'start' }>, now: number, roll: Roll): Turn {
  const { record, live } = member;
  const { order } = event;
  const { attempt, resume } = order;
  const refuse = (refused: Refused): Turn => ({ member, actions: [{ do: 'answer', answer: refused }] });
  const end = endOf(record);
  if (end !== undefined) return refuse(refusalOf(end));
  if (live === undefined || live.stage === 'opening' || live.attempt !== attempt)
    return refuse({ refused: `attempt ${attempt} is not prepared here` });
  if (live.stage === 'running') {
    // The same order again is answered as the first time.
    if (live.order === digestOf(order)) return { member, actions: [DONE] };
    return refuse({ refused: `attempt ${attempt} has been started otherwise` });
  }
  const objection = objectionTo(order, live.answer, roll);
  if (objection !== undefined) return refuse({ refused: objection });
  if (event.obstacle !== undefined) return refuse(event.obstacle);
  const from = resume?.step ?? 0;
  const approvals = record.begun ? record.approvals : event.approvals;
  const done = resume === undefined ? 0 : record.done;
  const running = { ...enter(record, 'running', now), begun: true, approvals, done, step: from };
  const under = approvals.map((approval) => `${approval.owner}: ${approval.under} ${approval.digest}`);
  const because = record.reason === undefined ? {} : { reason: record.reason };
  return moved({ record: running, live: { stage: 'running', attempt, order: digestOf(order) } }, record, [
    { do: 'audit', event: 'job-started', facts: { job: order.job, attempt, from, under } },
    { do: 'tell', event: 'attempt', facts: { attempt, from, ...because } },
    { do: 'begin', order, fresh: resume === undefined },
    DONE,
  ]);
}

function ended(member: Member, event: Extract<MemberEvent, { kind: 'ended' }>, now: number): Turn {
  const { record, live } = member;
  const { attempt, outcome } = event;
  if (live?.attempt !== attempt) return nothing(member);
  const report: MemberAction = { do: 'report', attempt, outcome };
  const next = { ended: { attempt, outcome } };
  if (live.stage === 'running' && outcome.kind === 'done') {
    const reason = 'this party has done its part and waits for the others';
    return moved({ ...next, record: { ...enter(record, 'running', now, { reason }), done: attempt } }, record, [
      report,
    ]);
  }
  const reason = outcome.kind === 'failed' ? outcome.reason : 'it was stopped';
  const actions: MemberAction[] = [report];
  if (live.stage !== 'running') actions.unshift({ do: 'answer', attempt, answer: { refused: reason } });
  return moved({ ...next, record: resting(record, now, reason) }, record, actions);
}

function aborted(member: Member, { attempt, reason }: AbortControl, now: number): Turn {
  const { record, live } = member;
  if (live === undefined || live.attempt > attempt) return { member, actions: [DONE] };
  const outcome: Outcome = { kind: 'failed', origin: 'link', reason };
  const rests = { record: resting(record, now, reason), ended: { attempt: live.attempt, outcome } };
  return moved(rests, record, [...endOfLive(member, reason), DONE]);
}

function settled(member: Member, end: End, now: number): Turn {
  const { record } = member;
  // It was given up here because P0 was away; P0 is back, and had seen the end.
  const late = record.state === 'failed' && record.done > 0 && end.state === 'succeeded';
  if (isOver(record) && !late) return { member, actions: [DONE] };
  const untrue = end.state === 'succeeded' && record.done === 0 && record.job.document.kind === 'train';
  const own: End = untrue
    ? { state: 'failed', reason: 'P0 says that it is done, but this party has not done it' }
    : end;
  const { member: next, actions } = over(member, own, now, { ordered: true });
  return { member: next, actions: [...actions, DONE] };
}

function forsaken(member: Member, seconds: number, now: number): Turn {
  const { record, live } = member;
  if (!record.begun || live?.stage === 'running') return nothing(member);
  const reason = `P0 has been away for ${Math.round(seconds)} s`;
  return over(member, { state: 'failed', reason, fix: 'see why P0 cannot be reached, then propose it again' }, now);
}

/** The job ends here. @param ordered the leader knows; it is its word, even over an end that was taken for one */
function over(member: Member, end: End, now: number, { ordered = false } = {}): Turn {
  const { record } = member;
  if (isOver(record) && !ordered) return nothing(member);
  const { attempt, job } = record;
  const why = end.reason === undefined ? {} : { reason: end.reason };
  const actions: MemberAction[] = [
    { do: 'audit', event: `job-${end.state}`, facts: { job: job.digest, ...why } },
    ...endOfLive(member, end.reason ?? 'the job is over'),
  ];
  if (!ordered) actions.push({ do: 'report', attempt, outcome: { kind: 'over', end } });
  actions.push({ do: 'clear' });
  return moved({ record: { ...enter(record, end.state, now, end), waitingFor: [] } }, record, actions);
}

function endOfLive({ live }: Member, reason: string): MemberAction[] {
  if (live === undefined) return [];
  const { attempt } = live;
  const end: MemberAction = { do: 'end', attempt, reason };
  return live.stage === 'opening' ? [{ do: 'answer', attempt, answer: { refused: reason } }, end] : [end];
}

/** No attempt is under way: the next one is the leader's to begin. */
function resting(record: JobRecord, now: number, reason: string): JobRecord {
  return enter(record, record.begun ? 'preparing' : 'queued', now, { reason });
}

function refusalOf({ state, reason, fix }: End): Refused {
  const words = state === 'succeeded' ? 'a job runs once, and this one has been done' : `it has ended here: ${state}`;
  return { refused: reason ?? words, fix, over: state };
}

function nothing(member: Member): Turn {
  return { member, actions: [] };
}

/** The record as it was, if only the list was written anew. */
function unlessSame(before: JobRecord, after: JobRecord): JobRecord {
  const unchanged = before.state === after.state && before.reason === after.reason;
  return unchanged && before.waitingFor.join() === after.waitingFor.join() ? before : after;
}

/** With an event for those who watch where the state or its reason changed. */
function moved(member: Member, before: JobRecord, actions: readonly MemberAction[] = []): Turn {
  const { state, reason, fix } = member.record;
  if (before.state === state && before.reason === reason) return { member, actions };
  const facts: Facts = { state, ...(reason !== undefined && { reason }), ...(fix !== undefined && { fix }) };
  return { member, actions: [{ do: 'tell', event: 'state', facts }, ...actions] };
}
