/**
 * The host of one rank of a party but the first (docs/ranks.md): waits at a port until rank 0 begins an attempt of a job, and starts a process for it.
 * It computes nothing itself and keeps nothing. Whoever lacks the party's key for its ranks gets no further than TLS; a connection of a peer goes
 * to the process of the session that it names, if that waits for a peer, and is cut off otherwise: the peer dials again.
 *
 * There is one attempt of a job at a time: one that is past is ended before the next one begins. Sessions run beside each other, and beside a training.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Link } from '../../channel/channel.ts';
import type { Listener } from '../../channel/listener.ts';
import type { LinkTls } from '../../channel/pins.ts';
import type { HostPort } from '../../federation/address.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { PartyName } from '../../server/ipc.ts';
import type { Logger } from '../../server/log.ts';
import { sessionOfRank } from '../../server/neighbours.ts';
import { ControlLane, objectionTo, type FromHost, type Hello, type ToHost } from '../../server/ranks/control.ts';
import { CONTROL, ownDoor, treeSession } from '../../server/ranks/own-links.ts';
import { RankChild } from '../../server/ranks/rank-child.ts';
import { LinksPort } from '../links-port.ts';

/** How long whoever has the key may take to say what it wants. */
const HELLO_MS = 10_000;

export interface RankHostOptions {
  readonly party: PartyName;
  readonly rank: number;
  readonly size: number;
  /** Where it listens; port 0: any free one. */
  readonly listen: HostPort;
  /** Where ranks 1, 2, … of the party are, once all are known. */
  readonly at: () => readonly HostPort[];
  readonly tls: LinkTls;
  /** Kernel threads of its processes; absent: as many as rank 0 says. */
  readonly workers?: number | undefined;
  readonly log: Logger;
}

type Lane = ControlLane<ToHost, FromHost>;

export class RankHost {
  readonly port: number;
  /** Of this process. */
  readonly instance: string = randomBytes(8).toString('hex');
  readonly #options: RankHostOptions;
  readonly #door: Listener;
  readonly #port: LinksPort;
  /** By job. */
  readonly #children: Map<Digest, RankChild> = new Map();
  /** The process of one attempt of a job has ended before that of the next begins, whoever asks meanwhile. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(options: RankHostOptions, port: LinksPort, door: Listener) {
    [this.#options, this.#port, this.#door, this.port] = [options, port, door, port.port];
  }

  static async open(options: RankHostOptions): Promise<RankHost> {
    const { party, listen, tls, log } = options;
    const host: { made?: RankHost } = {};
    const door = ownDoor({ party, tls }, (link) => void host.made?.serve(link));
    const port = await LinksPort.open({
      ...listen,
      take: (socket, session, head) => host.made?.take(socket, session, head) ?? false,
      onTurnedAway: (reason) => log.warn({ reason }, 'turned a connection away'),
      onTaken: () => undefined,
    });
    return (host.made = new RankHost(options, port, door));
  }

  /** A connection of which `head` has been read. @returns whether it is for this rank */
  take(socket: Socket, session: string, head: Uint8Array): boolean {
    if (session === CONTROL) {
      socket.unshift(head);
      this.#door.take(socket);
      return true;
    }
    for (const child of this.#children.values()) {
      if (session === treeSession(child.attempt)) {
        child.hand('tree', socket, head);
        return true;
      }
      if (child.session === undefined || session !== child.session || !child.expecting) continue;
      child.hand('peers', socket, head);
      return true;
    }
    return false;
  }

  /** Rank 0, or somebody who asks who is here. */
  async serve(link: Link): Promise<void> {
    const { log } = this.#options;
    const lane = ControlLane.atHost(link);
    let child: RankChild | undefined;
    try {
      const hello = await lane.receive(HELLO_MS);
      if (hello.kind !== 'hello') throw new Error('it does not say whom it means');
      child = await this.#greet(lane, hello);
      if (child !== undefined) await this.#pass(lane, child);
    } catch (error) {
      if (child !== undefined) log.info({ reason: (error as Error).message }, 'rank 0 has gone');
    } finally {
      link.abort('nothing more is expected');
      if (child !== undefined) await child.end();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#port.close();
    await this.#door.close();
    await this.#inTurn(() => Promise.all([...this.#children.values()].map((child) => child.end())));
  }

  kill(): void {
    for (const child of this.#children.values()) child.kill('SIGKILL');
  }

  get #here(): FromHost {
    const { party, rank, size } = this.#options;
    return { kind: 'here', party, rank, size, instance: this.instance };
  }

  /** @returns the process of the attempt, if one begins */
  async #greet(lane: Lane, hello: Hello): Promise<RankChild | undefined> {
    const { log } = this.#options;
    const reason = objectionTo(hello, this.#options);
    if (reason !== undefined) {
      log.warn({ reason }, 'refused rank 0');
      await lane.send({ kind: 'refused', reason });
      return undefined;
    }
    const { attempt, job } = hello;
    if (attempt === undefined || job === undefined) {
      await lane.send(this.#here);
      return undefined;
    }
    return this.#inTurn(async () => {
      // The link of an attempt that is past may still be on its way out.
      await this.#children.get(job)?.end();
      return this.#closed ? undefined : this.#begin(lane, attempt, job);
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(task);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  #begin(lane: Lane, attempt: string, job: Digest): RankChild {
    const { party, rank, size, at, tls, log } = this.#options;
    let said = false;
    const child = new RankChild(
      { type: 'open', party, rank, size, attempt, at: at(), tls },
      (news) => {
        if (news.kind === 'told' && (news.told.type === 'error' || news.told.type === 'done')) {
          said = true;
          if (news.told.type === 'error') log.warn({ reason: news.told.message }, 'failed');
          else log.info('done');
        }
        void lane.send(news).catch(() => undefined);
      },
      (how) => {
        if (this.#children.get(job) === child) this.#children.delete(job);
        if (said) return;
        log.warn({ reason: how }, 'its process is gone');
        const told = {
          type: 'error',
          message: how,
          origin: 'here',
          fix: 'it may be started again',
          told: 'its process is gone',
        } as const;
        void lane.send({ kind: 'told', told }).catch(() => undefined);
      },
    );
    log.info({ pid: child.pid, job }, 'begins an attempt');
    this.#children.set(job, child);
    return child;
  }

  /** What rank 0 says from now on is for its process. Rejects when rank 0 is gone. */
  async #pass(lane: Lane, child: RankChild): Promise<void> {
    const { rank, workers } = this.#options;
    await lane.send(this.#here);
    for (;;) {
      const order = await lane.receive();
      switch (order.kind) {
        case 'hello':
          throw new Error('rank 0 says twice whom it means');
        case 'start': {
          const { sessionId } = order.order.job;
          child.session = sessionOfRank(sessionId, rank);
          const compute = { ...order.order.compute, ...(workers !== undefined && { workers }) };
          child.send({ type: 'start', order: { ...order.order, compute }, identity: order.identity });
          break;
        }
        case 'work':
          child.send({ type: 'work', pairKeys: order.pairKeys, inputs: order.inputs });
      }
    }
  }
}
