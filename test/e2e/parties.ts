/** Three built party processes on this machine, as party services start them, for jobs on stored data; links over ws on loopback. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FailureNotice, Notice, PartyName, StartOrder } from '../../src/server/ipc.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import type * as partyChild from '../../src/server/party-child.ts';
import type { Holdings } from '../../src/data/checkpoint-store.ts';
import { ofEach, type OfEach } from '../federated.ts';

const built = new URL('../../dist/src/server/party-child.js', import.meta.url).href;
const { PartyChild } = (await import(built)) as typeof partyChild;
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
  }

  /** @param folder in which each party has its checkpoints */
  async open(folder: string, storageKeys: OfEach<Uint8Array>): Promise<OfEach<Holdings>> {
    for (const party of PARTY_NAMES) {
      const checkpoints = join(folder, party, 'checkpoints');
      const keys = [storageKeys[party]];
      const listen = { host: HOST, port: 0 };
      this.#children[party].send({ type: 'open', party, listen, checkpoints, storageKeys: keys, log: 'silent' });
    }
    const [P0, P1, P2] = await Promise.all(
      PARTY_NAMES.map(async (party) => (await this.#children[party].listening.promise).holdings),
    );
    return { P0, P1, P2 };
  }

  async start(job: StartOrder['job'], ends: (party: PartyName) => StartOrder['ends']): Promise<void> {
    const listening = await Promise.all(PARTY_NAMES.map((party) => this.#children[party].listening.promise));
    const parties = ofEach((_, id) => ({ host: HOST, port: listening[id].port, publicKey: listening[id].publicKey }));
    const compute = { backend: 'wasm', fallbackAdapter: false, workers: 1 } as const;
    for (const party of PARTY_NAMES)
      this.#children[party].send({ type: 'start', job, ends: ends(party), parties, timeoutMs: 20_000, compute });
  }

  child(party: PartyName): partyChild.PartyChild {
    return this.#children[party];
  }

  async ended(): Promise<OfEach<Ended>> {
    await Promise.all(PARTY_NAMES.map((party) => this.#children[party].exited.promise));
    return ofEach((party) => {
      const { done, stoppedAt, failure, exit } = this.#children[party];
      return { done, stoppedAt, failure, signal: exit?.signal };
    });
  }
}

export function storageKeys(): OfEach<Uint8Array> {
  return ofEach(() => new Uint8Array(randomBytes(32)));
}
