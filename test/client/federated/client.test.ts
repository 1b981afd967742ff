import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { statusAnswer } from '../../../src/client/federated/answers.ts';
import { Directory } from '../../../src/client/federated/directory.ts';
import { inferAt } from '../../../src/client/federated/inference.ts';
import { propose } from '../../../src/client/federated/jobs.ts';
import { giveGrant, listGrants, withdraw } from '../../../src/client/federated/owned.ts';
import { Unreachable } from '../../../src/client/federated/transport.ts';
import { PARTIES } from '../../../src/client/parties.ts';
import { pixelSource } from '../../../src/data/encode.ts';
import type { ServeDocument } from '../../../src/federation/documents.ts';
import { Identity } from '../../../src/federation/identity.ts';
import { FakeParties } from './fake-parties.ts';

describe('requests', () => {
  it('go on when a party begins a new life, and are never the same twice', async () => {
    const parties = new FakeParties();
    const client = parties.client(parties.admit('a'));
    const seen = new Set<string>();
    parties.before = (_, { headers }) => {
      if (headers.authorization === undefined) return;
      expect(seen.has(headers.authorization)).toBe(false);
      seen.add(headers.authorization);
    };
    for (let i = 0; i < 3; i++) {
      expect((await client.ask('P1', 'GET', '/v1/status', statusAnswer)).role).toBe('P1');
      parties.party.P1.restart();
    }
    expect(parties.party.P1.asked.length).toBe(3);
  });

  it('are tried again while patience lasts', async () => {
    const parties = new FakeParties();
    const client = parties.client(parties.admit('a'), [], 5000);
    parties.down.add('P0');
    setTimeout(() => parties.down.clear(), 300);
    expect((await client.ask('P0', 'GET', '/v1/status', statusAnswer)).role).toBe('P0');
    parties.down.add('P0');
    await expect(client.ask('P0', 'GET', '/v1/status', statusAnswer, { patienceMs: 100 })).rejects.toThrow(Unreachable);
  });

  it('that greet a party together do not fail because one of them is given up', async () => {
    const parties = new FakeParties();
    const client = parties.client(parties.admit('a'));
    const answer = parties.party.P0.answer.bind(parties.party.P0);
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    parties.party.P0.answer = async (request) => {
      if (request.path === '/v1/hello') await held;
      request.signal?.throwIfAborted();
      return answer(request);
    };
    const [one, other] = [new AbortController(), new AbortController()];
    const asked = [one, other].map(({ signal }) => client.until(signal).ask('P0', 'GET', '/v1/status', statusAnswer));
    one.abort(new Error('given up'));
    await expect(asked[0]).rejects.toThrow('given up');
    go();
    expect((await asked[1]).role).toBe('P0');
  });

  it('of a stranger are answered with what to do', async () => {
    const parties = new FakeParties();
    const stranger = parties.client(Identity.generate());
    await expect(stranger.ask('P0', 'GET', '/v1/status', statusAnswer)).rejects.toMatchObject({
      message: 'P0: not known here, or not signed as this party takes it',
      fix: expect.stringContaining('to admit you') as string,
      status: 401,
    });
  });

  it('are right with a clock that is wrong, which is told once', async () => {
    const parties = new FakeParties();
    parties.ahead = 600_000;
    const notes: string[] = [];
    const client = parties.client(parties.admit('a'), notes);
    for (const party of ['P0', 'P0', 'P1'] as const) await client.ask(party, 'GET', '/v1/status', statusAnswer);
    expect(notes.filter((note) => note.includes('P0'))).toHaveLength(1);
    expect(notes[0]).toContain('10 min behind that of P0');
    expect(Math.abs(client.now().getTime() - parties.now())).toBeLessThan(2000);
  });

  it('take no answer of another form, and no other version', async () => {
    const parties = new FakeParties();
    const client = parties.client(parties.admit('a'));
    await expect(client.ask('P2', 'GET', '/v1/status', z.object({ role: z.number() }))).rejects.toThrow(
      'P2: its answer to GET /v1/status is not what it should be: role:',
    );
    const answer = parties.party.P2.answer.bind(parties.party.P2);
    parties.party.P2.answer = async (request) => {
      if (request.path !== '/v1/hello') return answer(request);
      return { status: 200, body: new Uint8Array(Buffer.from('{"protocol":9,"instance":"x","time":1}')) };
    };
    const other = parties.client(parties.admit('b'));
    await expect(other.ask('P2', 'GET', '/v1/status', statusAnswer)).rejects.toMatchObject({
      message: 'P2 speaks version 9 of the interface, this program version 1',
      fix: 'bring this program up to date',
    });
  });

  it('never let a party write to the terminal', async () => {
    const parties = new FakeParties();
    const client = parties.client(parties.admit('a'));
    const answer = parties.party.P0.answer.bind(parties.party.P0);
    parties.party.P0.answer = async (request) => {
      if (request.path === '/v1/hello') return answer(request);
      const body = new Uint8Array(Buffer.from(JSON.stringify({ error: 'a\u001b[2Jb', fix: 'c\rd' })));
      return { status: 403, body };
    };
    await expect(client.ask('P0', 'GET', '/v1/status', statusAnswer)).rejects.toMatchObject({
      message: 'P0: a [2Jb',
      fix: 'c d',
    });
  });
});

describe('names', () => {
  it('are those that parties list; two of one name need an id', async () => {
    const parties = new FakeParties();
    const [a, b] = [parties.admit('lab'), parties.admit('lab')];
    const client = parties.client(parties.admit('me-too'));
    const directory = await Directory.of(client);
    expect(() => directory.find('lab', 'to')).toThrow('--to: the parties know 2 members by lab');
    expect(directory.find(a.id.slice(0, 10), 'to').id).toBe(a.id);
    expect(directory.find(b.id, 'to').id).toBe(b.id);
    expect(directory.find('me', 'to').id).toBe(client.id);
    expect(directory.find('P1', 'to').identity).toEqual(parties.party.P1.identity.public);
  });

  it('of keys that are not those of the id are not taken', async () => {
    const parties = new FakeParties();
    const victim = parties.admit('hospital');
    const thief = Identity.generate();
    parties.members.set('x', { id: victim.id, name: 'hospital', identity: thief.public });
    const directory = await Directory.of(parties.client(victim));
    expect(directory.find('hospital', 'receiver').identity).toEqual(victim.public);
  });
});

describe('grants', () => {
  it('are given, listed and withdrawn at all three', async () => {
    const parties = new FakeParties();
    const owner = parties.client(parties.admit('hospital'));
    const analyst = parties.admit('institute');
    const terms = {
      data: ['1'.repeat(64)],
      analyst: analyst.id,
      networks: 'any' as const,
      reveal: { model: false, loss: false, counts: 'total' as const },
      keepModel: false,
      maxRuns: 2,
      until: '2031-01-01T00:00:00.000Z',
    };
    const digest = await giveGrant(owner, terms);
    expect(await listGrants(owner)).toMatchObject([{ digest, owner: owner.id, withdrawn: false, document: terms }]);
    (await withdraw(owner, 'grant', digest)).all('it is withdrawn');
    for (const party of PARTIES) expect(parties.party[party].grants.get(digest)!.withdrawn).toBe(true);
  });
});

describe('inference', () => {
  function serving(parties: FakeParties, client: Identity, reveal: 'class' | 'scores'): ServeDocument {
    return {
      ...{ securenn: 'job', kind: 'serve', version: 1, federation: parties.federation.id, title: '' },
      network: { name: 'tiny', input: [4], layers: [{ type: 'dense', units: 10 }] },
      ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, model: '4'.repeat(64) },
      ...{ clients: [client.id], reveal, maxImages: 100, expires: '2031-01-01T00:00:00.000Z', nonce: '5'.repeat(32) },
    };
  }
  const pixels = pixelSource(Uint8Array.from([7, 1, 2, 3, 12, 4, 5, 6, 255, 0, 0, 0]), 16);

  it.each(['class', 'scores'] as const)('gives the %s to who asked, and each input keys of its own', async (reveal) => {
    const parties = new FakeParties();
    const identity = parties.admit('clinic');
    const client = parties.client(identity);
    const document = serving(parties, identity, reveal);
    const session = await propose(client, document);
    const [first, second] = [
      await inferAt(client, session, document, pixels),
      await inferAt(client, session, document, pixels),
    ];
    for (const { predictions, scores } of [first, second]) {
      expect(predictions).toEqual([7, 2, 5]);
      expect(scores?.length).toBe(reveal === 'scores' ? 30 : undefined);
    }
    const keys = [...parties.inputs]
      .filter(([name]) => name.endsWith('P2'))
      .map(([, input]) => Buffer.from(input.subarray(4)).toString('hex'));
    expect(new Set(keys.flatMap((each) => [each.slice(0, 32), each.slice(32)])).size).toBe(4);
    for (const [name, input] of parties.inputs) expect(input.length).toBe(name.endsWith('P2') ? 36 : 20 + 8 * 12);
  });

  it('names the party that fails, and takes no sum that is no class', async () => {
    const parties = new FakeParties();
    const identity = parties.admit('clinic');
    const client = parties.client(identity);
    const document = serving(parties, identity, 'class');
    const session = await propose(client, document);
    parties.answerOf = async (_, images, __, worker) =>
      Promise.resolve(new BigUint64Array(images).fill(worker === 'P0' ? 5n : 77n));
    await expect(inferAt(client, session, document, pixels)).rejects.toThrow('do not add up to a class');
    parties.down.add('P2');
    await expect(inferAt(client, session, document, pixels)).rejects.toThrow(/^P2 .* cannot be reached/);
  });
});
