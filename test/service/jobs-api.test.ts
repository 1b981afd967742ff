/** Jobs, consent, results and inputs over HTTPS: who may do what, in what form, and what reaches the scheduler. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROLES } from '../../src/federation/card.ts';
import { jobDocument, type CancelDocument, type JobDocument } from '../../src/federation/documents.ts';
import { Identity } from '../../src/federation/identity.ts';
import { NODE } from '../../src/random/node-primitives.ts';
import { sealTo } from '../../src/federation/sealed.ts';
import { sealQuestionBy, type SealedQuestion } from '../../src/federation/sealing.ts';
import { signDocument, type Signed } from '../../src/federation/signed.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import type { JobState } from '../../src/service/jobs-api.ts';
import { receive } from '../../src/service/received.ts';
import { ownedSet, signedDecision, signedGrant, signedWithdrawal } from './documents.ts';
import {
  admitAll,
  ask,
  FakeJobs,
  makeFederation,
  viewOf,
  writeIn,
  type TestFederation,
  type TestParty,
} from './parties.ts';

const owner = Identity.generate();
const analyst = Identity.generate();
const receiver = Identity.generate();
const client = Identity.generate();
const other = Identity.generate();
let all: TestFederation;
let P0: TestParty;
let parties: readonly Identity[];

beforeAll(async () => {
  all = await makeFederation();
  ({ P0 } = all.parties);
  await admitAll(P0, [
    { name: 'owner', identity: owner, roles: ['owner'] },
    { name: 'analyst', identity: analyst, roles: ['analyst'] },
    { name: 'receiver', identity: receiver, roles: ['analyst'] },
    { name: 'client', identity: client, roles: ['client'] },
    { name: 'other', identity: other },
  ]);
  await P0.start();
  const { openPartyFolder } = await import('../../src/service/party-folder.ts');
  parties = await Promise.all(ROLES.map(async (role) => (await openPartyFolder(all.parties[role].folder)).identity));
});

beforeEach(() => {
  P0.jobs.known.clear();
  P0.jobs.asked.length = 0;
});

function training(change: Partial<JobDocument> = {}, by: Identity = analyst): Signed<JobDocument> {
  const document = {
    ...{ securenn: 'job', federation: all.federation.id, version: JOB_VERSION, title: 'a study', network: NETWORKS.A },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, kind: 'train' },
    ...{ expires: '2099-01-01T00:00:00.000Z', nonce: 'ab'.repeat(16), batch: 128, epochs: 1, loss: 'softmax' },
    ...{ optimizer: 'sgd', learningRate: 0.0625, lrDecay: 1, lrDecayEpochs: 1, momentum: 0.9, seed: 1 },
    ...{ train: [{ owner: owner.id, name: 'scans', digest: 'da'.repeat(32) }], test: [], checkpointEvery: 100 },
    ...{ reveal: { model: true, loss: true, counts: 'total' }, receiver: receiver.public, keepModel: false },
    ...change,
  };
  return signDocument(document as unknown as JobDocument, by);
}

function serving(): Signed<JobDocument> {
  const { train, test, batch, epochs, loss, optimizer, ...common } = training().document as unknown as Record<
    string,
    unknown
  >;
  const {
    learningRate,
    lrDecay,
    lrDecayEpochs,
    momentum,
    seed,
    checkpointEvery,
    reveal,
    receiver: to,
    keepModel,
    ...rest
  } = common;
  const left = [train, test, batch, epochs, loss, optimizer, learningRate, lrDecay, lrDecayEpochs, momentum, seed];
  expect([...left, checkpointEvery, reveal, to, keepModel]).not.toContain(undefined);
  const document = {
    ...rest,
    kind: 'serve',
    model: '5a'.repeat(32),
    clients: [client.id],
    reveal: 'class',
    maxImages: 10,
  };
  return signDocument(document as unknown as JobDocument, analyst);
}

/** The scheduler knows it. */
function known(signed: Signed<JobDocument>, state: JobState = 'awaiting'): string {
  const job = receive(jobDocument, 'job', signed, all.federation.id);
  P0.jobs.known.set(job.digest, { job, view: viewOf(job, state), owners: [owner.id] });
  return job.digest;
}

const post = (as: Identity, path: string, body: object | Uint8Array) => ask(P0, as, { method: 'POST', path, body });

describe('a proposal', () => {
  it('of an analyst reaches the scheduler as it was signed', async () => {
    const signed = training();
    const { status, json } = await post(analyst, '/v1/jobs', signed);
    expect(status).toBe(200);
    expect(json).toMatchObject({ state: 'proposed', signed });
    expect(P0.jobs.asked).toEqual([`propose ${String(json.job)}`]);
  });

  it('of somebody else, unsigned, changed, of another federation, or in no form, does not', async () => {
    const signed = training();
    const tries: readonly (readonly [Identity, object | Uint8Array, number])[] = [
      [owner, training({}, owner), 403],
      [client, training({}, client), 403],
      [other, signed, 403],
      [analyst, { ...signed, signature: '0'.repeat(128) }, 400],
      [analyst, { ...signed, document: { ...signed.document, title: 'another study' } }, 400],
      [analyst, { ...signed, by: other.public }, 400],
      [analyst, { ...signed, more: 1 }, 400],
      [analyst, training({ federation: 'ab'.repeat(32) }), 400],
      [analyst, training({ network: { name: 'x', input: [1], layers: [{ type: 'conv9d' }] } as never }), 400],
      [analyst, training({ title: 'x'.repeat(201) }), 400],
      [analyst, signedDecision(analyst), 400],
      [analyst, {}, 400],
      [analyst, new TextEncoder().encode('{"document":'), 400],
      [analyst, new TextEncoder().encode('null'), 400],
      [analyst, new TextEncoder().encode('['.repeat(200_000)), 400],
      [analyst, new Uint8Array([0xff, 0xfe, 0x00]), 400],
      [analyst, new Uint8Array(600_000).fill(32), 413],
    ];
    for (const [as, body, expected] of tries) {
      const { status, json } = await post(as, '/v1/jobs', body);
      expect([status, json]).toEqual([
        expected,
        { error: expect.any(String) as unknown, fix: expect.any(String) as unknown },
      ]);
    }
    expect(P0.jobs.asked).toEqual([]);
  });

  it('may be passed on by a party, whoever its author is', async () => {
    expect((await post(parties[1], '/v1/jobs', training())).status).toBe(200);
    expect((await post(parties[1], '/v1/jobs', training({}, Identity.generate()))).status).toBe(403);
  });
});

describe('a job', () => {
  it('is seen by those whom it concerns alone', async () => {
    const digest = known(training());
    for (const as of [analyst, owner, receiver, parties[1]]) {
      expect((await ask(P0, as, { path: `/v1/jobs/${digest}` })).json).toMatchObject({
        job: digest,
        state: 'awaiting',
      });
      expect((await ask(P0, as, { path: '/v1/jobs' })).json.jobs).toHaveLength(1);
    }
    for (const as of [client, other]) {
      const answers = await Promise.all(
        [digest, '00'.repeat(32)].map((each) => ask(P0, as, { path: `/v1/jobs/${each}` })),
      );
      expect(answers.map(({ status }) => status)).toEqual([404, 404]);
      expect(answers[0].json).toEqual(answers[1].json);
      expect((await ask(P0, as, { path: '/v1/jobs' })).json.jobs).toEqual([]);
      for (const what of ['events?from=0', 'results', 'results/model']) {
        expect((await ask(P0, as, { path: `/v1/jobs/${digest}/${what}` })).status).toBe(404);
      }
    }
  });

  it('is followed from an event on, and waited for', async () => {
    const digest = known(training(), 'running');
    const event = { n: 0, time: '2026-01-31T12:00:00.000Z', event: 'state', state: 'running' };
    P0.jobs.happened = [event, { ...event, n: 1 }];
    const path = `/v1/jobs/${digest}/events`;
    expect((await ask(P0, analyst, { path })).json).toEqual({ events: P0.jobs.happened, next: 2 });
    expect((await ask(P0, analyst, { path: `${path}?from=1` })).json).toEqual({
      events: [P0.jobs.happened[1]],
      next: 2,
    });
    const since = performance.now();
    expect((await ask(P0, analyst, { path: `${path}?from=2&wait=1` })).json).toEqual({ events: [], next: 2 });
    expect(performance.now() - since).toBeGreaterThan(900);
    for (const query of ['from=-1', 'from=1e9', 'from=x', 'wait=0.5', 'from=']) {
      expect((await ask(P0, analyst, { path: `${path}?${query}` })).status).toBe(400);
    }
  });

  it('is cancelled by its proposer or an owner, in a document of theirs about this job', async () => {
    const digest = known(training(), 'running');
    const cancel = (by: Identity, job = digest): object =>
      signDocument<CancelDocument>(
        { securenn: 'cancel', federation: all.federation.id, job, reason: 'enough', at: '2026-01-31T12:00:00.000Z' },
        by,
      );
    const path = `/v1/jobs/${digest}/cancel`;
    expect((await post(receiver, path, cancel(receiver))).status).toBe(403);
    expect((await post(other, path, cancel(other))).status).toBe(404);
    expect((await post(owner, path, cancel(analyst))).status).toBe(403);
    expect((await post(owner, path, cancel(owner, '00'.repeat(32)))).status).toBe(400);
    expect(P0.jobs.asked).toEqual([]);
    expect((await post(owner, path, cancel(owner))).status).toBe(200);
    expect((await post(analyst, path, cancel(analyst))).status).toBe(200);
    expect(P0.jobs.asked).toEqual([`cancel ${digest}`, `cancel ${digest}`]);
  });
});

describe('a decision', () => {
  const decide = (by: Identity, job: string, change = {}): object =>
    signedDecision(by, { federation: all.federation.id, job, ...change });

  it('of an owner of data in the job is kept, and asked for at once', async () => {
    const digest = known(training());
    const path = `/v1/jobs/${digest}/decisions`;
    expect((await post(owner, path, decide(owner, digest))).status).toBe(200);
    expect(P0.jobs.asked).toEqual(['reconsider']);
    const later = decide(owner, digest, { approve: false, at: '2026-02-01T12:00:00.000Z' });
    expect((await post(owner, path, later)).status).toBe(200);
    expect((await post(owner, path, decide(owner, digest))).json.error).toContain('a later decision of yours');
    const kept = P0.jobs.parts!.decisions.of(digest);
    expect(kept.map(({ document }) => document.approve)).toEqual([false]);
    const file = join(P0.folder, 'state', 'decisions', `${digest}-${owner.id}.json`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(later);
  });

  it('of others, about another job, too late, or dated in the future, is not', async () => {
    const digest = known(training({ nonce: 'cd'.repeat(16) }));
    const path = `/v1/jobs/${digest}/decisions`;
    expect((await post(analyst, path, decide(analyst, digest))).status).toBe(403);
    expect((await post(other, path, decide(other, digest))).status).toBe(404);
    expect((await post(owner, path, decide(owner, '00'.repeat(32)))).status).toBe(400);
    expect((await post(owner, path, decide(owner, digest, { at: '2099-01-01T00:00:00.000Z' }))).status).toBe(400);
    expect((await post(owner, `/v1/jobs/${'00'.repeat(32)}/decisions`, decide(owner, '00'.repeat(32)))).status).toBe(
      404,
    );
    known(training({ nonce: 'cd'.repeat(16) }), 'running');
    expect((await post(owner, path, decide(owner, digest))).json.error).toBe(
      'the job is running: a decision comes too late',
    );
    expect(P0.jobs.parts!.decisions.of(digest)).toEqual([]);
  });
});

describe('a grant', () => {
  it('covers data that its owner has here, is seen by both sides, counts its uses, and can be withdrawn', async () => {
    const set = ownedSet(owner, { federation: all.federation.id });
    const grant = (by: Identity, data: string): Signed =>
      signedGrant(by, { federation: all.federation.id, data: [data], analyst: analyst.id });
    expect((await post(owner, '/v1/grants', grant(owner, set.data.digest))).status).toBe(409);
    const { packKeys } = await import('../../src/federation/chunks.ts');
    const sealed = await sealTo(
      all.federation.parties.P0.identity,
      `data ${set.data.digest}`,
      packKeys(set.keysOf('P0')),
    );
    const key = Buffer.from(sealed).toString('base64');
    expect((await post(owner, '/v1/data', { signed: set.signed, key })).status).toBe(200);
    expect((await post(other, '/v1/grants', grant(other, set.data.digest))).status).toBe(409);
    const mine = grant(owner, set.data.digest);
    const { status, json } = await post(owner, '/v1/grants', mine);
    expect(status).toBe(200);
    expect((await post(owner, '/v1/grants', mine)).json).toEqual(json);
    const digest = String(json.digest);
    const { grants } = P0.jobs.parts!;
    await grants.use(digest, '01'.repeat(32));
    await grants.use(digest, '01'.repeat(32));
    await grants.use(digest, '02'.repeat(32));
    await expect(grants.use(digest, '03'.repeat(32))).rejects.toThrow('the grant is used up');
    const shown = { digest, signed: mine, withdrawn: false, uses: ['01'.repeat(32), '02'.repeat(32)] };
    for (const as of [owner, analyst, parties[2]]) {
      expect((await ask(P0, as, { path: '/v1/grants' })).json).toEqual({ grants: [shown] });
    }
    expect((await ask(P0, other, { path: '/v1/grants' })).json).toEqual({ grants: [] });
    const theirs = signedWithdrawal(other, 'grant', digest, all.federation.id);
    expect((await post(other, '/v1/withdrawals', theirs)).status).toBe(403);
    const withdrawal = signedWithdrawal(owner, 'grant', digest, all.federation.id);
    expect((await post(owner, '/v1/withdrawals', withdrawal)).json).toEqual({ digest, models: [] });
    expect(grants.find(digest)?.withdrawn).toBe(true);
    await expect(grants.use(digest, '04'.repeat(32))).rejects.toThrow('the grant is withdrawn');
    await P0.stop();
    P0.jobs = new FakeJobs();
    await P0.start();
    expect(P0.jobs.parts!.grants.find(digest)).toMatchObject({ withdrawn: true, uses: shown.uses });
  });
});

describe('results', () => {
  it('are listed and sent to the receiver alone, as they lie there', async () => {
    const digest = known(training(), 'succeeded');
    const bytes = new Uint8Array(300_000).map((_, i) => i * 7);
    writeIn(P0, ['state', 'results', digest, 'model%2Flayers.0.weight.sealed'], bytes);
    writeIn(P0, ['state', 'results', digest, 'loss%2F10.sealed'], bytes.subarray(0, 56));
    writeIn(P0, ['state', 'results', digest, 'half.sealed.0011.tmp'], bytes.subarray(0, 3));
    const path = `/v1/jobs/${digest}/results`;
    expect((await ask(P0, receiver, { path })).json).toEqual({
      results: [
        { name: 'loss/10', bytes: 56 },
        { name: 'model/layers.0.weight', bytes: 300_000 },
      ],
    });
    const answer = await ask(P0, receiver, { path: `${path}/model%2Flayers.0.weight` });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      securenn: '1',
    });
    expect(answer.bytes.equals(bytes)).toBe(true);
    for (const as of [analyst, owner, parties[1]]) expect((await ask(P0, as, { path })).status).toBe(403);
    for (const name of [
      'none',
      '..%2F..%2F..%2Fidentity.key',
      '%2Fetc%2Fpasswd',
      '%00',
      'a%5Cb',
      '.',
      'x'.repeat(300),
    ]) {
      expect((await ask(P0, receiver, { path: `${path}/${name}` })).status).toBe(404);
    }
    rmSync(join(P0.folder, 'state', 'results', digest), { recursive: true });
    expect((await ask(P0, receiver, { path })).json).toEqual({ results: [] });
  });

  it('that are small come many at once, those that are there', async () => {
    const digest = known(training(), 'succeeded');
    const bytes = new Uint8Array(70_000).map((_, i) => i * 5);
    for (const step of [1, 10])
      writeIn(P0, ['state', 'results', digest, `loss%2F${step}.sealed`], bytes.subarray(0, step));
    writeIn(P0, ['state', 'results', digest, 'large.sealed'], bytes);
    const path = `/v1/jobs/${digest}/values?names=`;
    const base64 = (length: number): string => Buffer.from(bytes.subarray(0, length)).toString('base64');
    const { json } = await ask(P0, receiver, { path: `${path}loss%2F1,loss%2F10,loss%2F20,large` });
    expect(json).toEqual({ values: { 'loss/1': base64(1), 'loss/10': base64(10) } });
    for (const as of [analyst, owner, parties[1]])
      expect((await ask(P0, as, { path: `${path}loss%2F1` })).status).toBe(403);
    const names = Array.from({ length: 65 }, (_, i) => `loss/${i}`).join(',');
    for (const wrong of ['', names, '..%2F..%2Fidentity.key', 'loss/1,', '%00'])
      expect((await ask(P0, receiver, { path: `${path}${wrong}` })).status).toBe(400);
  });
});

describe('an input', () => {
  const ID = 'a1'.repeat(16);
  const question = (job: string, id = ID, party = all.federation.parties.P0): Promise<SealedQuestion> =>
    sealQuestionBy(NODE, party.identity, `input ${job} ${id}`, new Uint8Array([9, 9]));
  const bodyOf = ({ bytes }: SealedQuestion, as = ID): Uint8Array => Buffer.concat([Buffer.from(as, 'hex'), bytes]);
  /** As the body of a request. */
  const seal = async (job: string, id = ID, party = all.federation.parties.P0, as = ID): Promise<Uint8Array> =>
    bodyOf(await question(job, id, party), as);

  it('of a client of the session is opened and answered; P2 has no answer', async () => {
    const job = known(serving(), 'running');
    const path = `/v1/sessions/${job}/inputs`;
    const asked = await question(job);
    const [answer, again] = [await post(client, path, bodyOf(asked)), await post(client, path, bodyOf(asked))];
    expect([answer.status, await asked.openAnswer(answer.bytes)]).toEqual([200, new Uint8Array([1, 2, 3])]);
    expect(P0.jobs.asked).toEqual(new Array(2).fill(`infer ${job} ${ID} 2`));
    // Under the same key, so never under the same nonce.
    expect(again.bytes.subarray(0, 12)).not.toEqual(answer.bytes.subarray(0, 12));
    expect(await asked.openAnswer(again.bytes)).toEqual(new Uint8Array([1, 2, 3]));
    // Whoever signs it: who has not made the question does not read the answer.
    expect(await (await question(job)).openAnswer(answer.bytes)).toBeUndefined();
    P0.jobs.answer = new Uint8Array();
    expect((await post(client, path, await seal(job))).status).toBe(204);
  });

  it('is for sessions that are listed to who may ask them, while they run', async () => {
    const job = known(serving(), 'running');
    const listed = async (as: Identity): Promise<unknown[]> =>
      (await ask(P0, as, { path: '/v1/sessions' })).json.sessions as unknown[];
    expect(await listed(client)).toEqual([{ signed: P0.jobs.find(job)!.view.signed }]);
    for (const as of [analyst, other, parties[1]]) expect(await listed(as)).toEqual([]);
    known(serving(), 'queued');
    expect(await listed(client)).toEqual([]);
  });

  it('of others, of another session or id, sealed to another party, or before the session runs, is refused', async () => {
    const job = known(serving(), 'running');
    const path = `/v1/sessions/${job}/inputs`;
    for (const as of [analyst, other, parties[1]]) expect((await post(as, path, await seal(job))).status).toBe(404);
    expect((await post(client, `/v1/sessions/${'00'.repeat(32)}/inputs`, await seal(job))).status).toBe(404);
    expect((await post(client, path, await seal('00'.repeat(32)))).status).toBe(422);
    expect((await post(client, path, await seal(job, 'b2'.repeat(16)))).status).toBe(422);
    expect((await post(client, path, await seal(job, ID, all.federation.parties.P1))).status).toBe(422);
    expect((await post(client, path, new Uint8Array(16))).status).toBe(422);
    expect((await post(client, path, new Uint8Array(15))).status).toBe(400);
    const training0 = known(training({ nonce: 'ef'.repeat(16) }), 'running');
    expect((await post(client, `/v1/sessions/${training0}/inputs`, await seal(job))).status).toBe(404);
    known(serving(), 'queued');
    expect((await post(client, path, await seal(job))).status).toBe(503);
    known(serving(), 'succeeded');
    expect((await post(client, path, await seal(job))).status).toBe(409);
    expect(P0.jobs.asked).toEqual([]);
  });
});

describe('between parties', () => {
  it('orders go to the scheduler with whose they are, and a probe is read and forgotten', async () => {
    for (const [i, role] of ROLES.entries()) {
      const { status, json } = await post(parties[i], '/v1/control/prepare', { attempt: 1 });
      expect([status, json]).toEqual([200, { order: 'prepare' }]);
      expect(P0.jobs.asked.at(-1)).toBe(`control prepare ${role} {"attempt":1}`);
    }
    expect((await post(parties[1], '/v1/control/dance', {})).status).toBe(404);
    expect((await post(parties[1], '/v1/probe', new Uint8Array(8 * 2 ** 20))).json).toEqual({ received: 8 * 2 ** 20 });
    expect((await post(parties[1], '/v1/probe', new Uint8Array(8 * 2 ** 20 + 1))).status).toBe(413);
  });
});

describe('the status', () => {
  it('says how this party is, and whom it knows', async () => {
    const { json } = await ask(P0, analyst, { path: '/v1/status' });
    expect(json).toMatchObject({
      ...{ role: 'P0', id: parties[0].id, protocol: 1, certificate: { days: 729 }, draining: false },
      federation: P0.service!.standing.fingerprint,
      jobs: { running: 0 },
    });
    const names = (json.members as { readonly name: string; readonly id: string }[]).map(({ name, id }) => [name, id]);
    expect(names).toContainEqual(['owner', owner.id]);
  });
});
