/**
 * What the client needs of where it runs. `#client` (package.json) is one of two files: Node's (`node-platform.ts`), or a page's
 * (`web/web-platform.ts`).
 */
import type { Federation } from '../federation/federation-file.ts';
import type { Id, Signer } from '../federation/public-identity.ts';
import type { Primitives } from '../random/primitives.ts';
import type { UploadKeeper } from './federated/kept-upload.ts';
import type { Transport } from './federated/transport.ts';
import type { ReadPicture } from './given-pictures.ts';
import type { PartyName } from './parties.ts';

/** Ports of parties on this very machine that take plain HTTP (`local` in party.json). */
export type LocalPorts = Readonly<Record<PartyName, number>>;

export interface OpenTransport {
  readonly send: Transport;
  /** Lets go of all connections, and makes none any more: what is under way fails. */
  close(): void;
}

export interface Platform {
  readonly primitives: Primitives;
  /** An identity that nobody else has; its secret halves stay where they are. */
  generate(): Promise<Signer>;
  /** The one that is kept here under a name; made the first time. */
  kept(name: string): Promise<Signer>;
  transport(federation: Federation, local: LocalPorts | undefined, onNote: (text: string) => void): OpenTransport;
  readonly readPicture: ReadPicture;
  uploads(federation: Federation, owner: Id, name: string): UploadKeeper;
}
