/** A job's process that computes nothing: it listens, and ends as a test says, or by itself when all three have begun. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { InputPart, OpenOrder, PartyName, StartOrder } from '../../../src/server/ipc.ts';
import type { Outcome } from '../../../src/service/jobs/control.ts';
import type { JobNews, JobProcess } from '../../../src/service/jobs/ports.ts';

export class FakeProcess implements JobProcess {
  readonly party: PartyName;
  readonly order: OpenOrder;
  readonly listening: JobProcess['listening'];
  readonly ended: Promise<Outcome>;
  readonly inputs: InputPart[] = [];
  readonly withdrawn: string[] = [];
  readonly tell: (news: JobNews) => void;
  started: StartOrder | undefined;
  over: Outcome | undefined;
  #end: (outcome: Outcome) => void = () => undefined;
  readonly #onStart: (process: FakeProcess) => void;
  readonly #onStop: (process: FakeProcess) => void;

  constructor(
    order: OpenOrder,
    onNews: (news: JobNews) => void,
    onStart: (process: FakeProcess) => void,
    onStop: (process: FakeProcess) => void,
  ) {
    [this.party, this.order, this.tell] = [order.party, order, onNews];
    [this.#onStart, this.#onStop] = [onStart, onStop];
    const publicKey = randomBytes(32).toString('hex');
    this.listening = Promise.resolve({ publicKey, holdings: { whole: [], damaged: [] } });
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  start(order: StartOrder): void {
    this.started = order;
    this.#onStart(this);
  }

  finish(outcome: Outcome = { kind: 'done' }): void {
    this.over ??= outcome;
    this.#end(outcome);
  }

  stop(): void {
    this.#onStop(this);
  }

  give(parts: readonly InputPart[]): void {
    this.inputs.push(...parts);
  }

  withdraw(id: string): void {
    this.withdrawn.push(id);
  }

  take(socket: Socket): boolean {
    socket.destroy();
    return true;
  }

  end(reason: string): void {
    this.finish({ kind: 'failed', origin: 'link', reason });
  }

  kill(): void {
    this.end('killed');
  }
}

/** Processes of three parties. A session that all three have begun ends as done, unless it is to be held. */
export class FakeProcesses {
  readonly all: FakeProcess[] = [];
  hold = false;

  readonly launch = (order: OpenOrder, onNews: (news: JobNews) => void): FakeProcess => {
    const process = new FakeProcess(
      order,
      onNews,
      (started) => this.#begun(started),
      (stopped) => this.#sessionOf(stopped).forEach((each) => each.finish({ kind: 'stopped', step: 1 })),
    );
    this.all.push(process);
    return process;
  };

  /** Of one party, that have not ended. */
  of(party: PartyName): readonly FakeProcess[] {
    return this.all.filter((each) => each.party === party && each.over === undefined);
  }

  #sessionOf({ started }: FakeProcess): readonly FakeProcess[] {
    return this.all.filter((each) => each.started?.job.sessionId === started!.job.sessionId);
  }

  #begun(process: FakeProcess): void {
    const session = this.#sessionOf(process);
    if (session.length < 3 || this.hold) return;
    for (const each of session) each.finish();
  }
}
