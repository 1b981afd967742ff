/** Job processes: one for each attempt of a job, started and watched (`server/party-process.ts` is what runs in them). */
import type { Socket } from 'node:net';
import { reasonFor } from '../../channel/reason.ts';
import type { InputPart, OpenOrder, StartOrder } from '../../server/ipc.ts';
import type { Logger } from '../../server/log.ts';
import { PartyChild, type News } from '../../server/party-child.ts';
import type { Outcome } from './control.ts';
import type { JobNews, JobProcess, Launch } from './ports.ts';

/** Starting a process and reading its checkpoints. */
const LISTEN_MS = 45_000;
/** When ending one: time to leave by itself, then to obey SIGTERM, before SIGKILL. */
const LEAVE_MS = 1500;
const TERM_MS = 1500;

/** @param log of this party: what a process logs goes there, line by line */
export function launcher(log: Logger, writeLine: (line: string) => void): Launch {
  return (order, onNews) => new RunningJob(order, onNews, log, writeLine);
}

class RunningJob implements JobProcess {
  readonly listening: JobProcess['listening'];
  readonly ended: Promise<Outcome>;
  readonly #child: PartyChild;
  readonly #timers: NodeJS.Timeout[] = [];
  #expecting = false;

  constructor(order: OpenOrder, onNews: (news: JobNews) => void, log: Logger, writeLine: (line: string) => void) {
    const hear = (news: News): void => {
      if (news.type === 'log') writeLine(news.line);
      else if (news.type === 'expecting') this.#expecting = news.peers.length > 0;
      else onNews(news);
    };
    this.#child = new PartyChild(order.party, { onChange: () => undefined, onNews: hear });
    const late = setTimeout(() => this.kill(), LISTEN_MS);
    this.listening = this.#child.listening.promise.finally(() => clearTimeout(late));
    const killWithUs = (): void => this.kill();
    process.on('exit', killWithUs);
    this.ended = this.#child.exited.promise.then(() => {
      process.off('exit', killWithUs);
      for (const timer of [late, ...this.#timers]) clearTimeout(timer);
      this.#expecting = false;
      const outcome = outcomeOf(this.#child);
      if (outcome.kind === 'failed') log.warn({ reason: this.#ownWords() }, 'a job process ended early');
      return outcome;
    });
    this.#child.send(order);
  }

  start(order: StartOrder): void {
    this.#child.send(order);
  }

  stop(): void {
    this.#child.send({ type: 'stop' });
  }

  give(parts: readonly InputPart[]): void {
    this.#child.send({ type: 'inputs', parts });
  }

  withdraw(id: string): void {
    this.#child.send({ type: 'withdraw', id });
  }

  take(socket: Socket, head: Uint8Array): boolean {
    if (!this.#expecting) return false;
    this.#child.hand(socket, head);
    return true;
  }

  end(reason: string): void {
    if (this.#timers.length > 0 || this.#child.exit !== undefined) return;
    this.#child.send({ type: 'abort', reason });
    this.#timers.push(
      setTimeout(() => this.#child.kill('SIGTERM'), LEAVE_MS),
      setTimeout(() => this.kill(), LEAVE_MS + TERM_MS),
    );
  }

  kill(): void {
    if (this.#child.exit === undefined) this.#child.kill('SIGKILL');
  }

  /** For this party's log alone: an error's own words. */
  #ownWords(): string {
    return this.#child.failure?.message ?? this.#child.obituary().message;
  }
}

/** What others are told of a process that is gone: no path, and no value. */
function outcomeOf(child: PartyChild): Outcome {
  if (child.stoppedAt !== undefined) return { kind: 'stopped', step: child.stoppedAt };
  if (child.done) return { kind: 'done' };
  if (child.failure === undefined) return { kind: 'failed', origin: 'here', reason: reasonFor(child.obituary()) };
  const { origin, told = 'an error of its own, which its log has' } = child.failure;
  return { kind: 'failed', origin, reason: told };
}
