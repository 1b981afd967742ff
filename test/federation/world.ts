/** What a party knows, for tests of consent: members, data sets, grants, decisions and models, each to be changed at will. */
import { randomBytes } from 'node:crypto';
import { digestOf } from '../../src/federation/canonical.ts';
import type {
  DataDocument,
  DataReference,
  DecisionDocument,
  GrantDocument,
  JobDocument,
  ServeDocument,
  TrainDocument,
} from '../../src/federation/documents.ts';
import type { Identity } from '../../src/federation/identity.ts';
import type { SharedModel, Standing, World } from '../../src/federation/job-check.ts';
import { nameOf, signDocument, type Signed } from '../../src/federation/signed.ts';
import type { Network } from '../../src/nn/network.ts';

export const FEDERATION: string = 'fe'.repeat(32);
export const NOW: number = Date.parse('2026-02-01T12:00:00.000Z');
export const VERSION = 16;
const LATER = '2026-03-01T00:00:00.000Z';

export const NETWORK: Network = {
  name: 'tiny',
  input: [16],
  layers: [{ type: 'dense', units: 4 }],
};

/** A party's stores. */
export class Known {
  readonly members: Map<string, Standing> = new Map();
  readonly data: Map<string, { data: { signed: Signed }; state: string }> = new Map();
  readonly grants: { grant: { signed: Signed }; withdrawn: boolean; uses: string[] }[] = [];
  readonly decisions: { signed: Signed }[] = [];
  readonly models: Map<string, SharedModel> = new Map();

  /** A key that this one has followed. */
  follow(before: Identity, identity: Identity, ended = false): void {
    const standing = this.members.get(before.id)!;
    this.members.set(identity.id, { ...standing, id: standing.id ?? before.id });
    this.members.set(before.id, { ...standing, id: standing.id ?? before.id, replaced: ended });
  }

  admit(identity: Identity, standing: Partial<Standing> & { readonly name: string }): void {
    this.members.set(identity.id, { revoked: false, ...standing });
  }

  world(changes: Partial<World> = {}): World {
    return {
      now: NOW,
      federation: FEDERATION,
      version: VERSION,
      member: (id) => this.members.get(id),
      data: (digest) => this.data.get(digest),
      grants: () => this.grants,
      // As careless as a store can be: all there are, of whatever job.
      decisions: () => this.decisions,
      model: (job) => this.models.get(job),
      ...changes,
    };
  }

  put(
    owner: Identity,
    name: string,
    { state = 'ready', ...changes }: Partial<DataDocument> & { readonly state?: string } = {},
  ): DataReference {
    const document: DataDocument = {
      ...{ securenn: 'data', federation: FEDERATION, name, images: 100, rows: 4, columns: 4, channels: 1, classes: 4 },
      ...{ fractionBits: 13, opened: { images: hex(32), labels: hex(32) }, masks: { P0: hex(32), P1: hex(32) } },
      created: '2026-01-01T00:00:00.000Z',
      ...changes,
    };
    const signed = signDocument(document, owner);
    this.data.set(nameOf(signed), { data: { signed }, state });
    return { owner: owner.id, name, digest: nameOf(signed) };
  }

  decide(owner: Identity, job: Signed, changes: Partial<DecisionDocument> = {}): Signed<DecisionDocument> {
    const at = '2026-02-01T11:00:00.000Z';
    const signed = signDocument<DecisionDocument>(
      { securenn: 'decision', federation: FEDERATION, job: nameOf(job), approve: true, at, ...changes },
      owner,
    );
    this.decisions.push({ signed });
    return signed;
  }

  grant(
    owner: Identity,
    analyst: Identity,
    data: readonly DataReference[],
    changes: Partial<GrantDocument> = {},
  ): string {
    const signed = signDocument<GrantDocument>(
      {
        ...{ securenn: 'grant', federation: FEDERATION, data: data.map(({ digest }) => digest), analyst: analyst.id },
        ...{ networks: 'any', reveal: { model: true, loss: true, counts: 'per-class' }, keepModel: true, maxRuns: 2 },
        ...{ until: LATER, nonce: hex(16) },
        ...changes,
      },
      owner,
    );
    this.grants.push({ grant: { signed }, withdrawn: false, uses: [] });
    return nameOf(signed);
  }

  keep(training: Signed<JobDocument>, data: readonly DataReference[]): string {
    this.models.set(nameOf(training), { training: { signed: training }, data });
    return nameOf(training);
  }
}

export function hex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

export function trainDocument(receiver: Identity, changes: Partial<TrainDocument> = {}): TrainDocument {
  return {
    ...{ securenn: 'job', version: VERSION, federation: FEDERATION, title: 'a training', network: NETWORK },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 13, compareBits: 40, expires: LATER, nonce: hex(16) },
    ...{ kind: 'train', train: [], test: [], batch: 10, steps: 10, loss: 'softmax', optimizer: 'sgd' },
    ...{ learningRate: 0.1, lrDecay: 1, lrDecayEpochs: 1, momentum: 0, seed: 1, checkpointEvery: 10 },
    ...{ reveal: { model: true, loss: true, counts: 'none' }, receiver: receiver.public, keepModel: false },
    ...changes,
  };
}

export function serveDocument(
  model: string,
  clients: readonly Identity[],
  changes: Partial<ServeDocument> = {},
): ServeDocument {
  return {
    ...{ securenn: 'job', version: VERSION, federation: FEDERATION, title: 'a session', network: NETWORK },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 13, compareBits: 40, expires: LATER, nonce: hex(16) },
    ...{ kind: 'serve', model, clients: clients.map(({ id }) => id), reveal: 'class', maxImages: 1000 },
    ...changes,
  };
}

export const networkName = (network: Network): string => digestOf(network);
