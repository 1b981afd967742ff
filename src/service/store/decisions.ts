/** The last decision of each owner about each job. */
import type { Digest } from '../../federation/canonical.ts';
import { decisionDocument, type DecisionDocument } from '../../federation/documents.ts';
import type { Audit, Decisions, Received } from '../jobs-api.ts';
import { receivedAgain } from '../received.ts';
import { Refusal } from '../refusal.ts';
import { Records } from './records.ts';
import type { StoreFiles } from './store-files.ts';

type Decision = Received<DecisionDocument>;

export class DecisionStore implements Decisions {
  readonly #records: Records<Decision>;
  readonly #byJob: Map<Digest, Map<string, Decision>> = new Map();

  readonly #audit: Audit;

  private constructor(records: Records<Decision>, audit: Audit) {
    [this.#records, this.#audit] = [records, audit];
    for (const decision of records.values()) this.#index(decision);
  }

  static async open(folder: string, audit: Audit, files?: StoreFiles): Promise<DecisionStore> {
    const parse = (json: unknown, name: string): Decision => {
      const decision = receivedAgain(decisionDocument, 'decision', json);
      if (recordName(decision) !== name) throw new RangeError('its job and author are not those of its name');
      return decision;
    };
    return new DecisionStore(await Records.open({ folder, parse, format: ({ signed }) => signed, files }), audit);
  }

  of(job: Digest): readonly Decision[] {
    return [...(this.#byJob.get(job)?.values() ?? [])];
  }

  /** Takes the place of an earlier one of this author; a later one stays. */
  async add(decision: Decision): Promise<void> {
    const change = (before: Decision | undefined): Decision => {
      if (before === undefined) return decision;
      if (before.digest === decision.digest) return before;
      if (Date.parse(decision.document.at) > Date.parse(before.document.at)) return decision;
      throw new Refusal(409, 'a later decision of yours about this job is here', 'decide again, by the present time');
    };
    const { author, document } = decision;
    const facts = { job: document.job, owner: author, approve: document.approve, decision: decision.digest };
    const line = (): Promise<void> => this.#audit.append('decision', facts);
    const kept = await this.#records.update(recordName(decision), change, line);
    if (kept !== undefined) this.#index(kept);
  }

  /** The job is over and its record gone. */
  async forget(job: Digest): Promise<void> {
    for (const decision of this.of(job)) await this.#records.remove(recordName(decision));
    this.#byJob.delete(job);
  }

  #index(decision: Decision): void {
    const { job } = decision.document;
    const decisions = this.#byJob.get(job) ?? new Map<string, Decision>();
    this.#byJob.set(job, decisions.set(decision.author, decision));
  }
}

function recordName({ author, document }: Decision): string {
  return `${document.job}-${author}`;
}
