/** What a party keeps of a data set beside its chunks: `record.json`. */
import * as z from 'zod';
import type { Digest } from '../../federation/canonical.ts';
import type { Part } from '../../federation/chunks.ts';
import {
  dataDocument,
  receiptDocument,
  withdrawalDocument,
  type DataDocument,
  type ReceiptDocument,
  type WithdrawalDocument,
} from '../../federation/documents.ts';
import { DATA_STATES } from '../../federation/views.ts';
import type { DataState, Received } from '../jobs-api.ts';
import { receivedAgain } from '../received.ts';

export interface DataRecord {
  readonly data: Received<DataDocument>;
  readonly state: DataState;
  /** Of all three parties, once it is ready. */
  readonly receipts: readonly Received<ReceiptDocument>[];
  readonly withdrawal: Received<WithdrawalDocument> | undefined;
}

const record = z.strictObject({
  signed: z.unknown(),
  state: z.enum(DATA_STATES),
  receipts: z.array(z.unknown()).max(3),
  withdrawal: z.unknown().optional(),
});

export function parseData(json: unknown, digest: Digest): DataRecord {
  const { signed, state, receipts, withdrawal } = record.parse(json);
  const data = receivedAgain(dataDocument, 'data', signed);
  if (data.digest !== digest) throw new RangeError('its digest is not the name of its folder');
  return {
    data,
    state,
    receipts: receipts.map((each) => receivedAgain(receiptDocument, 'receipt', each)),
    withdrawal: withdrawal === undefined ? undefined : receivedAgain(withdrawalDocument, 'withdrawal', withdrawal),
  };
}

export function formatData({ data, state, receipts, withdrawal }: DataRecord): object {
  return { signed: data.signed, state, receipts: receipts.map(({ signed }) => signed), withdrawal: withdrawal?.signed };
}

export function chunkFile(part: Part, number: number): string {
  return `${part}-${String(number).padStart(5, '0')}.chunk`;
}

/** Undefined: no file of a chunk. */
export function chunkOf(file: string): { readonly part: Part; readonly number: number } | undefined {
  const found = /^(images|labels)-(\d{5,})\.chunk$/.exec(file);
  return found === null ? undefined : { part: found[1] as Part, number: Number(found[2]) };
}
