/** Three built party processes on this machine, as party services start them, for jobs on stored data: this process listens for them, links are TLS. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { FailureNotice, Notice, PartyName, StartOrder } from '../../src/server/ipc.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import type * as partyChild from '../../src/server/party-child.ts';
import type { Holdings } from '../../src/data/checkpoint-store.ts';
import { tlsOf } from '../channel/certificates.ts';
import { importBuilt } from '../built.ts';
import { ofEach, type OfEach } from '../federated.ts';

const { PartyChild } = await importBuilt<typeof partyChild>('src/server/party-child.js');
const HOST = '127.0.0.1';

export interface Ended {
  readonly done: boolean;
  readonly stoppedAt: number | undefined;
  readonly failure: FailureNotice | undefined;
  readonly signal: NodeJS.Signals | null | undefined;
}

export class Parties {
  readonly notices: OfEach<Notice[]> = ofEach(() => []);
  readonly #children: OfEach<partyChild.PartyChild>;
  readonly #doors: OfEach<Server>;

  /** @param onNotice told of what the parties say; `parties` are these */
  constructor(onNotice: (party: PartyName, notice: Notice, parties: Parties) => void = () => undefined) {
    this.#children = ofEach((party) => {
      const onNews = (news: partyChild.News): void => {
        if (news.type === 'log') return;
        this.notices[party].push(news);
        onNotice(party, news, this);
      };
      return new PartyChild(party, { onChange: () => undefined, onNews, together: true });
    });
    this.#doors = ofEach((party) => {
      const hand = (socket: Socket): void => {
        socket.once('readable', () =>
          this.#children[party].hand(socket, (socket.read() as Buffer | null) ?? Buffer.alloc(0)),
        );
      };
      return createServer({ pauseOnConnect: true }, hand);
    });
  }

  /** @param folder in which each party has its checkpoints */
  async open(folder: string, storageKeys: OfEach<Uint8Array>): Promise<OfEach<Holdings>> {
    for (const party of PARTY_NAMES) {
      const checkpoints = join(folder, party, 'checkpoints');
      const keys = [storageKeys[party]];
      this.#children[party].send({
        type: 'open',
        party,
        listen: 'handed',
        checkpoints,
        storageKeys: keys,
        log: 'silent',
      });
    }
    const [P0, P1, P2] = await Promise.all(
      PARTY_NAMES.map(async (party) => (await this.#children[party].listening.promise).holdings),
    );
    return { P0, P1, P2 };
  }

  async start(job: StartOrder['job'], ends: (party: PartyName) => StartOrder['ends']): Promise<void> {
    const listening = await Promise.all(PARTY_NAMES.map((party) => this.#children[party].listening.promise));
    await Promise.all(PARTY_NAMES.map((party) => once(this.#doors[party].listen(0, HOST), 'listening')));
    const port = (party: PartyName): number => (this.#doors[party].address() as AddressInfo).port;
    const parties = ofEach((party, id) => ({ host: HOST, port: port(party), publicKey: listening[id].publicKey }));
    const compute = { backend: 'wasm', fallbackAdapter: false, workers: 1 } as const;
    for (const party of PARTY_NAMES)
      this.#children[party].send({
        ...{ type: 'start', job, ends: ends(party), parties, tls: tlsOf(party), linkPatienceMs: 1_000 },
        ...{ timeoutMs: 60_000, compute },
      });
  }

  child(party: PartyName): partyChild.PartyChild {
    return this.#children[party];
  }

  async ended(): Promise<OfEach<Ended>> {
    await Promise.all(PARTY_NAMES.map((party) => this.#children[party].exited.promise));
    for (const party of PARTY_NAMES) this.#doors[party].close();
    return ofEach((party) => {
      const { done, stoppedAt, failure, exit } = this.#children[party];
      return { done, stoppedAt, failure, signal: exit?.signal };
    });
  }
}

export function storageKeys(): OfEach<Uint8Array> {
  return ofEach(() => new Uint8Array(randomBytes(32)));
}
