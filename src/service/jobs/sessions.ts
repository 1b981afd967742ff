/** Inputs of serving sessions: whose they may be, and to which session they go (`session.ts`). */
import { idOf, type Id, type PublicIdentity } from '../../federation/public-identity.ts';
import type { PartyName } from '../../server/ipc.ts';
import { Refusal } from '../refusal.ts';
import type { JobActor } from './actor.ts';
import type { JobFigures } from './ports.ts';
import { Session, type SessionNews } from './session.ts';
import type { Waiting } from '../waiting.ts';

export class Sessions {
  readonly #party: PartyName;
  readonly #figures: JobFigures;
  readonly #holder: (key: Id) => Id;
  readonly #of: Map<JobActor, Session> = new Map();

  /** @param holder whose key it is: a job names clients by keys, of which they may have another by now */
  constructor(party: PartyName, figures: JobFigures, holder: (key: Id) => Id = (key) => key) {
    [this.#party, this.#figures, this.#holder] = [party, figures, holder];
  }

  /** @param gone aborts when whoever asks does not wait any more @param as as whom a visitor is taken */
  infer(
    actor: JobActor,
    id: string,
    client: PublicIdentity,
    input: Uint8Array,
    gone: Waiting,
    as?: Id,
  ): Promise<Uint8Array> {
    const { document } = actor.job;
    if (document.kind !== 'serve') throw new Refusal(409, 'this job takes no inputs', 'name a job that serves a model');
    const asker = as ?? this.#holder(idOf(client));
    if (document.clients !== 'anyone' && !document.clients.some((key) => this.#holder(key) === asker))
      throw new Refusal(403, 'the job names you as no client', 'ask the proposer');
    const session = this.#of.get(actor) ?? new Session(actor, document, this.#party, this.#figures);
    this.#of.set(actor, session);
    return session.infer(id, client, asker, input, gone);
  }

  hear(actor: JobActor, news: SessionNews): void {
    this.#of.get(actor)?.hear(news);
  }

  /** The process is gone: what it had under way will not be answered. */
  interrupted(actor: JobActor): void {
    this.#of.get(actor)?.interrupted();
  }

  /** Images that may have been answered; undefined: nobody has asked since this party started. */
  used(actor: JobActor): number | undefined {
    return this.#of.get(actor)?.used;
  }
}
