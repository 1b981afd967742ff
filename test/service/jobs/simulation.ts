/**
 * Three parties' machines (`member.ts`, `lead.ts`) in one process under a clock of its own: messages that are lost, come twice or in another order;
 * parties that crash before or after a record is written; job processes that are killed. The job is a training of a few steps.
 */
import type { JobDocument } from '../../../src/federation/documents.ts';
import { Identity } from '../../../src/federation/identity.ts';
import { jobDocument } from '../../../src/federation/documents.ts';
import { examine } from '../../../src/federation/received.ts';
import type { Received } from '../../../src/federation/received-form.ts';
import { signDocument, type Signed } from '../../../src/federation/signed.ts';
import type { PartyName } from '../../../src/server/ipc.ts';
import type {
  OrderAnswer,
  Outcome,
  Place,
  PrepareAnswer,
  SessionKeyDocument,
  StartControl,
} from '../../../src/service/jobs/control.ts';
import {
  isLive,
  NEW_LEAD,
  restingLead,
  stepLead,
  type Lead,
  type LeadAction,
  type LeadEvent,
} from '../../../src/service/jobs/lead.ts';
import { outcomeOf, stepMember, type Member, type MemberEvent } from '../../../src/service/jobs/member.ts';
import { endOf, isOver, newRecord, type JobRecord } from '../../../src/service/jobs/record.ts';
import { sessionOf, type Roll } from '../../../src/service/jobs/start-check.ts';
import { FEDERATION, trainDocument } from '../../federation/world.ts';

export const IDENTITIES: Readonly<Record<PartyName, Identity>> = {
  P0: Identity.generate(),
  P1: Identity.generate(),
  P2: Identity.generate(),
};
const PARTY_SECONDS = 120;
const LINK_SECONDS = 10;
const APPROVALS = [{ owner: 'ab'.repeat(16), under: 'grant', digest: 'cd'.repeat(32) }] as const;

export function receivedJob(): Received<JobDocument> {
  const analyst = Identity.generate();
  const train = [{ owner: 'ab'.repeat(16), name: 'scans', digest: 'da'.repeat(32) }];
  const job = examine(jobDocument, 'job', signDocument(trainDocument(analyst, { train }), analyst), FEDERATION);
  if ('fault' in job) throw new Error(job.fault);
  return job;
}

export function rollOf(self: PartyName): Roll {
  const identities = { P0: [IDENTITIES.P0.public], P1: [IDENTITIES.P1.public], P2: [IDENTITIES.P2.public] };
  return { self, federation: FEDERATION, identities };
}

export function sessionKey(
  party: PartyName,
  job: string,
  attempt: number,
  key: string,
  by: Identity = IDENTITIES[party],
): Signed<SessionKeyDocument> {
  const document: SessionKeyDocument = { securenn: 'session-key', federation: FEDERATION, job, attempt, party, key };
  return signDocument(document, by);
}

interface Process {
  readonly attempt: number;
  readonly key: string;
  session?: { readonly id: string; readonly run: string; step: number };
}

interface Party {
  readonly self: PartyName;
  readonly roll: Roll;
  up: boolean;
  /** It is down for good. */
  gone: boolean;
  /** Grows at each start of the party: what belongs to an earlier life is nobody's. */
  life: number;
  disk: JobRecord;
  member: Member;
  lead: Lead;
  process: Process | undefined;
  /** On its disk, too. */
  holdings: Place[];
  asking: { attempt: number; reply: (answer: PrepareAnswer) => void }[];
  heardAt: number;
  writes: number;
  uses: number;
}

export interface Faults {
  /** Of a message, or of its answer, for each. */
  readonly loss?: number;
  readonly twice?: number;
  /** Crash of a party at its n-th write, before or after the disk has it. */
  readonly crashes?: readonly {
    readonly party: PartyName;
    readonly write: number;
    readonly when: 'before' | 'after';
  }[];
  /** Seconds. `what` dies; the party is started again after so long, never if that is Infinity. */
  readonly kills?: readonly {
    readonly at: number;
    readonly party: PartyName;
    readonly what: 'party' | 'process';
    readonly back?: number;
  }[];
  readonly stopAt?: number;
  /** How many times as long a step takes. */
  readonly slow?: number;
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export class Simulation {
  now = 1_000_000;
  readonly parties: Readonly<Record<PartyName, Party>>;
  /** What must never be. */
  readonly wrongs: string[] = [];
  /** Orders by which an attempt began, by attempt. */
  readonly #begun = new Map<number, string>();
  readonly #faults: Faults;
  readonly #random: () => number;
  readonly #steps: number;
  readonly #job = receivedJob();
  #due: Due[] = [];
  #sequence = 0;
  #keys = 0;

  constructor(faults: Faults, random: () => number, steps = 6) {
    [this.#faults, this.#random, this.#steps] = [faults, random, steps];
    const record: JobRecord = { ...newRecord(this.#job, 1, this.now), state: 'queued' };
    const party = (self: PartyName): Party => ({
      ...{
        self,
        roll: rollOf(self),
        up: true,
        gone: false,
        life: 0,
        disk: record,
        member: { record },
        lead: restingLead(this.now),
      },
      ...{ process: undefined, holdings: [], asking: [], heardAt: this.now, writes: 0, uses: 0 },
    });
    this.parties = { P0: party('P0'), P1: party('P1'), P2: party('P2') };
  }

  /** Until the job is over at all parties that are up, or `seconds` are. */
  run(seconds = 3600): void {
    const end = this.now + 1000 * seconds;
    for (const { at, party, what, back } of this.#faults.kills ?? [])
      this.#in(1000 * at, () =>
        what === 'party' ? this.#crash(this.parties[party], back) : this.#kill(this.parties[party]),
      );
    const tick = (): void => {
      this.#tick();
      this.#in(250, tick);
    };
    tick();
    for (const name of ['P1', 'P2'] as const) {
      const compare = (): void => {
        this.#compare(this.parties[name]);
        this.#in(5000, compare);
      };
      compare();
    }
    while (this.now < end) {
      const all = Object.values(this.parties);
      if (all.every(({ up, gone, member }) => gone || (up && isOver(member.record)))) return;
      const next = this.#due.reduce((a, b) => (b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a));
      this.#due.splice(this.#due.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.act();
    }
  }

  #in(ms: number, act: () => void): void {
    this.#due.push({ at: this.now + ms, order: this.#sequence++, act });
  }

  /** Ends a party's life; what it was about to do is not done. One that is down already comes back when it would have. */
  #crash(party: Party, back = 3): void {
    if (!party.up) return;
    party.up = false;
    party.life++;
    party.asking = [];
    this.#kill(party);
    if (back === Infinity) {
      party.gone = true;
      return;
    }
    this.#in(1000 * back, () => {
      party.up = true;
      party.member = { record: party.disk };
      party.lead = restingLead(this.now);
      party.heardAt = this.now;
      this.#feed(party, { kind: 'loaded' });
      if (party.self === 'P0' && !isOver(party.member.record)) this.#lead({ kind: 'loaded' });
    });
  }

  #kill(party: Party): void {
    const { process } = party;
    party.process = undefined;
    if (process === undefined) return;
    this.#gone(party, process, { kind: 'failed', origin: 'here', reason: `party ${party.self} was killed` });
  }

  /** A process has ended: its party sees it now, the peers in its session a little later. */
  #gone(party: Party, process: Process, outcome: Outcome): void {
    const { life } = party;
    this.#in(1, () => party.life === life && this.#feed(party, { kind: 'ended', attempt: process.attempt, outcome }));
    const { session } = process;
    if (session === undefined || outcome.kind !== 'failed') return;
    for (const peer of Object.values(this.parties)) {
      const theirs = peer.process;
      if (theirs?.session?.id !== session.id) continue;
      this.#in(1000 * LINK_SECONDS * this.#random(), () => {
        if (peer.process !== theirs) return;
        peer.process = undefined;
        this.#gone(peer, theirs, { kind: 'failed', origin: 'link', reason: `${party.self} is gone` });
      });
    }
  }

  /** Whether it is on the disk; false: the party has crashed. */
  #write(party: Party, record: JobRecord): boolean {
    party.writes++;
    const crash = this.#faults.crashes?.find((each) => each.party === party.self && each.write === party.writes);
    if (crash?.when === 'before') {
      this.#crash(party);
      return false;
    }
    party.disk = record;
    if (crash === undefined) return true;
    this.#crash(party);
    return false;
  }

  #feed(party: Party, event: MemberEvent, reply: (answer: PrepareAnswer) => void = () => undefined): void {
    if (!party.up) return;
    const turn = stepMember(party.member, event, this.now, party.roll);
    if (turn.member.record !== party.member.record && !this.#write(party, turn.member.record)) return;
    party.member = turn.member;
    for (const action of turn.actions) {
      switch (action.do) {
        case 'open':
          this.#open(party, action.attempt);
          break;
        case 'begin':
          this.#begin(party, action.order, action.fresh);
          break;
        case 'end':
          if (party.process?.attempt === action.attempt) this.#kill(party);
          break;
        case 'answer': {
          if (action.attempt === undefined) reply(action.answer);
          const asked = party.asking.filter(({ attempt }) => attempt === action.attempt);
          party.asking = party.asking.filter(({ attempt }) => attempt !== action.attempt);
          for (const each of asked) each.reply(action.answer);
          break;
        }
        case 'report':
          this.#report(party, action.attempt, action.outcome);
          break;
        case 'clear':
          party.holdings = [];
          break;
        case 'audit':
        case 'tell':
      }
    }
  }

  #open(party: Party, attempt: number): void {
    if (party.process !== undefined) this.wrongs.push(`${party.self} opens a process beside another`);
    const process: Process = { attempt, key: String(this.#keys++).padStart(64, '0') };
    party.process = process;
    this.#in(50 + 100 * this.#random(), () => {
      if (party.process !== process) return;
      const prepared = sessionKey(party.self, this.#job.digest, attempt, process.key);
      this.#feed(party, { kind: 'opened', attempt, prepared, holdings: party.holdings });
    });
  }

  #begin(party: Party, order: StartControl, fresh: boolean): void {
    const { process } = party;
    if (process?.attempt !== order.attempt) return void this.wrongs.push(`${party.self} begins without a process`);
    const id = sessionOf(order);
    if ((this.#begun.get(order.attempt) ?? id) !== id) this.wrongs.push(`attempt ${order.attempt} began in two ways`);
    this.#begun.set(order.attempt, id);
    if (process.session !== undefined) this.wrongs.push(`attempt ${order.attempt} began twice at ${party.self}`);
    if (fresh) party.holdings = [];
    const { resume } = order;
    if (resume && !party.holdings.some(({ run, step }) => run === resume.run && step === resume.step))
      this.wrongs.push(`${party.self} goes on from a step that it does not have`);
    process.session = { id, run: resume?.run ?? id, step: resume?.step ?? -1 };
    this.#advance(id);
    // Peers that never come.
    this.#in(1000 * LINK_SECONDS, () => {
      if (party.process !== process || this.#together(id)) return;
      party.process = undefined;
      this.#gone(party, process, { kind: 'failed', origin: 'link', reason: 'a peer did not come' });
    });
  }

  #together(session: string): boolean {
    return Object.values(this.parties).every(({ process }) => process?.session?.id === session);
  }

  /** The next step, once all three are there: each writes its checkpoint, in some order; then those before go. */
  #advance(session: string): void {
    if (!this.#together(session)) return;
    const saved = new Set<PartyName>();
    for (const party of Object.values(this.parties)) {
      const process = party.process!;
      this.#in((this.#faults.slow ?? 1) * (200 + 800 * this.#random()), () => {
        if (party.process !== process) return;
        const { run, step } = process.session!;
        party.holdings = [...party.holdings.filter((each) => each.step !== step + 1), { run, step: step + 1 }];
        saved.add(party.self);
        if (saved.size < 3) return;
        this.#in(10, () => this.#complete(session, step + 1));
      });
    }
  }

  #complete(session: string, step: number): void {
    if (!this.#together(session)) return;
    for (const party of Object.values(this.parties)) {
      const process = party.process!;
      process.session!.step = step;
      party.holdings = party.holdings.filter((each) => each.step >= step);
      const stops = this.#faults.stopAt === step;
      if (step < this.#steps && !stops) continue;
      this.#in(500 * this.#random(), () => {
        if (party.process !== process) return;
        party.process = undefined;
        this.#gone(party, process, step < this.#steps ? { kind: 'stopped', step } : { kind: 'done' });
      });
    }
    if (step < this.#steps) this.#advance(session);
  }

  #report(party: Party, attempt: number, outcome: Outcome): void {
    if (party.self === 'P0') return this.#lead({ kind: 'outcome', from: 'P0', attempt, outcome });
    this.#send(party, this.parties.P0, (reply) => {
      this.#lead({ kind: 'outcome', from: party.self, attempt, outcome });
      reply({});
    });
  }

  /** @param silent told when no answer comes */
  #send<T>(
    from: Party,
    to: Party,
    deliver: (reply: (answer: T) => void) => void,
    answered: (answer: T) => void = () => undefined,
    silent: () => void = () => undefined,
  ): void {
    const { loss = 0, twice = 0 } = this.#faults;
    const { life } = from;
    let open = true;
    const close = (act: () => void): void => {
      if (open && from.up && from.life === life) act();
      open = false;
    };
    this.#in(3000, () => close(silent));
    const copies = this.#random() < twice ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < loss) continue;
      this.#in(1 + 200 * this.#random(), () => {
        if (!to.up) return;
        const atThatTime = to.life;
        deliver((answer) => {
          if (to.life !== atThatTime || this.#random() < loss) return;
          this.#in(1 + 200 * this.#random(), () => close(() => answered(answer)));
        });
      });
    }
  }

  #lead(event: LeadEvent): void {
    const { P0 } = this.parties;
    if (!P0.up) return;
    const { record } = P0.member;
    const before = record.lead ?? NEW_LEAD;
    const context = {
      job: this.#job.digest,
      serves: false,
      begun: record.begun,
      done: record.done > 0,
      partySeconds: PARTY_SECONDS,
    };
    const turn = stepLead(P0.lead, before, event, this.now, context);
    if (turn.record !== before) {
      const next = { ...record, lead: turn.record };
      if (!this.#write(P0, next)) return;
      P0.member = { ...P0.member, record: next };
    }
    P0.lead = turn.lead;
    for (const action of turn.actions) this.#command(action);
  }

  #command(action: LeadAction): void {
    const { P0 } = this.parties;
    if (action.do === 'settle') {
      const event = { kind: 'settle', end: action.end } as const;
      this.#feed(P0, event);
      if (P0.up) for (const name of ['P1', 'P2'] as const) this.#order(this.parties[name], event);
      return;
    }
    if (action.do === 'free') return;
    const to = this.parties[action.to];
    const { attempt = 0 } = action.order;
    if (action.do === 'abort') return this.#order(to, { kind: 'abort', order: action.order });
    if (action.do === 'prepare') {
      const { order } = action;
      const answered = (answer: PrepareAnswer): void =>
        this.#lead({ kind: 'answered', from: to.self, attempt, answer });
      const silent = (): void =>
        this.#lead({ kind: 'answered', from: to.self, attempt, answer: { silent: 'no answer' } });
      const deliver = (reply: (answer: PrepareAnswer) => void): void => {
        let done = false;
        to.heardAt = this.now;
        this.#feed(to, { kind: 'prepare', order }, (answer) => {
          done = true;
          reply(answer);
        });
        if (!done && to.up) to.asking.push({ attempt, reply });
      };
      return to === P0 ? this.#in(1, () => deliver(answered)) : this.#send(P0, to, deliver, answered, silent);
    }
    const { order } = action;
    const answered = (answer: OrderAnswer): void => this.#lead({ kind: 'started', from: to.self, attempt, answer });
    const silent = (): void => this.#lead({ kind: 'started', from: to.self, attempt, answer: { silent: 'no answer' } });
    const deliver = (reply: (answer: OrderAnswer) => void): void => {
      to.heardAt = this.now;
      if (!to.member.record.begun) to.uses = 1;
      this.#feed(to, { kind: 'start', order, approvals: APPROVALS }, (answer) => reply(answer as OrderAnswer));
    };
    if (to === P0) this.#in(1, () => deliver(answered));
    else this.#send(P0, to, deliver, answered, silent);
  }

  #order(to: Party, event: MemberEvent): void {
    const deliver = (): void => this.#feed(to, event);
    if (to.self === 'P0') this.#in(1, deliver);
    else this.#send<object>(this.parties.P0, to, deliver);
  }

  #tick(): void {
    const { P0 } = this.parties;
    if (!P0.up) return;
    if (P0.lead.phase === 'concluding' && this.now >= P0.lead.until) this.#lead({ kind: 'tick' });
    if (P0.lead.phase === 'resting' && this.now >= P0.lead.until && !isOver(P0.member.record))
      this.#lead({ kind: 'go' });
  }

  /** As `follower.ts` does. */
  #compare(party: Party): void {
    if (!party.up || isOver(party.member.record)) return;
    const { P0 } = this.parties;
    const { attempt } = party.member.record;
    const outcome = outcomeOf(party.member);
    interface Answer {
      led: number;
      live: boolean;
      end: ReturnType<typeof endOf>;
    }
    this.#send<Answer>(
      party,
      P0,
      (reply) => {
        if (outcome !== undefined) this.#lead({ kind: 'outcome', from: party.self, attempt, outcome });
        if (!P0.up) return;
        const lead = P0.member.record.lead ?? NEW_LEAD;
        reply({ led: lead.attempt, live: isLive(P0.lead, lead, lead.attempt), end: endOf(P0.member.record) });
      },
      ({ led, live, end }) => {
        party.heardAt = this.now;
        if (end !== undefined) return this.#feed(party, { kind: 'settle', end });
        const own = party.member.live;
        if (own === undefined || led < own.attempt || (live && led === own.attempt)) return;
        const order = { job: this.#job.digest, attempt: own.attempt, reason: 'P0 has ended it' };
        this.#feed(party, { kind: 'abort', order });
      },
    );
    const seconds = (this.now - party.heardAt) / 1000;
    if (seconds >= PARTY_SECONDS) this.#feed(party, { kind: 'forsaken', seconds });
  }
}
