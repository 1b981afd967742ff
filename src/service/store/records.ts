/**
 * Records of one kind: a folder with a JSON file for each, read whole at start and written whole at each change. What `put` has resolved is
 * on the disk; what a crash or a full disk kept from being written is as it was before.
 */
import { join } from 'node:path';
import { faultOf, syncFolder, writeFileAtomically } from '../../data/atomic-write.ts';
import { Problem } from '../../data/problem.ts';
import { Serial } from './serial.ts';
import { DISK, openFolder, type StoreFiles } from './store-files.ts';

const SUFFIX = '.json';
const NAME = /^[0-9a-z][0-9a-z._-]{0,127}$/;

export interface RecordsOptions<T> {
  readonly folder: string;
  /** Throws on what is no such record; `name` is that of the file. */
  readonly parse: (json: unknown, name: string) => T;
  /** JSON. */
  readonly format: (record: T) => unknown;
  readonly files?: StoreFiles | undefined;
}

export class Records<T> {
  readonly #options: RecordsOptions<T>;
  readonly #files: StoreFiles;
  readonly #records: Map<string, T> = new Map();
  readonly #serial: Serial = new Serial();

  private constructor(options: RecordsOptions<T>) {
    this.#options = options;
    this.#files = options.files ?? DISK;
  }

  /** Rejects with a Problem that names the file that cannot be read. */
  static async open<T>(options: RecordsOptions<T>): Promise<Records<T>> {
    const records = new Records(options);
    for (const file of await openFolder(options.folder, records.#files)) {
      if (!file.endsWith(SUFFIX)) continue;
      const name = file.slice(0, -SUFFIX.length);
      records.#records.set(name, await readRecord(join(options.folder, file), options, name, records.#files));
    }
    return records;
  }

  get size(): number {
    return this.#records.size;
  }

  get(name: string): T | undefined {
    return this.#records.get(name);
  }

  values(): IterableIterator<T> {
    return this.#records.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#records.entries();
  }

  /**
   * Makes or changes a record.
   * @param change what it is from now on; undefined: as it is. Throws to leave it.
   * @param before what comes first, where there is a change: a line in the audit log
   */
  update(
    name: string,
    change: (before: T | undefined) => T | undefined,
    before: (after: T) => Promise<void> = () => Promise.resolve(),
  ): Promise<T | undefined> {
    if (!NAME.test(name)) throw new RangeError(`a record cannot be called ${JSON.stringify(name)}`);
    return this.#serial.run(name, async () => {
      const present = this.#records.get(name);
      const after = change(present);
      if (after === undefined || after === present) return present;
      await before(after);
      await writeFileAtomically(this.#path(name), encode(this.#options.format(after)), 'private', this.#files);
      this.#records.set(name, after);
      return after;
    });
  }

  async put(name: string, record: T): Promise<void> {
    await this.update(name, () => record);
  }

  remove(name: string): Promise<void> {
    return this.#serial.run(name, async () => {
      if (!this.#records.has(name)) return;
      await this.#files.rm(this.#path(name), { force: true });
      await syncFolder(this.#options.folder, this.#files);
      this.#records.delete(name);
    });
  }

  #path(name: string): string {
    return join(this.#options.folder, `${name}${SUFFIX}`);
  }
}

export function encode(json: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(json)}\n`);
}

/** One record of a file; a Problem names it when that cannot be. */
export async function readRecord<T>(
  path: string,
  { parse }: Pick<RecordsOptions<T>, 'parse'>,
  name: string,
  files: StoreFiles,
): Promise<T> {
  const fix = 'restore the file from a backup, or move it away to go on without it';
  try {
    return parse(JSON.parse(await files.readFile(path, 'utf8')), name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const fault = code === undefined ? message.replaceAll(/\s*\n\s*/g, ' ').slice(0, 200) : faultOf(error);
    throw new Problem(`${path}: is no record of this party: ${fault}`, fix, { cause: error });
  }
}
