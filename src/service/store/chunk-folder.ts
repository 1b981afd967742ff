/** The chunks of one data set at P0 or P1: which are here, how others come in, and whether all together are what the document says. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { syncFolder } from '../../data/atomic-write.ts';
import { chunkBytes, chunksOf, PARTS, type DataKeys, type Part } from '../../federation/chunks.ts';
import { digestOfChunks, openChunk } from '../../federation/chunk-cipher.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { DataDocument } from '../../federation/documents.ts';
import { Refusal } from '../refusal.ts';
import { storeChunk } from './chunk-upload.ts';
import { chunkFile, chunkOf } from './data-record.ts';
import type { StoreFiles } from './store-files.ts';

export interface ChunkFolderOptions {
  readonly folder: string;
  readonly digest: Digest;
  readonly document: DataDocument;
  /** Files in it. */
  readonly names: readonly string[];
  readonly files: StoreFiles;
}

export interface ComingChunk {
  readonly part: Part;
  readonly number: number;
  /** SHA-256 of the body, as it was signed. */
  readonly bodyDigest: string;
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Ends the connection: the same chunk comes over another one. */
  readonly end: () => void;
  readonly keys: () => Promise<DataKeys>;
}

export class ChunkFolder {
  readonly #options: ChunkFolderOptions;
  readonly #here: Readonly<Record<Part, Set<number>>> = { images: new Set(), labels: new Set() };
  /** SHA-256 of the plaintext of those that came in this process's life, by file. */
  readonly #digests: Map<string, Buffer> = new Map();
  readonly #coming: Map<string, { readonly end: () => void; readonly done: Promise<unknown> }> = new Map();
  #discarded = false;

  constructor(options: ChunkFolderOptions) {
    this.#options = options;
    for (const name of options.names) {
      const chunk = chunkOf(name);
      if (chunk !== undefined) this.#here[chunk.part].add(chunk.number);
    }
  }

  has(part: Part): readonly number[] {
    return [...this.#here[part]].sort((a, b) => a - b);
  }

  get isBusy(): boolean {
    return this.#coming.size > 0;
  }

  /** Plaintext bytes that are here. */
  get bytes(): number {
    let sum = 0;
    for (const part of PARTS) {
      for (const number of this.#here[part]) sum += chunkBytes(this.#options.document, part, number);
    }
    return sum;
  }

  /** On the disk when this resolves. One that is here already is not read; one that comes over another connection, too, ends that. */
  async receive(chunk: ComingChunk): Promise<void> {
    const { part, number, end } = chunk;
    const { document } = this.#options;
    if (chunkBytes(document, part, number) === 0) {
      throw new Refusal(404, `${part} of this data set have no chunk ${number}`, 'see its document');
    }
    const file = chunkFile(part, number);
    for (let earlier = this.#coming.get(file); earlier !== undefined; earlier = this.#coming.get(file)) {
      earlier.end();
      await earlier.done;
    }
    if (this.#discarded) throw new Refusal(410, 'the data set is withdrawn', 'upload it anew, with a new document');
    if (this.#here[part].has(number)) return;
    const coming = this.#store(chunk, file);
    const done = coming.catch(() => undefined);
    this.#coming.set(file, { end, done });
    void done.then(() => this.#coming.delete(file));
    await coming;
  }

  async #store({ part, number, bodyDigest, pieces, keys }: ComingChunk, file: string): Promise<void> {
    const { folder, digest, document, files } = this.#options;
    const { content } = await keys();
    if (content === undefined) throw new Refusal(404, 'P2 stores no chunks', 'send them to P0 and P1');
    const bytes = chunkBytes(document, part, number);
    const incoming = { contentKey: content, place: { data: digest, part, number }, bytes, bodyDigest, pieces };
    this.#digests.set(file, await storeChunk(join(folder, file), incoming, files));
    this.#here[part].add(number);
  }

  /** All chunks are here and their digests those of the document; throws a Refusal. A part that is not is dropped. */
  async check(keys: () => Promise<DataKeys>): Promise<void> {
    const { document } = this.#options;
    for (const part of PARTS) {
      const missing = chunksOf(document, part) - this.#here[part].size;
      if (missing > 0) throw new Refusal(409, `${missing} chunks of ${part} are missing`, 'send what is missing');
    }
    const { content } = await keys();
    for (const part of PARTS) {
      const digests: Buffer[] = [];
      for (let number = 0; number < chunksOf(document, part); number++) {
        digests.push(await this.#digestOf(content!, part, number));
      }
      if (digestOfChunks(content!, digests) === document.opened[part]) continue;
      await this.#drop(part);
      throw new Refusal(422, `E of the ${part} has not the digest that the document names`, 'send these chunks again');
    }
    this.#digests.clear();
  }

  async discard(): Promise<void> {
    this.#discarded = true;
    for (const { end } of this.#coming.values()) end();
    await Promise.all([...this.#coming.values()].map(({ done }) => done));
    for (const part of PARTS) await this.#drop(part);
  }

  async #digestOf(contentKey: Uint8Array, part: Part, number: number): Promise<Buffer> {
    const { folder, digest, files } = this.#options;
    const file = chunkFile(part, number);
    const known = this.#digests.get(file);
    if (known !== undefined) return known;
    const plaintext = openChunk(contentKey, { data: digest, part, number }, await files.readFile(join(folder, file)));
    if (plaintext !== undefined) return createHash('sha256').update(plaintext).digest();
    // The disk has changed it: the owner sends it again.
    await files.rm(join(folder, file), { force: true });
    this.#here[part].delete(number);
    throw new Refusal(409, `chunk ${number} of ${part} was damaged on the disk of this party`, 'send what is missing');
  }

  async #drop(part: Part): Promise<void> {
    const { folder, files } = this.#options;
    for (const number of [...this.#here[part]]) {
      const file = chunkFile(part, number);
      await files.rm(join(folder, file), { force: true });
      this.#here[part].delete(number);
      this.#digests.delete(file);
    }
    await syncFolder(folder, files);
  }
}
