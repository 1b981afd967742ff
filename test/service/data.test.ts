/** Data sets at running parties: uploads in any order, cut off and resumed, checked to the last bit; what files hold; withdrawals. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../../src/federation/card.ts';
import { packKeys, PARTS } from '../../src/federation/chunks.ts';
import { sealChunk } from '../../src/federation/chunk-cipher.ts';
import { receiptDocument } from '../../src/federation/documents.ts';
import { Identity } from '../../src/federation/identity.ts';
import { sealTo } from '../../src/federation/sealed.ts';
import { signDocument } from '../../src/federation/signed.ts';
import { receive } from '../../src/service/received.ts';
import { ownedSet, sha256, signedReceipt, signedWithdrawal, SMALL, type OwnedSet } from './documents.ts';
import { admitAll, ask, makeFederation, type Answer, type TestFederation } from './parties.ts';

const owner = Identity.generate();
const other = Identity.generate();
const analyst = Identity.generate();
let all: TestFederation;

beforeAll(async () => {
  all = await makeFederation();
  for (const role of ROLES) {
    await admitAll(all.parties[role], [
      { name: 'owner', identity: owner },
      { name: 'other', identity: other, roles: ['owner'] },
      { name: 'analyst', identity: analyst, roles: ['analyst'] },
    ]);
    await all.parties[role].start();
  }
});

function newSet(name: string, sizes = SMALL): OwnedSet {
  return ownedSet(owner, { name, sizes, federation: all.federation.id });
}

async function begin(role: Role, set: OwnedSet, as: Identity = owner, to: Role = role): Promise<Answer> {
  const sealed = await sealTo(all.federation.parties[to].identity, `data ${set.data.digest}`, packKeys(set.keysOf(to)));
  const body = { signed: set.signed, key: Buffer.from(sealed).toString('base64') };
  return ask(all.parties[role], as, { method: 'POST', path: '/v1/data', body });
}

function send(role: Role, set: OwnedSet, part: 'images' | 'labels', number: number, body = set.chunk(part, number)) {
  const path = `/v1/data/${set.data.digest}/${part}/${number}`;
  return ask(all.parties[role], owner, { method: 'PUT', path, body });
}

function complete(role: Role, set: OwnedSet): Promise<Answer> {
  return ask(all.parties[role], owner, { method: 'POST', path: `/v1/data/${set.data.digest}/complete` });
}

async function upload(set: OwnedSet, chunks = 1): Promise<unknown[]> {
  const receipts: unknown[] = [];
  for (const role of ROLES) {
    expect((await begin(role, set)).status).toBe(200);
    if (role !== 'P2') {
      for (let number = chunks - 1; number >= 0; number--)
        expect((await send(role, set, 'images', number)).status).toBe(204);
      expect((await send(role, set, 'labels', 0)).status).toBe(204);
    }
    const { status, json } = await complete(role, set);
    expect(status).toBe(200);
    receipts.push(json.receipt);
  }
  return receipts;
}

function hand(role: Role, set: OwnedSet, receipts: unknown[]): Promise<Answer> {
  const path = `/v1/data/${set.data.digest}/receipts`;
  return ask(all.parties[role], owner, { method: 'POST', path, body: { receipts } });
}

describe('an upload', () => {
  it('of chunks in any order is ready when three parties have signed for it', async () => {
    const set = newSet('three-chunks', { ...SMALL, images: 140_000 });
    const receipts = await upload(set, 3);
    receipts.forEach((signed, i) => {
      const { document, by } = receive(receiptDocument, 'receipt', signed, all.federation.id);
      expect(document).toEqual({
        securenn: 'receipt',
        federation: all.federation.id,
        data: set.data.digest,
        party: ROLES[i],
      });
      expect(by).toEqual(all.federation.parties[ROLES[i]].identity);
    });
    for (const role of ROLES) {
      expect((await hand(role, set, receipts)).json).toEqual({ digest: set.data.digest, state: 'ready' });
      expect(all.parties[role].service!.jobs).toMatchObject({
        asked: expect.arrayContaining(['reconsider']) as unknown,
      });
      const { json } = await ask(all.parties[role], analyst, { path: `/v1/data/${set.data.digest}` });
      expect(json).toMatchObject({ digest: set.data.digest, owner: owner.id, state: 'ready', signed: set.signed });
      const list = await ask(all.parties[role], analyst, { path: '/v1/data' });
      expect(list.json.data).toContainEqual(expect.objectContaining({ digest: set.data.digest, state: 'ready' }));
      expect(all.parties[role].jobs.parts!.data.find(set.data.digest)?.state).toBe('ready');
    }
    expect(await all.parties.P0.jobs.parts!.data.keys(set.data.digest)).toEqual(set.keysOf('P0'));
    expect(await all.parties.P2.jobs.parts!.data.keys(set.data.digest)).toEqual(set.keysOf('P2'));
  });

  it('goes on where it stopped, also after the party was killed', async () => {
    const set = newSet('resumed');
    const { P0 } = all.parties;
    await begin('P0', set);
    await send('P0', set, 'images', 0);
    expect((await complete('P0', set)).json).toMatchObject({ error: '1 chunks of labels are missing' });
    // As kill -9 in the midst of a chunk leaves it.
    const folder = join(P0.folder, 'state', 'data', set.data.digest);
    writeFileSync(join(folder, 'labels-00000.chunk.0011223344556677.tmp'), 'half of a chu');
    await P0.stop();
    await P0.start();
    expect((await begin('P0', set)).json).toEqual({
      ...{ digest: set.data.digest, state: 'uploading', have: { images: [0], labels: [] } },
    });
    expect(readdirSync(folder).sort()).toEqual(['images-00000.chunk', 'key.sealed', 'record.json']);
    expect((await send('P0', set, 'images', 0)).status).toBe(204);
    expect((await send('P0', set, 'labels', 0)).status).toBe(204);
    const first = await complete('P0', set);
    expect(first.status).toBe(200);
    expect((await complete('P0', set)).json).toEqual(first.json);
    expect((await send('P0', set, 'labels', 0)).status).toBe(204);
    await P0.stop();
    await P0.start();
    expect((await begin('P0', set)).json).toMatchObject({ state: 'complete' });
  });

  it('with a chunk that is not the one of its place, or cut, or under another key, is refused; nothing is kept of it', async () => {
    const set = newSet('wrong-chunks', { ...SMALL, images: 140_000 });
    await begin('P1', set);
    const elsewhere = set.chunk('images', 1);
    const { content } = set.keysOf('P1');
    const wrong = [
      set.chunk('labels', 0),
      set.chunk('images', 0).subarray(1),
      Buffer.concat([set.chunk('images', 0), Buffer.alloc(1)]),
      Buffer.alloc(0),
      elsewhere,
      sealChunk(
        Buffer.alloc(32),
        { data: set.data.digest, part: 'images', number: 0 },
        set.opened.images.subarray(0, 2 ** 23),
      ),
      sealChunk(content!, { data: set.data.digest, part: 'images', number: 2 }, set.opened.images.subarray(0, 2 ** 23)),
    ];
    for (const body of wrong) {
      const { status, json } = await send('P1', set, 'images', 0, body);
      expect([400, 413, 422]).toContain(status);
      expect(json.error).toEqual(expect.any(String));
    }
    for (const number of ['17', '-1', '01', '1e3', 'x', '99999999999']) {
      const path = `/v1/data/${set.data.digest}/images/${number}`;
      const { status } = await ask(all.parties.P1, owner, { method: 'PUT', path, body: elsewhere });
      expect([400, 404]).toContain(status);
    }
    // The right chunk in a request that was signed for another body.
    const put = { method: 'PUT', path: `/v1/data/${set.data.digest}/images/0`, body: set.chunk('images', 0) };
    const other = await ask(all.parties.P1, owner, put, { bodyDigest: sha256(elsewhere) });
    expect([other.status, other.json.error]).toEqual([400, 'the body is not the one that was signed']);
    const names = readdirSync(join(all.parties.P1.folder, 'state', 'data', set.data.digest));
    expect(names.sort()).toEqual(['key.sealed', 'record.json']);
    expect((await send('P1', set, 'images', 0)).status).toBe(204);
  });

  it('whose E is not what the document says is refused, and can be sent again', async () => {
    const set = newSet('other-labels');
    await begin('P0', set);
    await send('P0', set, 'images', 0);
    const { content } = set.keysOf('P0');
    const labels = Buffer.from(set.opened.labels);
    labels[3] ^= 1;
    const place = { data: set.data.digest, part: 'labels', number: 0 } as const;
    expect((await send('P0', set, 'labels', 0, sealChunk(content!, place, labels))).status).toBe(204);
    const { status, json } = await complete('P0', set);
    expect([status, json.error]).toEqual([422, 'E of the labels has not the digest that the document names']);
    expect((await begin('P0', set)).json).toMatchObject({ have: { images: [0], labels: [] } });
    expect((await send('P0', set, 'labels', 0)).status).toBe(204);
    expect((await complete('P0', set)).status).toBe(200);
  });

  it('that the disk has changed is noticed before it is signed for', async () => {
    const set = newSet('rotten');
    const { P0 } = all.parties;
    await begin('P0', set);
    for (const part of PARTS) await send('P0', set, part, 0);
    await P0.stop();
    const file = join(P0.folder, 'state', 'data', set.data.digest, 'images-00000.chunk');
    const bytes = readFileSync(file);
    bytes[5] ^= 4;
    writeFileSync(file, bytes);
    await P0.start();
    const { status, json } = await complete('P0', set);
    expect([status, json.error]).toEqual([409, 'chunk 0 of images was damaged on the disk of this party']);
    expect((await send('P0', set, 'images', 0)).status).toBe(204);
    expect((await complete('P0', set)).status).toBe(200);
  });

  it('with mask keys that the document does not commit to, or sealed to another party, is refused', async () => {
    const set = newSet('masks');
    const [P0, P1] = [await begin('P0', set, owner, 'P1'), await begin('P1', set, owner, 'P1')];
    expect([P0.status, P1.status]).toEqual([422, 200]);
    const forged = { ...set, keysOf: () => ({ content: new Uint8Array(32), masks: [new Uint8Array(16)] }) };
    expect((await begin('P0', forged)).json.error).toBe(
      'the mask keys are not those that the data document commits to',
    );
    const P2 = { ...set, keysOf: () => ({ masks: [set.keysOf('P2').masks[1], set.keysOf('P2').masks[0]] }) };
    expect((await begin('P2', P2)).status).toBe(422);
  });

  it('begun under one content key does not go on under another', async () => {
    const set = newSet('two-keys');
    await begin('P0', set);
    const { masks } = set.keysOf('P0');
    const again = { ...set, keysOf: () => ({ content: new Uint8Array(32).fill(1), masks }) };
    const { status, json } = await begin('P0', again);
    expect([status, json.error]).toEqual([409, 'this upload began under other keys']);
  });

  it('is its owner’s alone, and of one who is admitted as an owner', async () => {
    const set = newSet('mine');
    expect((await begin('P0', set, other)).status).toBe(403);
    await begin('P0', set);
    const path = `/v1/data/${set.data.digest}/labels/0`;
    const body = set.chunk('labels', 0);
    for (const identity of [other, analyst]) {
      expect((await ask(all.parties.P0, identity, { method: 'PUT', path, body })).status).toBe(403);
    }
    const theirs = ownedSet(analyst, { federation: all.federation.id });
    const { status, json } = await begin('P0', theirs, analyst);
    expect([status, json.error]).toEqual([403, 'you are not admitted as an owner here']);
  });

  it('is one of few that are unfinished, and has a name of its own', async () => {
    const mine = (name: string): OwnedSet => ownedSet(other, { name, federation: all.federation.id });
    for (let i = 0; i < 4; i++) expect((await begin('P1', mine(`set-${i}`), other)).status).toBe(200);
    expect((await begin('P1', mine('set-0'), other)).json.error).toBe('you have another data set called set-0 here');
    const { status, json, headers } = await begin('P1', mine('set-4'), other);
    expect([status, json.error, headers['retry-after']]).toEqual([429, '4 of your uploads are unfinished', '1']);
  });

  it('of more than the disk has room for is refused before anything is kept', async () => {
    const claimed = { images: 10_000_000, rows: 1024, columns: 1024 };
    const set = ownedSet(owner, { name: 'huge', claimed, federation: all.federation.id });
    const { status, json } = await begin('P0', set);
    expect(status).toBe(507);
    expect(json.error).toMatch(/^no room for \d+\.\d MB on the disk of P0$/);
    expect((await ask(all.parties.P0, owner, { path: `/v1/data/${set.data.digest}` })).status).toBe(404);
    // P2 stores no values.
    expect((await begin('P2', set)).status).toBe(200);
  });
});

describe('receipts', () => {
  it('of three parties, each by that party and for this set, make it ready; fewer or others do not', async () => {
    const set = newSet('receipts');
    const receipts = await upload(set);
    const another = await upload(newSet('receipts-2'));
    const self = ROLES.map((role) => signedReceipt(owner, role, set.data.digest, all.federation.id));
    const wrong: unknown[][] = [
      receipts.slice(0, 2),
      [receipts[0], receipts[0], receipts[1]],
      another,
      self,
      [receipts[0], receipts[1], self[2]],
      [receipts[0], receipts[1], { ...(receipts[2] as object), signature: '0'.repeat(128) }],
      [...receipts, receipts[0]],
      ['', 0, null],
    ];
    for (const each of wrong) {
      const { status } = await hand('P0', set, each);
      expect([400, 422]).toContain(status);
    }
    expect(all.parties.P0.jobs.parts!.data.find(set.data.digest)?.state).toBe('complete');
    expect((await hand('P0', set, [...receipts].reverse())).status).toBe(200);
    expect((await hand('P0', set, receipts)).status).toBe(200);
  });

  it('do nothing for a set of which this party has not all', async () => {
    const set = newSet('too-early');
    const receipts = await upload(set);
    const { P1 } = all.parties;
    await P1.stop();
    rmSync(join(P1.folder, 'state', 'data', set.data.digest), { recursive: true });
    await P1.start();
    await begin('P1', set);
    const { status, json } = await hand('P1', set, receipts);
    expect([status, json.error]).toEqual([409, 'this party does not have the whole data set']);
  });
});

describe('a withdrawal', () => {
  const withdraw = (role: Role, as: Identity, signed: object): Promise<Answer> =>
    ask(all.parties[role], as, { method: 'POST', path: '/v1/withdrawals', body: signed });

  it('takes back all that was stored, once no job uses it, and says what it cannot take back', async () => {
    const set = newSet('withdrawn');
    await upload(set);
    const { P0 } = all.parties;
    const model = { job: '5a'.repeat(32), network: 'A', created: '2026-01-31T12:00:00.000Z', owners: [owner.id] };
    P0.jobs.shownModels = [model];
    const folder = join(P0.folder, 'state', 'data', set.data.digest);
    let filesMeanwhile = 0;
    P0.jobs.onWithdrawn = () => {
      filesMeanwhile = readdirSync(folder).length;
      expect(P0.jobs.parts!.data.find(set.data.digest)?.state).toBe('withdrawn');
      return Promise.resolve();
    };
    const signed = signedWithdrawal(owner, 'data', set.data.digest, all.federation.id);
    const { status, json } = await withdraw('P0', owner, signed);
    expect([status, json]).toEqual([200, { digest: set.data.digest, models: [model.job] }]);
    expect(filesMeanwhile).toBe(4);
    expect(readdirSync(folder)).toEqual(['record.json']);
    expect((await withdraw('P0', owner, signed)).status).toBe(200);
    expect((await begin('P0', set)).status).toBe(410);
    expect((await send('P0', set, 'labels', 0)).status).toBe(410);
    expect((await complete('P0', set)).status).toBe(410);
    // Its name is free.
    expect((await begin('P0', newSet('withdrawn'))).status).toBe(200);
    await expect(P0.jobs.parts!.data.keys(set.data.digest)).rejects.toThrow('key.sealed: cannot be read');
  });

  it('that a crash interrupted is finished at the next start', async () => {
    const set = newSet('half-withdrawn');
    await upload(set);
    const { P0 } = all.parties;
    P0.jobs.onWithdrawn = () => Promise.reject(new Error('crash'));
    const signed = signedWithdrawal(owner, 'data', set.data.digest, all.federation.id);
    expect((await withdraw('P0', owner, signed)).status).toBe(500);
    P0.jobs.onWithdrawn = () => Promise.resolve();
    await P0.stop();
    await P0.start();
    expect(readdirSync(join(P0.folder, 'state', 'data', set.data.digest))).toEqual(['record.json']);
  });

  it('is its owner’s', async () => {
    const set = newSet('not-yours');
    await upload(set);
    const theirs = signedWithdrawal(other, 'data', set.data.digest, all.federation.id);
    expect((await withdraw('P0', other, theirs)).status).toBe(403);
    const mine = signedWithdrawal(owner, 'data', set.data.digest, all.federation.id);
    expect((await withdraw('P0', other, mine)).status).toBe(403);
    const forged = { ...theirs, by: mine.by };
    expect((await withdraw('P0', owner, forged)).status).toBe(400);
    expect(
      (await withdraw('P0', owner, { ...mine, document: { ...mine.document, digest: '0'.repeat(64) } })).status,
    ).toBe(400);
    const nothing = signedWithdrawal(owner, 'data', '0'.repeat(64), all.federation.id);
    expect((await withdraw('P0', owner, nothing)).status).toBe(404);
    expect(all.parties.P0.jobs.parts!.data.find(set.data.digest)?.state).toBe('complete');
  });
});

describe('what is at rest', () => {
  it('holds no key and no value, in no file of any party, and no line of a log', async () => {
    const set = newSet('at-rest');
    await upload(set);
    const { content, masks } = set.keysOf('P0');
    const secrets = [
      content!,
      ...masks,
      ...set.keysOf('P1').masks,
      ...PARTS.map((part) => set.opened[part].subarray(8, 24)),
    ];
    for (const role of ROLES) {
      const { folder, log } = all.parties[role];
      for (const each of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!each.isFile()) continue;
        const bytes = readFileSync(join(each.parentPath, each.name));
        for (const secret of secrets) expect(bytes.includes(Buffer.from(secret))).toBe(false);
      }
      for (const secret of secrets) {
        for (const encoding of ['hex', 'base64'] as const)
          expect(log).not.toContain(Buffer.from(secret).toString(encoding));
      }
    }
  });

  it('tells in the audit log what happened, in that order', async () => {
    const set = newSet('audited');
    const receipts = await upload(set);
    await hand('P0', set, receipts);
    const { P0 } = all.parties;
    const signed = signDocument(
      { ...signedWithdrawal(owner, 'data', set.data.digest, all.federation.id).document },
      owner,
    );
    await ask(P0, owner, { method: 'POST', path: '/v1/withdrawals', body: signed });
    const lines = readFileSync(join(P0.folder, 'audit.log'), 'utf8').trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { event: string; facts: Record<string, unknown> });
    const mine = events.filter(({ facts }) => facts.data === set.data.digest);
    expect(mine.map(({ event }) => event)).toEqual(['data begun', 'data complete', 'data ready', 'data withdrawn']);
    expect(mine[0].facts).toEqual({ data: set.data.digest, owner: owner.id, name: 'audited' });
  });
});
