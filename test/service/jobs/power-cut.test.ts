/**
 * The power of one party is cut at each change that a job makes to its disk: records, events, decisions, grants and the audit log. The party starts
 * again on what is left; nothing that it acknowledged is lost, nothing half-written is read, and the job goes on to its end at all three.
 */
import { mkdirSync } from 'node:fs';
import * as wholeDisk from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { OF_BYTES } from '../../../src/data/scaling.ts';
import { grantDocument, type GrantDocument, type TrainDocument } from '../../../src/federation/documents.ts';
import { signDocument } from '../../../src/federation/signed.ts';
import { PARTY_NAMES, type PartyName } from '../../../src/server/ipc.ts';
import { JOB_VERSION } from '../../../src/server/job.ts';
import { AuditLog } from '../../../src/service/audit-log.ts';
import { receive } from '../../../src/service/received.ts';
import { temporaryFolder } from '../../folder.ts';
import { FEDERATION, hex, NETWORK } from '../../federation/world.ts';
import { FragileDisk, type Loss } from '../power-cut.ts';
import { FakeProcesses } from './fake-process.ts';
import { Three } from './three.ts';

const open: Three[] = [];
afterEach(() => open.splice(0).forEach((three) => three.close()));

const LOSSES: readonly Loss[] = ['lost', 'torn', 'kept'];
const images = new Uint8Array(16 * 20);
const labels = new Uint8Array(20);
const DATA = {
  ...{ name: 'tiny', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels },
  ...{ rows: 4, columns: 4, channels: 1, classes: 4, scaling: OF_BYTES },
};

/** One party on a disk whose power is cut at one change, and what it has acknowledged until then. */
class Cut {
  readonly three: Three;
  readonly processes: FakeProcesses = new FakeProcesses();
  readonly disk: FragileDisk;
  readonly #party: PartyName;
  readonly #loss: Loss;
  readonly #lines: string[] = [];
  #isBack = false;
  job = '';
  grant = '';
  readonly acknowledged: Set<'job' | 'grant' | 'decision' | 'end'> = new Set();

  private constructor(three: Three, party: PartyName, at: number, loss: Loss) {
    [this.three, this.#party, this.#loss] = [three, party, loss];
    const folder = join(three.folder, party);
    mkdirSync(folder, { mode: 0o700 });
    this.disk = new FragileDisk(folder, at);
    three.launch = this.processes.launch;
    three.files = { ...three.files, [party]: this.disk.files };
    three.openAudit = async (each) => {
      if (each !== party) return three.audits[each];
      const log = await AuditLog.open(this.#auditPath, this.#isBack ? wholeDisk : this.disk.files);
      return {
        append: async (event, facts) => {
          await log.append(event, facts);
          this.#lines.push(`"event":${JSON.stringify(event)},"facts":`);
        },
      };
    };
  }

  static async open(party: PartyName, at: number, loss: Loss): Promise<Cut> {
    const three = await Three.open(temporaryFolder('cut'));
    open.push(three);
    const cut = new Cut(three, party, at, loss);
    for (const each of PARTY_NAMES) await three.start(each).catch((error: unknown) => cut.#powerOn(error));
    return cut;
  }

  get #auditPath(): string {
    return join(this.three.folder, this.#party, 'audit.log');
  }

  /** Once more after the power came back, where it went meanwhile. */
  async attempt(task: () => Promise<unknown>): Promise<void> {
    try {
      await task();
    } catch (error) {
      await this.#powerOn(error);
      await task();
    }
  }

  async comeBack(): Promise<void> {
    if (this.disk.isCut && !this.#isBack) await this.#powerOn(undefined);
  }

  /** @param error thrown again where the power is not what failed */
  async #powerOn(error: unknown): Promise<void> {
    if (!this.disk.isCut || this.#isBack) throw error;
    const { three } = this;
    const begun = this.processes.all.filter(({ party, started }) => party === this.#party && started !== undefined);
    three.kill(this.#party);
    this.disk.lose(this.#loss);
    this.#isBack = true;
    three.files = { ...three.files, [this.#party]: wholeDisk };
    const text = await wholeDisk.readFile(this.#auditPath, 'utf8').catch(() => '');
    for (const line of this.#lines) expect(text).toContain(line);
    const { scheduler, grants, decisions } = await three.start(this.#party);
    const found = scheduler.find(this.job);
    if (this.acknowledged.has('job')) expect(found).toBeDefined();
    if (this.acknowledged.has('grant')) expect(grants.find(this.grant)).toBeDefined();
    if (this.acknowledged.has('decision')) expect(decisions.of(this.job)).toHaveLength(1);
    if (begun.length > 0) {
      expect(found!.view.attempt).toBeGreaterThanOrEqual(begun.length);
      expect(grants.find(this.grant)!.uses).toEqual([this.job]);
    }
    if (this.acknowledged.has('end')) expect(found!.view.state).toBe('succeeded');
  }
}

/** @returns the changes that the party's disk saw before its power went, if it did */
async function run(party: PartyName, at: number, loss: Loss): Promise<number> {
  const cut = await Cut.open(party, at, loss);
  const { three } = cut;
  const [first, second] = three.owners.map((owner, i) => three.put(owner, `scans-${i}`, DATA, 13));
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const terms: GrantDocument = {
    ...{ securenn: 'grant', federation: FEDERATION, data: [first.digest], analyst: three.analyst.id, networks: 'any' },
    ...{ reveal: { model: true, loss: true, counts: 'none' }, keepModel: false, maxRuns: 1, until: later },
    nonce: hex(16),
  };
  const grant = receive(grantDocument, 'grant', signDocument(terms, three.owners[0]), FEDERATION);
  cut.grant = grant.digest;
  for (const each of PARTY_NAMES) await cut.attempt(() => three.at(each).grants.add(grant));
  cut.acknowledged.add('grant');
  const document: TrainDocument = {
    ...{ securenn: 'job', version: JOB_VERSION, federation: FEDERATION, title: 'a training', network: NETWORK },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 13, compareBits: 40, nonce: hex(16), kind: 'train' },
    ...{ train: [first, second], test: [], batch: 4, steps: 4, loss: 'softmax', optimizer: 'sgd', learningRate: 0.25 },
    ...{ lrDecay: 1, lrDecayEpochs: 1, momentum: 0, seed: 3, checkpointEvery: 2, keepModel: false, expires: later },
    ...{ reveal: { model: true, loss: false, counts: 'none' }, receiver: three.analyst.public },
  };
  await cut.attempt(async () => {
    cut.job = await three.propose(document);
  });
  cut.acknowledged.add('job');
  await cut.attempt(() => three.decide(three.owners[1], cut.job));
  cut.acknowledged.add('decision');
  const end = Date.now() + 120_000;
  while (!PARTY_NAMES.every((each) => three.state(each, cut.job) === 'succeeded')) {
    if (three.state(party, cut.job) === 'succeeded') cut.acknowledged.add('end');
    await cut.comeBack();
    if (Date.now() > end) throw new Error(PARTY_NAMES.map((each) => three.said(each, cut.job)).join('; '));
    await sleep(20);
  }
  await cut.comeBack();
  for (const each of PARTY_NAMES) {
    expect(three.state(each, cut.job)).toBe('succeeded');
    expect(three.at(each).grants.find(cut.grant)!.uses).toEqual([cut.job]);
  }
  three.close();
  return cut.disk.operations;
}

describe('a power cut while a job goes from proposal to end', () => {
  it.each(['P0', 'P1'] as const)('at any change to the disk of %s: the job ends well at all three', async (party) => {
    const changes = await run(party, Infinity, 'kept');
    expect(changes).toBeGreaterThan(40);
    for (let from = 0; from < changes; from += 16) {
      const some = Array.from({ length: Math.min(16, changes - from) }, (_, i) => from + i);
      await Promise.all(some.map((at) => run(party, at, LOSSES[at % LOSSES.length])));
    }
  });
});
