/** An owner gives the parties a data set: begins, or goes on where an earlier try was stopped. */
import { Problem } from '../../data/problem.ts';
import { digestOf, type Digest } from '../../federation/canonical.ts';
import type { DataDocument } from '../../federation/documents.ts';
import { factsOf } from '../../federation/value-facts.ts';
import { signLater } from '../../federation/signed.ts';
import type { FederationClient } from './client.ts';
import { freshKeys, type LabelledSet, OpenedSet } from './sharing.ts';
import { Refused } from './transport.ts';
import { withdraw } from './owned.ts';
import { upload, type OnUpload } from './upload.ts';
import type { UploadKeeper } from './kept-upload.ts';

export interface PutOptions {
  /** Without the owner's name. */
  readonly name: string;
  readonly fractionBits: number;
  /** Forgets an upload of that name that was not ended. */
  readonly restart?: boolean | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
  readonly onPreparing?: ((done: number, total: number) => void) | undefined;
  readonly onUpload?: OnUpload | undefined;
}

export interface Put {
  readonly digest: Digest;
  readonly document: DataDocument;
  readonly bytes: number;
}

export async function putData(
  client: FederationClient,
  set: LabelledSet,
  state: UploadKeeper,
  { name, fractionBits, restart, onNote, onPreparing, onUpload }: PutOptions,
): Promise<Put> {
  if (restart === true) await forget(client, state);
  const kept = await state.read();
  const keys = kept?.keys ?? freshKeys(client.primitives);
  const opened = new OpenedSet(client.primitives, set, keys, kept?.document.fractionBits ?? fractionBits);
  const total = opened.bytes;
  let done = 0;
  const committed = await opened.commit(async (bytes) => {
    onPreparing?.((done += bytes), total);
    await turn();
  });
  const document: DataDocument = kept?.document ?? {
    securenn: 'data',
    federation: client.federation.id,
    name,
    ...opened.sizes,
    ...factsOf(set),
    fractionBits,
    ...committed,
    created: client.now().toISOString(),
  };
  if (kept === undefined) {
    // Twice at once: under two sets of keys, of which one would be forgotten.
    if (!(await state.write({ keys, document }))) {
      throw new Problem(
        `another upload of ${name} has begun meanwhile`,
        'let it end; if it was cut short, give the same data again to go on with it',
      );
    }
  } else {
    // The same keys never serve other data: the difference of two openings would be the difference of the data.
    if (!isSame(document, { ...opened.sizes, ...factsOf(set), ...committed })) {
      throw new Problem(
        `an upload of ${name} was begun on ${document.created.slice(0, 16).replace('T', ' ')} and not ended, with other data than this`,
        'give the same data again to go on with it; or add --restart to begin anew, under new keys',
      );
    }
    onNote?.(`going on with the upload that began on ${document.created.slice(0, 16).replace('T', ' ')}`);
  }
  const signed = await signLater(document, client.identity);
  // What no party has begun needs no going on with: its keys do not stay here.
  const onRefused = (): Promise<void> => (kept === undefined ? state.remove() : Promise.resolve());
  const digest = await upload(client, signed, opened, keys, onUpload, onRefused);
  await state.remove();
  return { digest, document, bytes: total };
}

/** Lets whatever else waits have its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** What the parties have of an upload that is given up they may drop: it stands under the same name. */
async function forget(client: FederationClient, state: UploadKeeper): Promise<void> {
  const kept = await state.read().catch(() => undefined);
  if (kept !== undefined) {
    const taken = await withdraw(client, 'data', digestOf(kept.document));
    for (const error of taken.failures.values()) {
      if (!(error instanceof Refused)) throw error; // One that refuses never had it.
    }
  }
  await state.remove();
}

function isSame(document: DataDocument, found: Partial<DataDocument>): boolean {
  return Object.entries(found).every(
    ([field, value]) => JSON.stringify(document[field as keyof DataDocument]) === JSON.stringify(value),
  );
}
