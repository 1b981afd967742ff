/** What the endpoints of the API are given. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Digest } from '../../federation/canonical.ts';
import type { Role } from '../../federation/card.ts';
import type { Member } from '../../federation/members.ts';
import type { OpenedQuestion } from '../../federation/sealing.ts';
import type { Id, PublicIdentity } from '../../federation/public-identity.ts';
import type { Identity } from '../../federation/identity.ts';
import type { PartyName } from '../../server/ipc.ts';
import type { Budget } from '../http/body.ts';
import type { Buckets } from '../http/door.ts';
import type { Jobs } from '../jobs-api.ts';
import type { DataStore } from '../store/data-store.ts';
import type { DecisionStore } from '../store/decisions.ts';
import type { GrantStore } from '../store/grants.ts';

/** Whose request it is, by its signature. */
export interface Asker {
  readonly id: Id;
  readonly identity: PublicIdentity;
  /** Another party of the federation, or this one. */
  readonly party?: Role | undefined;
  readonly member?: Member | undefined;
  /** A visitor, whom nobody admitted: the address that limits are kept for. */
  readonly visitor?: string | undefined;
}

/** Who is known at this moment. */
export interface Directory {
  find(id: Id): Asker | 'revoked' | undefined;
  /** The member's own id, of any key that it has or had; of anybody else the id itself. Documents name keys; whose they are is compared by this. */
  holder(id: Id): Id;
  members(): readonly Member[];
}

export interface ApiContext {
  readonly party: PartyName;
  /** Signs for this party. */
  readonly identity: () => Identity;
  readonly openSealed: (info: string, sealed: Uint8Array) => Promise<OpenedQuestion | undefined>;
  /** Of documents. */
  readonly federation: Digest;
  readonly directory: Directory;
  readonly data: DataStore;
  readonly grants: GrantStore;
  readonly decisions: DecisionStore;
  readonly jobs: Jobs;
  /** `state/results`. */
  readonly results: string;
  readonly bodies: Budget;
  /** Of visitors, who take nothing from the others. */
  readonly visitorBodies: Budget;
  /** Images that visitors of one address have left. */
  readonly visitorImages: Buckets;
  /** Aborts when this party ends: whoever waits is answered. */
  readonly ending: AbortSignal;
  readonly status: () => Promise<object>;
  /** For the metrics. */
  readonly onUploaded: (bytes: number) => void;
  readonly now: () => number;
}

export interface Env {
  readonly Bindings: HttpBindings;
  readonly Variables: { readonly asker: Asker; readonly bodyDigest: string };
}

export type Call = Context<Env>;

/** As much of a call as an input of a session needs: Hono's, or one of its own (`direct.ts`). */
export interface InputCall {
  readonly env: HttpBindings;
  readonly req: { readonly method: string; readonly routePath: string; param(name: string): string | undefined };
  /** Of the answer, so far. */
  readonly res: { readonly headers: { forEach(each: (value: string, name: string) => void): void } };
  get(name: 'asker'): Asker;
  get(name: 'bodyDigest'): string;
  set(name: 'asker', asker: Asker): void;
  set(name: 'bodyDigest', digest: string): void;
  header(name: string, value: string): void;
  json(value: object, status: ContentfulStatusCode, headers?: Record<string, string>): Response;
  body(data: null, status: 204, headers?: Record<string, string>): Response;
}
