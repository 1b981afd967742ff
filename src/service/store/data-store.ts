/**
 * Data sets: `DIGEST/record.json`, `key.sealed` (content and mask keys under the party's storage key) and a file for each chunk, as it came. A folder
 * without a record is an upload that never began. States only go forward: uploading → complete → ready → withdrawn.
 */
import { timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { faultOf, syncFolder, writeFileAtomically } from '../../data/atomic-write.ts';
import { Problem } from '../../data/problem.ts';
import type { Vault } from '../../data/vault.ts';
import { maskCommitment, openedBytes, packKeys, PARTS, unpackKeys, type DataKeys } from '../../federation/chunks.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { Id } from '../../federation/public-identity.ts';
import type { DataDocument, ReceiptDocument, WithdrawalDocument } from '../../federation/documents.ts';
import type { PartyName } from '../../server/ipc.ts';
import type { Audit, DataSets, Received, StoredData } from '../jobs-api.ts';
import { Refusal } from '../refusal.ts';
import { ChunkFolder } from './chunk-folder.ts';
import { formatData, parseData, type DataRecord } from './data-record.ts';
import { encode, readRecord } from './records.ts';
import { dataPurpose } from './sealed-files.ts';
import { Serial } from './serial.ts';
import { DISK, openFolder, removeFolder, type StoreFiles } from './store-files.ts';

export interface DataStoreOptions {
  readonly folder: string;
  readonly party: PartyName;
  readonly vault: Vault;
  /** Unfinished data sets of one owner. */
  readonly uploadsPerOwner: number;
  /** Bytes that data may still take on the disk. */
  readonly room: () => Promise<number>;
  readonly audit: Audit;
  /** Whose key it is, where members may have had several. */
  readonly holder?: ((id: Id) => Id) | undefined;
  readonly now?: (() => number) | undefined;
  readonly files?: StoreFiles | undefined;
}

/** Of one owner, withdrawn ones included: a record each for good. */
const MAX_SETS_OF_ONE = 10_000;
const RECORD = 'record.json';
const KEY = 'key.sealed';

interface Entry {
  record: DataRecord;
  readonly chunks: ChunkFolder;
  /** When something last came. */
  touched: number;
}

/** What an owner is told of its upload. */
export interface UploadView {
  readonly digest: Digest;
  readonly state: DataRecord['state'];
  readonly have: { readonly images: readonly number[]; readonly labels: readonly number[] };
}

export class DataStore implements DataSets {
  readonly #options: DataStoreOptions;
  readonly #files: StoreFiles;
  readonly #now: () => number;
  readonly #entries: Map<Digest, Entry> = new Map();
  readonly #serial: Serial = new Serial();

  private constructor(options: DataStoreOptions) {
    this.#options = options;
    this.#files = options.files ?? DISK;
    this.#now = options.now ?? Date.now;
  }

  /** Finishes what a crash left: uploads that never began and what is left of withdrawn sets go. */
  static async open(options: DataStoreOptions): Promise<DataStore> {
    const store = new DataStore(options);
    for (const name of await openFolder(options.folder, store.#files)) {
      if (/^[0-9a-f]{64}$/.test(name)) await store.#load(name);
    }
    return store;
  }

  find(data: Digest): StoredData | undefined {
    const entry = this.#entries.get(data);
    return entry && this.#stored(entry);
  }

  *all(): Iterable<StoredData> {
    for (const entry of this.#entries.values()) yield this.#stored(entry);
  }

  view(data: Digest): UploadView {
    const { record, chunks } = this.#entry(data);
    return { digest: data, state: record.state, have: { images: chunks.has('images'), labels: chunks.has('labels') } };
  }

  async keys(data: Digest): Promise<DataKeys> {
    const path = join(this.#folderOf(data), KEY);
    const sealed = await this.#files.readFile(path).catch((error: unknown) => {
      throw new Problem(`${path}: cannot be read: ${faultOf(error)}`, 'restore it from a backup', { cause: error });
    });
    const keys = unpackKeys(this.#options.party, this.#options.vault.open(dataPurpose(data), sealed, path));
    if (keys === undefined) {
      throw new Problem(`${path}: holds no keys of ${this.#options.party}`, 'restore it from a backup');
    }
    return keys;
  }

  /** Begins an upload, or goes on with one. */
  begin(data: Received<DataDocument>, keys: DataKeys): Promise<UploadView> {
    // One at a time of an owner: names and counts are its own.
    return this.#serial.run(`owner ${this.#holder(data.author)}`, async () => {
      checkCommitments(this.#options.party, data.document, keys);
      const entry = this.#entries.get(data.digest);
      if (entry === undefined) await this.#create(data, keys);
      else await this.#checkSame(entry, keys);
      return this.view(data.digest);
    });
  }

  async receiveChunk(data: Digest, chunk: Omit<Parameters<ChunkFolder['receive']>[0], 'keys'>): Promise<void> {
    const entry = this.#entry(data);
    if (entry.record.state !== 'uploading') {
      if (entry.record.state === 'withdrawn') throw withdrawn();
      return; // All is here: sent again because an answer was lost.
    }
    entry.touched = this.#now();
    await entry.chunks.receive({ ...chunk, keys: () => this.keys(data) });
    entry.touched = this.#now();
  }

  /** All of it has come and is what the document says: on the disk when this resolves. */
  complete(data: Digest): Promise<void> {
    return this.#change(data, async (record, entry) => {
      if (record.state === 'withdrawn') throw withdrawn();
      if (record.state !== 'uploading') return record;
      if (this.#options.party !== 'P2') await entry.chunks.check(() => this.keys(data));
      return { ...record, state: 'complete' };
    });
  }

  /** All three parties have it; their receipts have been checked. */
  ready(data: Digest, receipts: readonly Received<ReceiptDocument>[]): Promise<void> {
    return this.#change(data, (record) => {
      if (record.state === 'withdrawn') throw withdrawn();
      if (record.state === 'uploading') {
        throw new Refusal(409, 'this party does not have the whole data set', 'complete the upload');
      }
      return Promise.resolve(record.state === 'ready' ? record : { ...record, state: 'ready', receipts });
    });
  }

  /** No job can begin to use it from here on. Its author's signature has been checked. */
  withdraw(withdrawal: Received<WithdrawalDocument>): Promise<void> {
    return this.#change(withdrawal.document.digest, (record) =>
      Promise.resolve(record.state === 'withdrawn' ? record : { ...record, state: 'withdrawn', withdrawal }),
    );
  }

  /** Removes keys and chunks of a withdrawn set, when no process reads them any more. */
  async discard(data: Digest): Promise<void> {
    await this.#serial.run(data, async () => {
      const { record, chunks } = this.#entry(data);
      if (record.state !== 'withdrawn') throw new RangeError('only what is withdrawn is discarded');
      // The key first: without it chunks are noise, wherever the disk still has them.
      await this.#files.rm(join(this.#folderOf(data), KEY), { force: true });
      await syncFolder(this.#folderOf(data), this.#files);
      await chunks.discard();
    });
  }

  /** Removes uploads to which nothing has come for so long. @returns their documents */
  async sweep(idleMs: number): Promise<Received<DataDocument>[]> {
    const removed: Received<DataDocument>[] = [];
    for (const [digest, entry] of [...this.#entries]) {
      await this.#serial.run(digest, async () => {
        const { state, data } = entry.record;
        if ((state !== 'uploading' && state !== 'complete') || entry.chunks.isBusy) return;
        if (this.#now() - entry.touched < idleMs) return;
        await this.#audit('data abandoned', data);
        await removeFolder(this.#folderOf(digest), this.#files);
        this.#entries.delete(digest);
        removed.push(data);
      });
    }
    return removed;
  }

  /** How many sets are in each state, and bytes of chunks on the disk. */
  counts(): Readonly<Record<DataRecord['state'], number>> & { readonly bytes: number } {
    const counts = { uploading: 0, complete: 0, ready: 0, withdrawn: 0, bytes: 0 };
    for (const { record, chunks } of this.#entries.values()) {
      counts[record.state]++;
      counts.bytes += chunks.bytes;
    }
    return counts;
  }

  async #load(digest: Digest): Promise<void> {
    const folder = this.#folderOf(digest);
    const names = await openFolder(folder, this.#files);
    if (!names.includes(RECORD)) return removeFolder(folder, this.#files);
    const record = await readRecord(join(folder, RECORD), { parse: parseData }, digest, this.#files);
    const { mtimeMs } = await this.#files.stat(folder);
    const chunks = new ChunkFolder({ folder, digest, document: record.data.document, names, files: this.#files });
    this.#entries.set(digest, { record, chunks, touched: mtimeMs });
    if (record.state === 'withdrawn') await this.discard(digest);
  }

  async #create(data: Received<DataDocument>, keys: DataKeys): Promise<void> {
    await this.#checkRoom(data);
    const { digest, document } = data;
    const folder = this.#folderOf(digest);
    const record: DataRecord = { data, state: 'uploading', receipts: [], withdrawal: undefined };
    const sealed = this.#options.vault.seal(dataPurpose(digest), packKeys(keys));
    await writeFileAtomically(join(folder, KEY), sealed, 'private', this.#files);
    await this.#write(record, 'data begun');
    const chunks = new ChunkFolder({ folder, digest, document, names: [], files: this.#files });
    this.#entries.set(digest, { record, chunks, touched: this.#now() });
  }

  async #checkRoom({ author, document }: Received<DataDocument>): Promise<void> {
    let [sets, unfinished, outstanding] = [0, 0, 0];
    for (const { record, chunks } of this.#entries.values()) {
      const { state, data } = record;
      if (state === 'uploading') outstanding += this.#bytesOf(data.document) - chunks.bytes;
      if (this.#holder(data.author) !== this.#holder(author)) continue;
      sets++;
      if (state === 'uploading') unfinished++;
      if (state !== 'withdrawn' && data.document.name === document.name) {
        const fix = `delete it first (securenn data delete ${document.name}), or give this one another name`;
        throw new Refusal(409, `you have another data set called ${document.name} here`, fix);
      }
    }
    if (unfinished >= this.#options.uploadsPerOwner) {
      throw new Refusal(429, `${unfinished} of your uploads are unfinished`, 'complete or delete one of them');
    }
    if (sets >= MAX_SETS_OF_ONE) {
      throw new Refusal(429, `you have stored ${sets} data sets here`, 'ask the operator of this party');
    }
    const needed = this.#bytesOf(document);
    if (needed + outstanding > (await this.#options.room())) {
      const what = `no room for ${megabytes(needed)} on the disk of ${this.#options.party}`;
      throw new Refusal(507, what, 'ask its operator for room, or upload fewer images');
    }
  }

  /** P2 stores no values. */
  #bytesOf(document: DataDocument): number {
    if (this.#options.party === 'P2') return 0;
    return PARTS.reduce((sum, part) => sum + openedBytes(document, part), 0);
  }

  async #checkSame({ record }: Entry, keys: DataKeys): Promise<void> {
    if (record.state === 'withdrawn') throw withdrawn();
    const [given, kept] = [packKeys(keys), packKeys(await this.keys(record.data.digest))];
    if (given.length === kept.length && timingSafeEqual(given, kept)) return;
    const fix = `delete it (securenn data delete ${record.data.document.name}), then upload it anew`;
    throw new Refusal(409, 'this upload began under other keys', fix);
  }

  #change(data: Digest, change: (record: DataRecord, entry: Entry) => Promise<DataRecord>): Promise<void> {
    return this.#serial.run(data, async () => {
      const entry = this.#entry(data);
      const after = await change(entry.record, entry);
      if (after === entry.record) return;
      await this.#write(after, `data ${after.state}`);
      entry.record = after;
      entry.touched = this.#now();
    });
  }

  async #write(record: DataRecord, event: string): Promise<void> {
    await this.#audit(event, record.data);
    const path = join(this.#folderOf(record.data.digest), RECORD);
    await writeFileAtomically(path, encode(formatData(record)), 'private', this.#files);
  }

  #audit(event: string, { digest, author, document }: Received<DataDocument>): Promise<void> {
    return this.#options.audit.append(event, { data: digest, owner: author, name: document.name });
  }

  #stored({ record }: Entry): StoredData {
    return { data: record.data, state: record.state, folder: this.#folderOf(record.data.digest) };
  }

  #entry(data: Digest): Entry {
    const entry = this.#entries.get(data);
    if (entry === undefined) throw new Refusal(404, 'no such data set here', 'begin its upload');
    return entry;
  }

  #holder(id: Id): Id {
    return this.#options.holder?.(id) ?? id;
  }

  #folderOf(data: Digest): string {
    return join(this.#options.folder, data);
  }
}

function checkCommitments(party: PartyName, { masks }: DataDocument, keys: DataKeys): void {
  const named = party === 'P0' ? [masks.P0] : party === 'P1' ? [masks.P1] : [masks.P0, masks.P1];
  if (named.every((commitment, i) => maskCommitment(keys.masks[i]) === commitment)) return;
  throw new Refusal(422, `the mask keys are not those that the data document commits to`, 'make the document anew');
}

function withdrawn(): Refusal {
  return new Refusal(410, 'the data set is withdrawn', 'upload it anew, with a new document');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
