/** Requests made up, to a party as it is in service: every one is answered in words, or its connection ends; none is taken that should not be. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { chunkBytes, maskCommitment, packKeys, type Part } from '../../src/federation/chunks.ts';
import { digestOfChunks, sealChunk } from '../../src/federation/chunk-cipher.ts';
import { digestOf } from '../../src/federation/canonical.ts';
import { Identity } from '../../src/federation/identity.ts';
import { admit, writeMembers, type Member } from '../../src/federation/members.ts';
import { signRequest } from '../../src/federation/request.ts';
import { sealTo } from '../../src/federation/sealed.ts';
import { signDocument, type Document } from '../../src/federation/signed.ts';
import { createLog } from '../../src/server/log.ts';
import { openScheduler } from '../../src/service/open-jobs.ts';
import { PartyService } from '../../src/service/service.ts';
import { ServedFederation } from '../service/federation.ts';
import { DOCUMENTS } from './documents.ts';
import { changed, expect, fuzz, type Fuzz } from './fuzz.ts';
import { changes, edited, edits } from './mutations.ts';

const MANY = { perSecond: 1e6, burst: 1e6 };
const JOB = '70'.repeat(32);
const SIZES = { images: 40, rows: 4, columns: 4, channels: 1, classes: 4 };
const MEMBERS = 8;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** P0 of a federation, alone: the other two do not run. */
export async function servedParty(folder: string): Promise<{ fuzzes: readonly Fuzz[]; close: () => Promise<void> }> {
  const { federation, ports } = await ServedFederation.make(folder);
  const people = Array.from({ length: MEMBERS }, () => Identity.generate());
  const members = people.reduce<readonly Member[]>((before, identity, i) => {
    const card = { securenn: 'member-card', version: 1, name: `member-${i}`, identity: identity.public } as const;
    return admit(before, card, ['owner', 'analyst', 'client'], new Date());
  }, []);
  await writeMembers(join(folder, 'P0', 'members.json'), members);
  // Its clock runs ahead by a second a request: what it remembers of old ones it forgets.
  let asked = 0;
  const now = (): number => Date.now() + 1000 * asked;
  const quiet = { write: (): void => undefined };
  const service = await PartyService.open({
    ...{ folder: join(folder, 'P0'), log: createLog('P0', 'silent', quiet), writeLine: () => undefined, now },
    ...{ openJobs: openScheduler, onLost: () => undefined },
    door: { strangers: 1e6, strangersOfOneAddress: 1e6, strangerRequests: 1e9, rate: MANY, rateOfOneAddress: MANY },
  });
  const audience = federation.parties.P0.identity;
  const agent = new Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false });
  const port = ports.P0.listen;

  const send = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<Answer | 'ended'> => {
    const call = httpsRequest({ agent, host: '127.0.0.1', port, method, path, headers, rejectUnauthorized: false });
    const ended = new Promise<'ended'>((resolve) => call.on('error', () => resolve('ended')));
    const answered = once(call, 'response').then(async ([answer]) => {
      let text = '';
      for await (const part of (answer as IncomingMessage).setEncoding('utf8')) text += String(part);
      return { status: (answer as IncomingMessage).statusCode!, text };
    });
    answered.catch(() => undefined);
    call.end(body);
    return Promise.race([answered.catch(() => 'ended' as const), ended]);
  };
  const hello = (await send('GET', '/v1/hello', {}, new Uint8Array())) as Answer;
  const { instance } = JSON.parse(hello.text) as { readonly instance: string };

  const sign = (who: Identity, method: string, path: string, body: Uint8Array): string => {
    const bodyDigest = createHash('sha256').update(body).digest('hex');
    return signRequest(who, { method, path, bodyDigest, audience, instance, time: now() });
  };
  const ask = (who: Identity, method: string, path: string, body: Uint8Array): Promise<Answer | 'ended'> => {
    asked++;
    const headers = { authorization: sign(who, method, path, body), 'content-length': `${body.length}` };
    return send(method, path, headers, body);
  };

  /** In words for who asked, with nothing of this host; only a fault of the party's own is a 500, and there is none here. */
  const check = (answer: Answer | 'ended', allowed: (status: number) => boolean = () => true): void => {
    if (answer === 'ended') return;
    const { status, text } = answer;
    expect(status !== 500 && allowed(status), `status ${status}: ${text.slice(0, 300)}`);
    expect(!text.includes(folder) && !text.includes('    at '), `tells of its host: ${text.slice(0, 300)}`);
    if (status < 400 || text === '') return;
    const { error, fix } = JSON.parse(text) as { readonly error?: unknown; readonly fix?: unknown };
    expect(typeof error === 'string' && typeof fix === 'string', `no words: ${text.slice(0, 300)}`);
  };

  const [owner] = people;
  const [content, U0, U1] = [randomBytes(32), randomBytes(16), randomBytes(16)].map((each) => new Uint8Array(each));
  const plain = {
    images: randomBytes(chunkBytes(SIZES, 'images', 0)),
    labels: randomBytes(chunkBytes(SIZES, 'labels', 0)),
  };
  const digest = (part: Part): string => digestOfChunks(content, [createHash('sha256').update(plain[part]).digest()]);
  const document = {
    ...DOCUMENTS.data[1],
    ...SIZES,
    ...{ federation: federation.id, name: 'fuzzed', opened: { images: digest('images'), labels: digest('labels') } },
    masks: { P0: maskCommitment(U0), P1: maskCommitment(U1) },
  } as unknown as Document;
  const data = digestOf(document);
  const key = await sealTo(audience, `data ${data}`, packKeys({ content, masks: [U0] }));
  const begun = { signed: signDocument(document, owner), key: Buffer.from(key).toString('base64') };
  const first = (await ask(owner, 'POST', '/v1/data', Buffer.from(JSON.stringify(begun)))) as Answer;
  if (first.status !== 200) throw new Error(`no upload begins: ${first.text}`);

  const BODIES: Readonly<Record<string, object>> = {
    ...Object.fromEntries(
      Object.entries(DOCUMENTS).map(([kind, [, each]]) => [kind, { ...each, federation: federation.id }]),
    ),
    begun,
  };
  const POSTS = ['/v1/data', '/v1/withdrawals', '/v1/grants', '/v1/jobs', `/v1/jobs/${JOB}/decisions`].concat(
    [`/v1/jobs/${JOB}/cancel`, `/v1/data/${data}/complete`, `/v1/data/${data}/receipts`, '/v1/probe'],
    ['prepare', 'start', 'abort', 'outcome', 'settle', 'stop', 'state'].map((order) => `/v1/control/${order}`),
    [`/v1/sessions/${JOB}/inputs`],
  );
  const person = fc.constantFrom(...people);

  const bodies = fuzz(
    'bodies of signed requests',
    0.12,
    fc.tuple(
      person,
      fc.constantFrom(...POSTS),
      fc.constantFrom(...Object.keys(BODIES)),
      edits,
      edits,
      fc.option(changes),
    ),
    async ([who, path, kind, inside, outside, how]) => {
      const inner = edited(BODIES[kind], inside);
      const isDocument = typeof (inner as Partial<Document> | null)?.securenn === 'string';
      const json = edited(isDocument ? signDocument(inner as Document, who) : inner, outside);
      const text = Buffer.from(JSON.stringify(json) ?? '');
      check(await ask(who, 'POST', path, how === null ? text : changed(text, how)));
    },
  );

  const paths = fuzz(
    'paths and methods',
    0.06,
    fc.tuple(
      person,
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD'),
      fc.array(
        fc.oneof(
          fc.constantFrom('v1', 'data', 'jobs', 'models', data, JOB, '..', '%2e%2e', '%00', 'events?from=', 'results'),
          fc.webSegment(),
        ),
        { maxLength: 6 },
      ),
      fc.webQueryParameters(),
    ),
    async ([who, method, parts, query]) => {
      const path = `/${parts.join('/')}${query === '' ? '' : `?${query}`}`;
      check(await ask(who, method, path, new Uint8Array()));
    },
  );

  const chunks = fuzz(
    'chunks of an upload',
    0.07,
    fc.tuple(
      fc.constantFrom<Part>('images', 'labels'),
      fc.nat(2),
      changes,
      fc.boolean(),
      fc.constantFrom(owner, ...people),
    ),
    async ([part, number, how, honest, who]) => {
      const right = sealChunk(content, { data, part, number: 0 }, plain[part]);
      const wrong = changed(right, how);
      // The right bytes are never sent, so none may be taken.
      if (Buffer.from(wrong).equals(right)) return;
      asked++;
      const path = `/v1/data/${data}/${part}/${number}`;
      const headers = {
        authorization: sign(who, 'PUT', path, honest ? wrong : right),
        'content-length': `${wrong.length}`,
      };
      check(await send('PUT', path, headers, wrong), (status) => status >= 400);
    },
  );

  const headers = fuzz(
    'headers of requests',
    0.04,
    fc.tuple(
      person,
      fc.dictionary(fc.stringMatching(/^[a-z-]{1,30}$/), fc.stringMatching(/^[ -~]{0,200}$/), { maxKeys: 10 }),
      fc.option(changes),
    ),
    async ([who, others, how]) => {
      asked++;
      const signed = sign(who, 'GET', '/v1/status', new Uint8Array());
      const authorization =
        how === null
          ? signed
          : Buffer.from(changed(Buffer.from(signed), how))
              .toString('latin1')
              .replaceAll(/[^ -~]/g, '?');
      const { host, connection, expect: _expect, upgrade, ...rest } = others;
      const length = { 'transfer-encoding': 'identity', 'content-length': '0' };
      void [host, connection, _expect, upgrade];
      let answer: Answer | 'ended';
      try {
        answer = await send(
          'GET',
          '/v1/status',
          { ...rest, ...(how === null ? {} : length), authorization },
          new Uint8Array(),
        );
      } catch {
        return; // What Node does not send.
      }
      check(answer, (status) => status >= 400 || authorization === signed);
    },
  );

  const bytes = fuzz(
    'bytes after a handshake',
    0.01,
    fc.tuple(
      fc.constantFrom(
        '',
        'GET /v1/hello HTTP/1.1\r\nhost: a\r\n\r\n',
        'POST /v1/jobs HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n',
      ),
      fc.nat(5),
      fc.uint8Array({ maxLength: 300 }),
    ),
    async ([head, times, tail]) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => undefined).on('data', () => undefined);
      socket.end(Buffer.concat([Buffer.from(head.repeat(times)), tail]));
      await closed;
    },
  );

  return {
    fuzzes: [bodies, paths, chunks, headers, bytes],
    close: async () => {
      const { status } = (await ask(owner, 'GET', '/v1/status', new Uint8Array())) as Answer;
      agent.destroy();
      await service.close();
      expect(status === 200, `the party does not answer any more: ${status}`);
    },
  };
}
