/** A whole federation in this process, on loopback: three parties with keys of their own, TLS and all, and nothing that is pretended. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { MEMBER_ROLES, type MemberRole, ROLES, type Role } from '../federation/card.ts';
import { formatFederation } from '../federation/federation-file.ts';
import { Identity } from '../federation/identity.ts';
import { idOf, type PublicIdentity } from '../federation/public-identity.ts';
import { factsOf } from '../federation/value-facts.ts';
import type { Network } from '../nn/network.ts';
import type { PartySettings } from '../service/config.ts';
import { admitEverywhere, byRole, makeParties } from '../service/loopback.ts';
import { LoopbackMember } from '../service/loopback-member.ts';
import { type OwnParty, type Party, type PartyLog, startOwnParty } from './party.ts';

/** What {@link startFederation} takes. */
export interface FederationOptions {
  /** A new or empty folder, which stays; by default one in the system's folder for temporary files, which goes when the federation is closed. */
  readonly dir?: string;
  /** What a party's `party.json` says beside role and places (`docs/operate.md`), such as `{ limits: { memoryGiB: 2 } }`; for all, or for each. */
  readonly settings?: PartySettings | ((role: Role) => PartySettings);
  /** Where the log of each party goes; nothing is logged when it is absent. */
  readonly log?: (role: Role) => PartyLog;
}

/** What {@link LocalFederation.serve} takes. */
export interface ServedModelOptions {
  /** By which clients ask for it: `federation.model(title)`. */
  readonly title: string;
  readonly network: Network;
  /** What it is trained on, as an owner gives it. */
  readonly data: Dataset;
  /** Of the training; 1 by default, which leaves a model that has hardly learnt. */
  readonly steps?: number;
  /** Images a step; by default 128, or all where there are fewer. */
  readonly batch?: number;
  /** Above 0, at most 1; 2⁻⁴ by default. */
  readonly learningRate?: number;
  /** Whom the session answers: everybody who is a member by now (the default), or anyone. */
  readonly clients?: 'members' | 'anyone';
  /** What a client learns: the class alone (the default), or the scores of all classes. */
  readonly reveal?: 'class' | 'scores';
}

/** Three parties on loopback. */
export interface LocalFederation {
  /** Where their folders are: P0, P1, P2. */
  readonly dir: string;
  /** The federation file's text, which `connect` of `securenn/client` takes. */
  readonly federation: string;
  readonly parties: Readonly<Record<Role, Party>>;
  /**
   * Makes somebody a member at all three parties, at once.
   *
   * @param member an identity, of which the public half is used
   * @param name small letters, digits, dot, dash, underscore; no other member has it
   * @param roles what it may be; all three by default
   * @throws {Problem} when another member has that name
   */
  admit(member: { readonly public: PublicIdentity }, name: string, roles?: readonly MemberRole[]): Promise<void>;
  /**
   * Trains a model that stays shared among the parties, and opens a session that answers. Resolves when it does.
   *
   * @returns the session's digest
   */
  serve(options: ServedModelOptions): Promise<string>;
  /** Ends the parties that still serve, and removes a folder that was temporary. */
  close(): Promise<void>;
}

/** Of the member that trains and serves. */
const HOST = 'securenn-local';

/**
 * Starts three parties in this process, each with a folder, keys and ports of its own, that know each other: a real federation, for tests of
 * your own code.
 *
 * @throws {Problem} when the folder holds parties already, or cannot be written
 * @example
 * ```ts
 * import { makeDataset, parseNetwork } from 'securenn';
 * import { connect, createIdentity } from 'securenn/client';
 * import { startFederation } from 'securenn/server';
 *
 * const local = await startFederation();
 * const identity = await createIdentity();
 * await local.admit(identity, 'me');
 * const network = parseNetwork({ name: 'points', input: [2], layers: [{ type: 'dense', units: 2 }] });
 * const data = makeDataset({ shape: [2], images: [0, 1, 1, 0], labels: [0, 1] });
 * await local.serve({ title: 'points', network, data });
 *
 * const federation = await connect({ federation: local.federation, identity });
 * const model = await federation.model('points');
 * const { label } = await model.predict([0, 1]);
 * console.log(label); // 0 or 1: one step teaches little
 * federation.close();
 * await local.close();
 * ```
 */
export async function startFederation(options: FederationOptions = {}): Promise<LocalFederation> {
  const { settings = {}, log } = options;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'securenn-')));
  const remove = async (): Promise<void> => {
    if (options.dir !== undefined) return;
    // Again while a job process that was ended a moment ago still writes there.
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const started = new Map<Role, OwnParty>();
  try {
    const { federation } = await makeParties(dir, {
      config: (role) => ({
        compute: { backend: 'wasm', workers: 1 },
        ...(typeof settings === 'function' ? settings(role) : settings),
      }),
    });
    const text = formatFederation(federation);
    await writeFile(join(dir, 'federation.json'), text);
    for (const role of ROLES) {
      const logged = log?.(role);
      started.set(role, await startOwnParty({ dir: join(dir, role), ...(logged && { log: logged }) }));
    }
    return new Loopback(dir, text, new LoopbackMember(federation, Identity.generate()), started, remove);
  } catch (error) {
    await Promise.all([...started.values()].map(({ party }) => party.close()));
    await remove();
    throw error;
  }
}

class Loopback implements LocalFederation {
  readonly dir: string;
  readonly federation: string;
  readonly parties: Readonly<Record<Role, Party>>;
  readonly #own: ReadonlyMap<Role, OwnParty>;
  readonly #host: LoopbackMember;
  readonly #remove: () => Promise<void>;
  readonly #members: Set<string> = new Set();
  #served = 0;

  constructor(
    dir: string,
    federation: string,
    host: LoopbackMember,
    parties: ReadonlyMap<Role, OwnParty>,
    remove: () => Promise<void>,
  ) {
    [this.dir, this.federation, this.#host, this.#own, this.#remove] = [dir, federation, host, parties, remove];
    this.parties = byRole((role) => parties.get(role)!.party);
  }

  async admit(
    member: { readonly public: PublicIdentity },
    name: string,
    roles: readonly MemberRole[] = MEMBER_ROLES,
  ): Promise<void> {
    await admitEverywhere(this.dir, [[name, member]], roles);
    for (const { service } of this.#own.values()) {
      await service.standing.reloadMembers();
      service.jobs.reconsider();
    }
    this.#members.add(idOf(member.public));
  }

  async serve({ title, network, data, steps = 1, reveal = 'class', ...more }: ServedModelOptions): Promise<string> {
    const host = this.#host;
    if (!this.#members.has(host.client.id)) await this.admit(host.client.identity, HOST);
    const { rows, columns, channels, classes, scaling, classNames, trainImages: images, trainLabels: labels } = data;
    const count = labels.length;
    const set = { rows, columns, channels, classes, scaling, classNames, images, labels, count };
    const reference = await host.put(`data-${++this.#served}`, set, 16, join(this.dir, 'uploads'));
    const { batch = Math.min(128, count), learningRate = 2 ** -4 } = more;
    const kept = factsOf(data);
    const training = { title: `${title}, trained`, steps, batch, learningRate, keepModel: true, ...kept };
    const model = await host.run(host.training(network, reference, training));
    await host.until(model, ['succeeded']);
    const clients = more.clients === 'anyone' ? 'anyone' : [...this.#members];
    const session = await host.run(host.serving(network, model, { title, clients, reveal, ...kept }));
    await host.until(session, ['running']);
    return session;
  }

  async close(): Promise<void> {
    this.#host.close();
    await Promise.all([...this.#own.values()].map(({ party }) => party.close()));
    await this.#remove();
  }
}
