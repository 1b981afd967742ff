/** Signed documents for tests, and a data set as its owner would upload it. */
import { createHash, randomBytes } from 'node:crypto';
import {
  CHUNK_BYTES,
  chunkBytes,
  chunksOf,
  maskCommitment,
  openedBytes,
  PARTS,
  type DataKeys,
  type Part,
} from '../../src/federation/chunks.ts';
import { digestOfChunks, sealChunk } from '../../src/federation/chunk-cipher.ts';
import {
  dataDocument,
  decisionDocument,
  grantDocument,
  receiptDocument,
  withdrawalDocument,
  type DataDocument,
  type DecisionDocument,
  type GrantDocument,
  type ReceiptDocument,
  type WithdrawalDocument,
} from '../../src/federation/documents.ts';
import type { Identity } from '../../src/federation/identity.ts';
import { signDocument, type Signed } from '../../src/federation/signed.ts';
import type { PartyName } from '../../src/server/ipc.ts';
import type { Received } from '../../src/service/jobs-api.ts';
import { receive } from '../../src/service/received.ts';

export const FEDERATION: string = 'fe'.repeat(32);
const AT = '2026-01-31T12:00:00.000Z';

export interface OwnedSet {
  readonly owner: Identity;
  readonly signed: Signed<DataDocument>;
  readonly data: Received<DataDocument>;
  readonly opened: Readonly<Record<Part, Buffer>>;
  keysOf(party: PartyName): DataKeys;
  /** As it is uploaded. */
  chunk(part: Part, number: number): Buffer;
}

export type SetSizes = Pick<DataDocument, 'images' | 'rows' | 'columns' | 'channels' | 'classes'>;
export const SMALL: SetSizes = { images: 6, rows: 4, columns: 4, channels: 1, classes: 4 };

export interface SetOptions {
  readonly name?: string;
  readonly sizes?: SetSizes;
  /** What the document says instead. */
  readonly claimed?: Partial<SetSizes>;
  readonly federation?: string;
}

export function ownedSet(
  owner: Identity,
  { name = 'scans', sizes = SMALL, claimed = {}, federation = FEDERATION }: SetOptions = {},
): OwnedSet {
  const [content, U0, U1] = [randomBytes(32), randomBytes(16), randomBytes(16)].map((each) => new Uint8Array(each));
  const opened = {
    images: randomBytes(openedBytes(sizes, 'images')),
    labels: randomBytes(openedBytes(sizes, 'labels')),
  };
  const plaintext = (part: Part, number: number): Buffer =>
    opened[part].subarray(number * CHUNK_BYTES, number * CHUNK_BYTES + chunkBytes(sizes, part, number));
  const [images, labels] = PARTS.map((part) =>
    digestOfChunks(
      content,
      Array.from({ length: chunksOf(sizes, part) }, (_, number) =>
        createHash('sha256').update(plaintext(part, number)).digest(),
      ),
    ),
  );
  const document: DataDocument = {
    ...{ securenn: 'data', federation, name, ...sizes, ...claimed, fractionBits: 13, opened: { images, labels } },
    ...{ masks: { P0: maskCommitment(U0), P1: maskCommitment(U1) }, created: new Date().toISOString() },
  };
  const signed = signDocument(document, owner);
  const data = receive(dataDocument, 'data', signed, federation);
  return {
    ...{ owner, signed, data, opened },
    keysOf: (party) => (party === 'P2' ? { masks: [U0, U1] } : { content, masks: [party === 'P0' ? U0 : U1] }),
    chunk: (part, number) => sealChunk(content, { data: data.digest, part, number }, plaintext(part, number)),
  };
}

export function signedGrant(owner: Identity, change: Partial<GrantDocument> = {}): Signed<GrantDocument> {
  const reveal = { model: true, loss: true, counts: 'total' } as const;
  return signDocument<GrantDocument>(
    {
      ...{ securenn: 'grant', federation: FEDERATION, data: ['da'.repeat(32)], analyst: 'aa'.repeat(16) },
      ...{ networks: 'any', reveal, keepModel: true, maxRuns: 2, until: '2099-01-01T00:00:00.000Z' },
      ...{ nonce: randomBytes(16).toString('hex'), ...change },
    },
    owner,
  );
}

export function signedDecision(owner: Identity, change: Partial<DecisionDocument> = {}): Signed<DecisionDocument> {
  const document: DecisionDocument = {
    ...{ securenn: 'decision', federation: FEDERATION, job: '70'.repeat(32), approve: true, at: AT, ...change },
  };
  return signDocument(document, owner);
}

export function signedReceipt(
  party: Identity,
  name: PartyName,
  data: string,
  federation: string = FEDERATION,
): Signed<ReceiptDocument> {
  return signDocument<ReceiptDocument>({ securenn: 'receipt', federation, data, party: name }, party);
}

export function signedWithdrawal(
  owner: Identity,
  what: 'grant' | 'data',
  digest: string,
  federation: string = FEDERATION,
): Signed<WithdrawalDocument> {
  return signDocument<WithdrawalDocument>({ securenn: 'withdrawal', federation, what, digest, at: AT }, owner);
}

export const receivedGrant = (signed: unknown): Received<GrantDocument> =>
  receive(grantDocument, 'grant', signed, FEDERATION);
export const receivedDecision = (signed: unknown): Received<DecisionDocument> =>
  receive(decisionDocument, 'decision', signed, FEDERATION);
export const receivedReceipt = (signed: unknown): Received<ReceiptDocument> =>
  receive(receiptDocument, 'receipt', signed, FEDERATION);
export const receivedWithdrawal = (signed: unknown): Received<WithdrawalDocument> =>
  receive(withdrawalDocument, 'withdrawal', signed, FEDERATION);

/** Bytes as a connection brings them. */
export async function* pieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) {
    await Promise.resolve();
    yield bytes.subarray(from, from + size);
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
