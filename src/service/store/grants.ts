/** Grants that owners gave, what they were used for, and whether they still stand. Both only grow: a use or a withdrawal is never undone. */
import * as z from 'zod';
import type { Digest } from '../../federation/canonical.ts';
import {
  grantDocument,
  withdrawalDocument,
  type GrantDocument,
  type WithdrawalDocument,
} from '../../federation/documents.ts';
import type { Id } from '../../federation/public-identity.ts';
import type { Audit, Grants, Received, StoredGrant } from '../jobs-api.ts';
import { receivedAgain } from '../received.ts';
import { Refusal } from '../refusal.ts';
import { Records } from './records.ts';
import type { StoreFiles } from './store-files.ts';

/** Of one owner, withdrawn and used up ones included: a record each for good. */
const MAX_GRANTS_OF_ONE = 10_000;

interface GrantRecord extends StoredGrant {
  readonly withdrawal: Received<WithdrawalDocument> | undefined;
}

const record = z.strictObject({
  signed: z.unknown(),
  uses: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
  withdrawal: z.unknown().optional(),
});

function parseGrant(json: unknown, name: string): GrantRecord {
  const { signed, uses, withdrawal } = record.parse(json);
  const grant = receivedAgain(grantDocument, 'grant', signed);
  if (grant.digest !== name) throw new RangeError('its digest is not its name');
  const taken = withdrawal === undefined ? undefined : receivedAgain(withdrawalDocument, 'withdrawal', withdrawal);
  return { grant, uses, withdrawn: taken !== undefined, withdrawal: taken };
}

function formatGrant({ grant, uses, withdrawal }: GrantRecord): object {
  return { signed: grant.signed, uses, withdrawal: withdrawal?.signed };
}

export class GrantStore implements Grants {
  readonly #records: Records<GrantRecord>;
  readonly #audit: Audit;

  private constructor(records: Records<GrantRecord>, audit: Audit) {
    [this.#records, this.#audit] = [records, audit];
  }

  static async open(folder: string, audit: Audit, files?: StoreFiles): Promise<GrantStore> {
    return new GrantStore(await Records.open({ folder, parse: parseGrant, format: formatGrant, files }), audit);
  }

  find(grant: Digest): StoredGrant | undefined {
    return this.#records.get(grant);
  }

  all(): Iterable<StoredGrant> {
    return this.#records.values();
  }

  /** The same one again changes nothing. */
  async add(grant: Received<GrantDocument>): Promise<void> {
    const change = (before: GrantRecord | undefined): GrantRecord => {
      if (before !== undefined) return before;
      if (this.#countOf(grant.author) >= MAX_GRANTS_OF_ONE) {
        throw new Refusal(429, `you have given ${MAX_GRANTS_OF_ONE} grants`, 'ask the operator of this party');
      }
      return { grant, uses: [], withdrawn: false, withdrawal: undefined };
    };
    const { author, document } = grant;
    const facts = { grant: grant.digest, owner: author, analyst: document.analyst, data: document.data };
    await this.#records.update(grant.digest, change, () => this.#audit.append('grant given', facts));
  }

  async use(grant: Digest, job: Digest): Promise<void> {
    const change = (before: GrantRecord | undefined): GrantRecord => {
      if (before === undefined) throw new Refusal(404, 'no such grant', 'ask the owner to give it to this party');
      if (before.uses.includes(job)) return before;
      if (before.withdrawn) throw new Refusal(409, 'the grant is withdrawn', 'ask the owner to approve the job');
      if (before.uses.length >= before.grant.document.maxRuns) {
        throw new Refusal(409, 'the grant is used up', 'ask the owner to approve the job, or for another grant');
      }
      return { ...before, uses: [...before.uses, job] };
    };
    const line = ({ uses }: GrantRecord): Promise<void> =>
      this.#audit.append('grant used', { grant, job, use: uses.length });
    await this.#records.update(grant, change, line);
  }

  /** Whose signature the withdrawal bears has been checked to be the grant's author's. */
  async withdraw(withdrawal: Received<WithdrawalDocument>): Promise<void> {
    const { digest } = withdrawal.document;
    const change = (before: GrantRecord | undefined): GrantRecord | undefined => {
      if (before === undefined || before.withdrawn) return before;
      return { ...before, withdrawn: true, withdrawal };
    };
    const facts = { grant: digest, owner: withdrawal.author };
    await this.#records.update(digest, change, () => this.#audit.append('grant withdrawn', facts));
  }

  #countOf(owner: Id): number {
    let count = 0;
    for (const { grant } of this.#records.values()) if (grant.author === owner) count++;
    return count;
  }
}
