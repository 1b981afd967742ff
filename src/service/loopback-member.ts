/** A member of a federation on loopback who gives data, trains on it and serves the model: for tests, benchmarks and embedding. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jobAnswer } from '../client/federated/answers.ts';
import { FederationClient } from '../client/federated/client.ts';
import { httpsTransport } from '../client/federated/https.ts';
import { decide, propose } from '../client/federated/jobs.ts';
import { putData } from '../client/federated/put.ts';
import type { LabelledSet } from '../client/federated/sharing.ts';
import { UploadState } from '../client/federated/upload-state.ts';
import type { Digest } from '../federation/canonical.ts';
import { ROLES } from '../federation/card.ts';
import type { DataReference, JobDocument, ServeDocument, TrainDocument } from '../federation/documents.ts';
import type { Federation } from '../federation/federation-file.ts';
import type { Signer } from '../federation/public-identity.ts';
import type { JobState } from '../federation/views.ts';
import type { Network } from '../nn/network.ts';
import { NODE } from '../random/node-primitives.ts';
import { JOB_VERSION } from '../server/job.ts';

const HOUR_MS = 3_600_000;
const LOOK_MS = 50;

export class LoopbackMember {
  /** Owner, analyst and client in one. */
  readonly client: FederationClient;
  readonly close: () => void;

  /** @param patienceMs how long it goes on asking a party that does not answer; absent: as long as others do */
  constructor(federation: Federation, identity: Signer, patienceMs?: number) {
    const transport = httpsTransport(federation, () => undefined);
    const { send } = transport;
    this.client = new FederationClient({ primitives: NODE, federation, identity, transport: send, patienceMs });
    this.close = () => transport.close();
  }

  /** @param folder where an upload that is under way is kept */
  async put(name: string, set: LabelledSet, fractionBits: number, folder: string): Promise<DataReference> {
    const { federation, id } = this.client;
    const state = new UploadState(federation.id, id, name, folder);
    const { digest } = await putData(this.client, set, state, { name, fractionBits });
    return { owner: id, name, digest };
  }

  /** Of the member's own data, for itself. */
  training(network: Network, train: DataReference, changes: Partial<TrainDocument>): TrainDocument {
    return {
      ...{ ...this.#common(network), kind: 'train', train: [train], test: [], batch: 128 },
      ...{ loss: 'softmax', optimizer: 'sgd', learningRate: 2 ** -4, lrDecay: 1, lrDecayEpochs: 1, momentum: 0.9 },
      ...{ seed: 1, checkpointEvery: 10_000, keepModel: false, receiver: this.client.identity.public },
      reveal: { model: false, loss: false, counts: 'none' },
      ...changes,
    };
  }

  serving(network: Network, model: Digest, changes: Partial<ServeDocument>): ServeDocument {
    return {
      ...{ ...this.#common(network), kind: 'serve', model, clients: [this.client.id], reveal: 'class' },
      maxImages: 1_000_000,
      ...changes,
    };
  }

  /** Proposed and approved by the member alone, whose data and model it is. */
  async run(document: JobDocument): Promise<Digest> {
    const job = await propose(this.client, document);
    await decide(this.client, job, true);
    return job;
  }

  /** Until all three show one of these states. */
  async until(job: Digest, states: readonly JobState[]): Promise<void> {
    const { client } = this;
    for (;;) {
      const views = await Promise.all(ROLES.map((role) => client.ask(role, 'GET', `/v1/jobs/${job}`, jobAnswer)));
      if (views.every(({ state }) => states.includes(state))) return;
      const ended = views.find(({ state }) => ['failed', 'cancelled', 'expired'].includes(state));
      if (ended !== undefined) throw new Error(`the job is ${ended.state}: ${ended.reason ?? ''}`);
      await sleep(LOOK_MS);
    }
  }

  #common(network: Network) {
    return {
      ...({ securenn: 'job', suite: 'direct', truncation: 'dealt' } as const),
      ...{ version: JOB_VERSION, federation: this.client.federation.id, title: '', network },
      ...{ fractionBits: 16, compareBits: 33 },
      ...{ nonce: randomBytes(16).toString('hex'), expires: new Date(Date.now() + HOUR_MS).toISOString() },
    };
  }
}
