/** The process of one rank for one attempt of a job, as the host of the rank sees it. */
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { Deferred } from '../deferred.ts';
import { lastWords } from '../last-words.ts';
import { forkBeside, KEPT_OUTPUT } from '../party-child.ts';
import type { ForRank0, RankNews, RankOrder } from './process.ts';

/** How long it may take to leave by itself. */
const LEAVE_MS = 1500;

export class RankChild {
  readonly attempt: string;
  readonly exited: Deferred<void> = new Deferred();
  /** The session of its job, once it was told. */
  session: string | undefined;
  /** A peer is to connect to it. */
  expecting = false;
  readonly #process: ChildProcess;
  #output = '';

  constructor(
    order: Extract<RankOrder, { type: 'open' }>,
    onNews: (news: ForRank0) => void,
    onEnd: (how: string) => void,
  ) {
    this.attempt = order.attempt;
    this.#process = forkBeside(import.meta.url, 'process', `${order.party}.${order.rank}`);
    const killWithUs = (): void => this.kill('SIGKILL');
    process.on('exit', killWithUs);
    this.#process
      .stderr!.setEncoding('utf8')
      .on('data', (text: string) => (this.#output = (this.#output + text).slice(-KEPT_OUTPUT)));
    this.#process.on('message', (news: RankNews) => {
      if (news.kind === 'expecting') this.expecting = news.any;
      else onNews(news);
    });
    let failed: string | undefined;
    this.#process.on('error', (error) => (failed = `cannot be started: ${error.message}`));
    this.#process.on('close', (code, signal) => {
      process.off('exit', killWithUs);
      this.expecting = false;
      const manner = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
      const last = lastWords(this.#output, signal);
      onEnd(failed ?? `its process ${manner}${last === '' ? '' : `: ${last}`}`);
      this.exited.resolve();
    });
    this.send(order);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  send(order: RankOrder): void {
    if (this.#process.connected) this.#process.send(order, () => undefined);
  }

  /** Hands over a connection, which is paused. @param head what has been read of it */
  hand(to: 'tree' | 'peers', socket: Socket, head: Uint8Array): void {
    const order: RankOrder = { type: 'connection', to, head };
    if (this.#process.connected) this.#process.send(order, socket, () => undefined);
    else socket.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Gently first. */
  async end(): Promise<void> {
    this.kill('SIGTERM');
    const late = setTimeout(() => this.kill('SIGKILL'), LEAVE_MS);
    await this.exited.promise;
    clearTimeout(late);
  }
}
