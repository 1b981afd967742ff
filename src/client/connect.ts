/** A federation as a page or a program sees it: who its parties are, what models they serve, and where an owner's data goes. */
import { inCode } from '../data/in-code.ts';
import { Problem } from '../data/problem.ts';
import type { Digest } from '../federation/canonical.ts';
import type { JobDocument } from '../federation/documents.ts';
import { fingerprint, parseFederation, type Federation as FederationFile } from '../federation/federation-file.ts';
import { type DataState, ENDED, type JobState } from '../federation/views.ts';
import type { Id, Signer } from '../federation/public-identity.ts';
import { FederationClient } from './federated/client.ts';
import { decide, listJobs, seeJob, type SeenJob } from './federated/jobs.ts';
import { checkName } from './federated/names.ts';
import { giveGrant, isThere, listData, type ListedData, withdraw } from './federated/owned.ts';
import { putData } from './federated/put.ts';
import { findServed, listServed } from './federated/served.ts';
import type { Files } from './given-files.ts';
import type { Pictures } from './given-pictures.ts';
import { givenSet, type GivenImages } from './given-set.ts';
import type { LocalPorts, OpenTransport, Platform } from './platform.ts';
import type { PartyName } from './parties.ts';
import { ServedModel } from './served-model.ts';

/** Of what an owner signs for a data set. */
const MOST_FRACTION_BITS = 30;

/** What `connect` takes. */
export interface ConnectOptions {
  /** The federation file: its text, or the JSON in it. */
  readonly federation: string | object;
  /** The federation's fingerprint as you know it by another way, `1a2b 3c4d …`: compared with the file's. */
  readonly fingerprint?: string | undefined;
  /** Whoever asks. Absent: an identity made for this connection, which sessions that are open to anyone answer. */
  readonly identity?: Signer | undefined;
  /** Ports of parties that take plain HTTP on this very machine (`local` in party.json), in place of their addresses. */
  readonly local?: LocalPorts | undefined;
  /** Told what is worth knowing and needs nothing done. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** Ends the connection and everything under way. */
  readonly signal?: AbortSignal | undefined;
}

/** How far an upload is. Bytes of what the parties get: eight for each value. */
export interface UploadProgress {
  /** Preparing: values are masked and digested here. Sending: they go to P0 and P1. Checking: the parties compare digests. */
  readonly phase: 'preparing' | 'sending' | 'checking';
  readonly done: number;
  readonly total: number;
}

/** What `upload` takes: arrays, or files that a person has given: of an IDX data set, or pictures. */
export type UploadOptions = (GivenImages | Files | Pictures) & {
  /** Of the data set: small letters, digits, dot, dash, underscore. */
  readonly name: string;
  /** Of fixed-point numbers, 1 … 30; 16 unless said otherwise. All sets of a job have the same. */
  readonly fractionBits?: number | undefined;
  /** Gives up an upload of this name that was not ended, and begins anew under new keys. */
  readonly restart?: boolean | undefined;
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A data set that all three parties have. */
export interface Uploaded {
  /** Its name everywhere: SHA-256 of its signed document. */
  readonly digest: Digest;
  /** What the parties got, in bytes. */
  readonly bytes: number;
}

/** A data set as the parties have it: whole (`ready`), or how far an upload of it came. */
export interface DataSummary {
  /** Of its signed document: what `withdraw` and `grant` take. */
  readonly digest: Digest;
  /** As its owner calls it. */
  readonly name: string;
  readonly owner: Id;
  readonly isMine: boolean;
  readonly images: number;
  /** When its owner signed it, an ISO date. */
  readonly created: string;
  /** At each party that was reached and has something of it. */
  readonly states: Readonly<Partial<Record<PartyName, DataState>>>;
}

/** A job as the parties show it to those whom it concerns. */
export interface JobSummary {
  readonly digest: Digest;
  readonly kind: 'train' | 'serve';
  readonly title: string;
  readonly proposer: Id;
  /** At each party that was reached. */
  readonly states: Readonly<Partial<Record<PartyName, JobState>>>;
  /** Whether your answer is wanted. */
  readonly awaitsMe: boolean;
  /** What was signed: network, data, and what is revealed to whom. */
  readonly document: JobDocument;
}

/** What a grant allows; see docs/consent.md. */
export type GrantTerms = Parameters<typeof giveGrant>[1];

/**
 * Three parties that answer. Made by `connect`.
 *
 * @example
 * ```ts
 * import { connect, keepIdentity } from 'securenn/client';
 *
 * const file = await (await fetch('federation.json')).text();
 * const federation = await connect({ federation: file, identity: await keepIdentity('me') });
 * console.log((await federation.models()).map(({ title }) => title)); // [ 'digits' ]
 * const { digest } = await federation.upload({
 *   name: 'points',
 *   images: new Uint8Array([0, 0, 0, 255, 255, 0, 255, 255]), // four images of 1 x 2
 *   shape: [1, 2],
 *   labels: [0, 1, 1, 0],
 *   onProgress: ({ phase, done, total }) => void [phase, done, total], // shown to the owner
 * });
 * console.log(digest.length); // 64
 * const mine = (await federation.dataSets()).filter(({ isMine, name }) => isMine && name === 'points');
 * console.log(mine[0].digest === digest, mine[0].states.P2); // true ready
 * federation.close();
 * ```
 */
export class Federation {
  /** As operators read it to each other, eight groups of four digits. */
  readonly fingerprint: string;
  /** Whoever asks. */
  readonly identity: Signer;
  readonly #client: FederationClient;
  readonly #transport: OpenTransport;
  readonly #platform: Platform;

  private constructor(client: FederationClient, transport: OpenTransport, platform: Platform) {
    this.fingerprint = fingerprint(client.federation);
    this.identity = client.identity;
    [this.#client, this.#transport, this.#platform] = [client, transport, platform];
  }

  /**
   * Checks the file, and that all three parties answer here. Rejects with a Problem that says which does not, and what it lacks.
   *
   * @internal `connect` is for the outside
   */
  static connect(platform: Platform, options: ConnectOptions): Promise<Federation> {
    return inCode(() => Federation.#connect(platform, options));
  }

  static async #connect(platform: Platform, options: ConnectOptions): Promise<Federation> {
    const { local, signal, onNote = () => undefined } = options;
    const federation = readFederationText(options.federation);
    checkFingerprint(federation, options.fingerprint);
    const identity = options.identity ?? (await platform.generate());
    const transport = platform.transport(federation, local, onNote);
    const { primitives } = platform;
    const client = new FederationClient({
      federation,
      identity,
      primitives,
      transport: transport.send,
      onNote,
      signal,
    });
    try {
      const greeted = await client.everywhere((party) => client.greet(party));
      const failures = [...greeted.failures.values()];
      if (failures.length > 0) throw joined(failures);
    } catch (error) {
      transport.close();
      throw error;
    }
    return new Federation(client, transport, platform);
  }

  /** Models that are served to you at this moment. */
  models(): Promise<ServedModel[]> {
    return inCode(async () =>
      (await listServed(this.#client)).map((session) => new ServedModel(this.#client, session)),
    );
  }

  /**
   * The model of a session that answers you.
   * @param name its title, its digest, or the beginning of that; of its training's, as well
   */
  model(name: string): Promise<ServedModel> {
    return inCode(async () => new ServedModel(this.#client, findServed(await listServed(this.#client), name)));
  }

  /**
   * Gives the parties a labelled set of images, of which none of them sees a value. The same call again goes on where it stopped, after a
   * reload as well, if the data is the same.
   */
  upload(options: UploadOptions): Promise<Uploaded> {
    return inCode(() => this.#upload(options));
  }

  async #upload(options: UploadOptions): Promise<Uploaded> {
    const { name, fractionBits = 16, restart, onProgress, signal } = options;
    checkName(name);
    if (!Number.isInteger(fractionBits) || fractionBits < 1 || fractionBits > MOST_FRACTION_BITS)
      throw new RangeError(`fractionBits: ${fractionBits}: expected a whole number, 1 … ${MOST_FRACTION_BITS}`);
    signal?.throwIfAborted();
    const set = await givenSet(options, this.#platform.readPicture);
    const client = signal === undefined ? this.#client : this.#client.until(signal);
    const keeper = this.#platform.uploads(client.federation, client.id, name);
    const tell = (phase: UploadProgress['phase'], done: number, total: number): void => {
      signal?.throwIfAborted();
      onProgress?.({ phase, done, total });
    };
    const { digest, bytes } = await putData(client, set, keeper, {
      ...{ name, fractionBits, restart, onNote: client.onNote },
      onPreparing: (done, total) => tell('preparing', done, total),
      onUpload: (part, done, total) => tell(part === 'checking' ? 'checking' : 'sending', done, total),
    });
    return { digest, bytes };
  }

  /**
   * Data sets that parties have, the newest last: everybody's, and those of yours that an upload left half done. None that is withdrawn at all
   * that were reached.
   */
  dataSets(): Promise<DataSummary[]> {
    return inCode(async () => {
      const list = (await listData(this.#client)).filter(isThere);
      return list.map((data) => dataSummary(data, this.#client));
    });
  }

  /** Jobs that concern you, as the parties that were reached show them. */
  jobs(): Promise<JobSummary[]> {
    return inCode(async () => (await listJobs(this.#client)).map((seen) => summary(seen, this.#client)));
  }

  /** Approves or refuses a job on your data, at all three parties, once all show the same of it. @param digest its whole name, as `jobs` has it */
  decide(digest: Digest, answer: 'approve' | 'refuse'): Promise<void> {
    return inCode(async () => {
      const { job } = await seeJob(this.#client, digest);
      await decide(this.#client, job.digest, answer === 'approve');
    });
  }

  /** Consent in advance: to any training that the terms cover. @returns the grant's name */
  grant(terms: GrantTerms): Promise<Digest> {
    return inCode(() => giveGrant(this.#client, terms));
  }

  /** Takes back a data set of yours, or a grant. What was trained on it cannot be taken back. */
  withdraw(what: 'data' | 'grant', digest: Digest): Promise<void> {
    return inCode(async () => void (await withdraw(this.#client, what, digest)).all('it is taken back'));
  }

  /** Lets go of the connections; what is under way ends, and nothing can be asked any more. */
  close(): void {
    this.#client.end(new Problem('the connection to the federation is closed', 'connect again'));
    this.#transport.close();
  }
}

function readFederationText(given: string | object): FederationFile {
  return parseFederation(typeof given === 'string' ? given : JSON.stringify(given), 'the federation file');
}

function checkFingerprint(federation: FederationFile, known: string | undefined): void {
  if (known === undefined) return;
  const found = fingerprint(federation);
  if (known.toLowerCase().replaceAll(/[^0-9a-f]/g, '') === found.replaceAll(' ', '')) return;
  throw new Problem(
    `the federation file has fingerprint ${found}, expected ${known.slice(0, 60)}`,
    'somebody has changed the file, or it is another federation: ask an operator, by telephone',
  );
}

/** What each party lacks, in one. */
function joined(failures: readonly Error[]): Error {
  if (failures.length === 1 || !failures.every((error) => error instanceof Problem)) return failures[0];
  const fixes = [...new Set(failures.map(({ fix }) => fix))];
  return new Problem(failures.map(({ message }) => message).join('; '), fixes.join('; '), { cause: failures[0] });
}

function dataSummary({ digest, document, owner, states }: ListedData, client: FederationClient): DataSummary {
  const { name, images, created } = document;
  return { digest, name, owner, isMine: client.holds(owner), images, created, states: Object.fromEntries(states) };
}

function summary({ job, views }: SeenJob, client: FederationClient): JobSummary {
  const { digest, document, author } = job;
  const states = Object.fromEntries([...views].map(([party, { state }]) => [party, state]));
  const awaitsMe = [...views.values()].some(
    ({ state, waitingFor }) => !ENDED.includes(state) && waitingFor.some((id) => client.holds(id)),
  );
  return { digest, kind: document.kind, title: document.title, proposer: author, states, awaitsMe, document };
}
