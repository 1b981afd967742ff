/**
 * Three parties on this machine, each an operating-system process of its own: started, watched, and all gone when the command ends.
 * This process is their starter and also the owner of the job, so a session is four processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Holdings } from '../data/checkpoint-store.ts';
import { Problem } from '../data/problem.ts';
import type { HostPort } from '../federation/address.ts';
import { PARTY_NAMES, type PartyAddress, type PartyName, type StartOrder } from '../server/ipc.ts';
import type { LogLevel } from '../server/log-levels.ts';
import { messageOf } from './errors.ts';
import { Deferred } from '../server/deferred.ts';
import { PartyChild, type News } from '../server/party-child.ts';

/** After a first failure, how long the others may take to say what they saw: the first to speak need not know the cause. */
const DIAGNOSIS_MS = 1500;
/** When stopping: time to leave by themselves, then to obey SIGTERM, before SIGKILL. */
const LEAVE_MS = 1500;
const TERM_MS = 1500;
/** Starting a process and making a key. */
const START_MS = 30_000;

/** A party that listens. */
export interface Opened {
  readonly address: PartyAddress;
  readonly holdings: Holdings;
  /** Port for figures, if they are asked for. */
  readonly metricsPort: number | undefined;
}

export interface OpenOptions {
  readonly host: string;
  /** Where P0 listens; P1 and P2 on the next two. Undefined: all on free ports. */
  readonly port: number | undefined;
  /** Where each party keeps its checkpoints, if it does. */
  readonly folderOf?: ((party: PartyName) => string) | undefined;
  /** Where each leaves its part of a profile, if one is taken. */
  readonly profile?: string | undefined;
  readonly log: LogLevel;
  /** Ranks of each party, if it has several. */
  readonly ranks?: number | undefined;
  /** Where P0 answers with figures, if they are asked for; P1 and P2 at the next two ports. Port 0: all at free ones. */
  readonly metrics?: HostPort | undefined;
}

export class LocalParties {
  /** Resolves when a party has failed. */
  readonly failed: Promise<void>;
  readonly #failed: Deferred<void> = new Deferred();
  /** A party has failed by itself, not through a link to another one. */
  readonly #caused: Deferred<void> = new Deferred();
  readonly #failures: PartyChild[] = [];
  readonly #children: readonly PartyChild[];
  readonly #killAll: () => void;

  /** Starts the three processes. */
  constructor(onNews: (party: PartyName, news: News) => void) {
    this.failed = this.#failed.promise;
    const watch = (child: PartyChild): void => {
      if (!child.failed || this.#failures.includes(child)) return;
      this.#failures.push(child);
      this.#failed.resolve();
      if (child.died || child.failure?.origin === 'here') this.#caused.resolve();
    };
    this.#children = PARTY_NAMES.map(
      (name) => new PartyChild(name, { onChange: watch, onNews: (news) => onNews(name, news), together: true }),
    );
    // The last resort, should this process end in a hurry.
    this.#killAll = () => {
      for (const child of this.#children) if (!child.exit) child.kill('SIGKILL');
    };
    process.on('exit', this.#killAll);
  }

  /** Makes every party listen. */
  async open(options: OpenOptions): Promise<Readonly<Record<PartyName, Opened>>> {
    const { host, port = 0, folderOf, profile, log, ranks, metrics } = options;
    const entries = this.#children.map(async (child, i): Promise<[PartyName, Opened]> => {
      const own = (first: number): number => (first === 0 ? 0 : first + i);
      child.send({
        ...{ type: 'open', party: child.name, listen: { host, port: own(port) }, profile, log, ranks },
        checkpoints: folderOf?.(child.name),
        metrics: metrics && { host: metrics.host, port: own(metrics.port) },
      });
      const { port: actual, publicKey, holdings, metricsPort, rankPorts } = await child.listening.promise;
      const at = rankPorts?.map((each) => ({ host, port: each }));
      return [child.name, { address: { host, port: actual, publicKey, ranks: at }, holdings, metricsPort }];
    });
    const opened = await Promise.race([Promise.all(entries), sleep(START_MS, undefined, { ref: false })]);
    if (opened === undefined) {
      const what = `the parties did not start within ${START_MS / 1000} s`;
      throw new Problem(what, 'see whether the machine is overloaded');
    }
    return Object.fromEntries(opened) as Record<PartyName, Opened>;
  }

  get haveFailed(): boolean {
    return this.#failures.length > 0;
  }

  start(order: StartOrder): void {
    for (const child of this.#children) child.send(order);
  }

  /** Resolves when all three have done their work and ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.exited.promise));
  }

  /** What a session failed of: the party that died, else the error that began in a party, else what one saw, else `seen`. */
  async diagnose(seen: unknown): Promise<unknown> {
    await Promise.race([this.#caused.promise, this.ended(), sleep(DIAGNOSIS_MS, undefined, { ref: false })]);
    const died = this.#children.find((child) => child.died);
    if (died) return died.obituary();
    // A party that was told of a fault by a peer repeats the peer's words: `P1 stopped: …`. Its own begin with its own name.
    const cause =
      this.#failures.find((child) => child.failure?.origin === 'here') ??
      this.#failures.find((child) => child.failure?.message.startsWith(`${child.name} `)) ??
      this.#failures[0];
    if (!cause?.failure) return seen;
    const { message, fix } = cause.failure;
    const what = /^(party )?P[012]\b/.test(message) ? message : `party ${cause.name}: ${messageOf(message)}`;
    // The others have heard that the session is over. Who waits for a party that waits for a third one accuses the wrong one.
    const silent = this.#children.filter((child) => !child.failed && !child.done);
    if (cause.failure.origin === 'link' && silent.length === 1) {
      return new Problem(
        `party ${silent[0].name} does not respond: ${what}`,
        'see what holds its process up, then start again',
      );
    }
    return fix === undefined ? new Error(what) : new Problem(what, fix);
  }

  /** Ends whatever still runs, gently first. */
  async stop(reason: string): Promise<void> {
    const escalation = [
      setTimeout(() => this.#signal('SIGTERM'), LEAVE_MS),
      setTimeout(() => this.#signal('SIGKILL'), LEAVE_MS + TERM_MS),
    ];
    for (const child of this.#children) if (!child.exit && !child.done) child.send({ type: 'abort', reason });
    await this.ended();
    escalation.forEach(clearTimeout);
    process.off('exit', this.#killAll);
  }

  #signal(signal: NodeJS.Signals): void {
    for (const child of this.#children) if (!child.exit) child.kill(signal);
  }
}
