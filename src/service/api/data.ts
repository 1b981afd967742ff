/** Data sets: an upload in chunks that can be resumed, receipts, lists, withdrawals. */
import type { Hono } from 'hono';
import * as z from 'zod';
import { CHUNK_BYTES, openedBytes, PARTS, TAG_BYTES, unpackKeys, type Part } from '../../federation/chunks.ts';
import {
  dataDocument,
  receiptDocument,
  withdrawalDocument,
  type ReceiptDocument,
  type WithdrawalDocument,
} from '../../federation/documents.ts';
import { signDocument } from '../../federation/signed.ts';
import { PARTY_NAMES } from '../../server/ipc.ts';
import { ignoreBody, lengthOf, piecesOf } from '../http/body.ts';
import type { Received, StoredData } from '../jobs-api.ts';
import { receive } from '../received.ts';
import { Refusal } from '../refusal.ts';
import type { ApiContext, Call, Env } from './context.ts';
import { checkAuthor, checkRight, digestIn, readDocument, readJson, wholeNumber } from './reading.ts';

const begun = z.strictObject({ signed: z.unknown(), key: z.base64().max(1024) });
const three = z.strictObject({ receipts: z.array(z.unknown()).length(3) });

export function dataRoutes(app: Hono<Env>, context: ApiContext): void {
  app.post('/v1/data', (call) => begin(call, context));
  for (const part of PARTS) app.put(`/v1/data/:data/${part}/:number`, (call) => takeChunk(call, context, part));
  app.post('/v1/data/:data/complete', (call) => complete(call, context));
  app.post('/v1/data/:data/receipts', (call) => takeReceipts(call, context));
  app.get('/v1/data', (call) => call.json({ data: [...context.data.all()].map(shown) }));
  app.get('/v1/data/:data', (call) => {
    const stored = context.data.find(digestIn(call, 'data'));
    if (stored === undefined) throw new Refusal(404, 'no such data set here', 'see the list');
    return call.json({ ...shown(stored), have: context.data.view(stored.data.digest).have });
  });
  app.post('/v1/withdrawals', (call) => withdraw(call, context));
}

async function begin(call: Call, context: ApiContext): Promise<Response> {
  const body = begun.safeParse(await readJson(call, context));
  if (!body.success) throw new Refusal(400, 'expected {signed, key}', 'see that program and party fit together');
  const received = receive(dataDocument, 'data', body.data.signed, context.federation);
  const data = checkAuthor(call, context, received, 'owner');
  const sealed = new Uint8Array(Buffer.from(body.data.key, 'base64'));
  const opened = await context.openSealed(`data ${data.digest}`, sealed);
  const keys = opened && unpackKeys(context.party, opened.bytes);
  if (keys === undefined) {
    const fix = 'see that the federation file is the newest one: the keys are sealed to the identities in it';
    throw new Refusal(422, `the keys are not sealed to ${context.party} for this data set`, fix);
  }
  return call.json(await context.data.begin(data, keys));
}

async function takeChunk(call: Call, context: ApiContext, part: Part): Promise<Response> {
  const { incoming } = call.env;
  const stored = own(call, context);
  const number = wholeNumber(call.req.param('number'), 'the number of the chunk');
  const length = lengthOf(incoming, CHUNK_BYTES + TAG_BYTES);
  await context.data.receiveChunk(stored.data.digest, {
    ...{ part, number, bodyDigest: call.get('bodyDigest'), pieces: piecesOf(incoming) },
    end: () => void incoming.destroy(),
  });
  ignoreBody(incoming);
  context.onUploaded(length ?? 0);
  return call.body(null, 204);
}

async function complete(call: Call, context: ApiContext): Promise<Response> {
  const { digest } = own(call, context).data;
  await context.data.complete(digest);
  const { federation, party, identity } = context;
  const receipt: ReceiptDocument = { securenn: 'receipt', federation, data: digest, party };
  return call.json({ receipt: signDocument(receipt, identity()) });
}

async function takeReceipts(call: Call, context: ApiContext): Promise<Response> {
  const { digest } = own(call, context).data;
  const body = three.safeParse(await readJson(call, context));
  if (!body.success) throw new Refusal(400, 'expected {receipts}, one of each party', 'send the three receipts');
  const receipts = body.data.receipts.map((each) => receive(receiptDocument, 'receipt', each, context.federation));
  for (const party of PARTY_NAMES) {
    const found = receipts.find(({ document }) => document.party === party && document.data === digest);
    const signer = found && context.directory.find(found.author);
    if (found === undefined || signer === undefined || signer === 'revoked' || signer.party !== party) {
      const fix = `let ${party} complete the upload, and send its receipt`;
      throw new Refusal(422, `no receipt of ${party} for this data set`, fix);
    }
  }
  await context.data.ready(digest, receipts);
  context.jobs.reconsider();
  return call.json({ digest, state: 'ready' });
}

async function withdraw(call: Call, context: ApiContext): Promise<Response> {
  const withdrawal = await readDocument(call, context, withdrawalDocument, 'withdrawal', undefined);
  const { what, digest } = withdrawal.document;
  const { data, grants, jobs, directory } = context;
  const author = what === 'data' ? data.find(digest)?.data.author : grants.find(digest)?.grant.author;
  // Whose it is not learns no more than whether it is there, which everybody may know.
  if (author === undefined) throw new Refusal(404, `no such ${what === 'data' ? 'data set' : 'grant'} here`, SEE);
  if (directory.holder(author) !== directory.holder(withdrawal.author))
    throw new Refusal(403, 'it is not yours', 'only its owner can withdraw it');
  if (what === 'grant') {
    await grants.withdraw(withdrawal);
    jobs.reconsider();
    return call.json({ digest, models: [] });
  }
  return call.json({ digest, models: await takeBack(context, withdrawal) });
}

const SEE = 'see the list of what is here (securenn data list)';

/** Nothing begins with it any more, then nothing uses it any more, then it is gone. @returns models that were trained on it */
async function takeBack(
  { data, jobs }: ApiContext,
  withdrawal: Received<WithdrawalDocument>,
): Promise<readonly string[]> {
  const { digest } = withdrawal.document;
  await data.withdraw(withdrawal);
  const models = await jobs.withdrawn('data', digest);
  await data.discard(digest);
  return models;
}

/** Those of the path, which must be the asker's. */
function own(call: Call, { data, directory }: ApiContext): StoredData {
  const stored = data.find(digestIn(call, 'data'));
  const asker = call.get('asker');
  if (stored === undefined) throw new Refusal(404, 'no such data set here', 'begin its upload');
  if (directory.holder(stored.data.author) !== directory.holder(asker.id))
    throw new Refusal(403, 'the data set is not yours', 'send your own');
  checkRight(asker, 'owner');
  return stored;
}

function shown({ data, state }: StoredData): object {
  const { digest, signed, author, document } = data;
  const bytes = PARTS.reduce((sum, part) => sum + openedBytes(document, part), 0);
  return { digest, signed, owner: author, state, bytes };
}
