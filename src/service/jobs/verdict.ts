/** What consent says of a job at this moment (`federation/consent.ts` has the rules). */
import type { Digest } from '../../federation/canonical.ts';
import type { Id } from '../../federation/identity.ts';

/** An owner's yes: its decision on this job, or a grant that covers it. */
export interface Approval {
  readonly owner: Id;
  readonly under: 'decision' | 'grant';
  readonly digest: Digest;
}

export type Verdict =
  | { readonly kind: 'approved'; readonly by: readonly Approval[] }
  /** For owners, or for something that is on its way, as data that is not ready yet. */
  | { readonly kind: 'waiting'; readonly for: readonly Id[]; readonly reason?: string | undefined }
  /** It cannot be approved any more. */
  | { readonly kind: 'refused'; readonly reason: string; readonly fix?: string | undefined };
