/**
 * A disk whose power is cut, or whose n-th operation fails. Files are real; beside them it keeps what would outlive a cut: contents that were synced, under
 * names whose folder was synced.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as disk from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { AuditFiles } from '../../src/service/audit-log.ts';
import type { StoreFiles } from '../../src/service/store/store-files.ts';

export class PowerCut extends Error {}

/** `lost`: all that was not synced. `torn`: half of each content that was not. `kept`: nothing, as when a process is killed. */
export type Loss = 'lost' | 'torn' | 'kept';

interface Inode {
  folder: boolean;
  synced: Buffer | undefined;
}

type Names = Map<string, Inode>;

export class FragileDisk {
  /** Changes so far. */
  operations = 0;
  readonly #root: string;
  readonly #at: number;
  readonly #code: string | undefined;
  #cut = false;
  #names: Names;
  readonly #durable: Names;

  /** @param at the operation that does not happen; with a `code` it alone fails, without one nothing happens from there on */
  constructor(root: string, at: number = Infinity, code?: string) {
    [this.#root, this.#at, this.#code] = [root, at, code];
    this.#names = new Map();
    for (const path of allIn(root)) {
      const folder = statSync(path).isDirectory();
      this.#names.set(path, { folder, synced: folder ? undefined : readFileSync(path) });
    }
    this.#durable = new Map(this.#names);
  }

  /** The power is gone: nothing happens any more. */
  get isCut(): boolean {
    return this.#cut;
  }

  get files(): StoreFiles & AuditFiles {
    return {
      ...disk,
      mkdir: (async (path: string, options: object) => {
        this.#step(path);
        await disk.mkdir(path, options);
        this.#names.set(path, { folder: true, synced: undefined });
      }) as unknown as StoreFiles['mkdir'],
      open: async (path, flags, mode) => {
        const name = String(path);
        if (flags === 'r') return this.#folderHandle(name, await disk.open(name, 'r'));
        this.#step(name);
        const handle = await disk.open(name, flags, mode);
        // What is appended to keeps what the disk has of it.
        const inode = (flags === 'a' && this.#names.get(name)) || { folder: false, synced: undefined };
        this.#names.set(name, inode);
        return this.#fileHandle(name, handle, inode);
      },
      rename: async (from, to) => {
        this.#step(String(to));
        await disk.rename(from, to);
        this.#move(String(from), String(to));
      },
      rm: async (path, options) => {
        this.#step(String(path));
        await disk.rm(path, options);
        for (const name of [...this.#names.keys()]) if (isWithin(name, String(path))) this.#names.delete(name);
      },
      truncate: async (path, length) => {
        this.#step(String(path));
        await disk.truncate(path, length);
      },
      readFile: ((path: string, options: 'utf8') => {
        this.#read();
        return disk.readFile(path, options);
      }) as StoreFiles['readFile'],
      readdir: ((path: string) => {
        this.#read();
        return disk.readdir(path);
      }) as unknown as StoreFiles['readdir'],
    };
  }

  /** Leaves on the disk what outlives the cut. */
  lose(loss: Loss): void {
    if (loss === 'kept') return;
    const names = loss === 'lost' ? this.#durable : this.#names;
    const outlive = [...names].sort(([a], [b]) => (a < b ? -1 : 1));
    const contents = outlive.map(([path, inode]) => [path, inode, this.#content(path, inode, loss)] as const);
    for (const path of readdirSync(this.#root)) rmSync(join(this.#root, path), { recursive: true });
    for (const [path, inode, content] of contents) {
      // A name in a folder that did not outlive the cut is nowhere.
      if (!this.#isThere(dirname(path))) continue;
      if (inode.folder) mkdirSync(path, { mode: 0o700 });
      else writeFileSync(path, content, { mode: 0o600 });
    }
  }

  #content(path: string, { folder, synced }: Inode, loss: Loss): Buffer {
    if (folder || loss === 'lost') return synced ?? Buffer.alloc(0);
    const whole = readFileSync(path);
    // Half of what was added since it was synced; what was cut off since is gone or not, here it is.
    const from = synced === undefined || synced.length > whole.length ? 0 : synced.length;
    return from === 0 && synced !== undefined ? whole : whole.subarray(0, from + ((whole.length - from) >> 1));
  }

  #isThere(folder: string): boolean {
    return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  }

  #step(path: string): void {
    this.#read();
    if (this.operations++ !== this.#at) return;
    if (this.#code !== undefined) throw Object.assign(new Error(`${this.#code}: '${path}'`), { code: this.#code });
    this.#cut = true;
    throw new PowerCut();
  }

  #read(): void {
    if (this.#cut) throw new PowerCut();
  }

  #move(from: string, to: string): void {
    const moved: Names = new Map();
    for (const [name, inode] of this.#names) {
      if (isWithin(name, to)) continue;
      moved.set(isWithin(name, from) ? join(to, relative(from, name)) : name, inode);
    }
    this.#names = moved;
  }

  #fileHandle(path: string, handle: disk.FileHandle, inode: Inode): disk.FileHandle {
    const write = async (content: Uint8Array | string): Promise<void> => {
      const bytes = Buffer.from(content);
      try {
        this.#step(path);
      } catch (error) {
        await handle.writeFile(bytes.subarray(0, bytes.length >> 1));
        throw error;
      }
      await handle.writeFile(bytes);
    };
    return replacing(handle, {
      ...{ writeFile: write, appendFile: write },
      truncate: async (length: number) => {
        this.#step(path);
        await handle.truncate(length);
      },
      sync: () => {
        this.#step(path);
        inode.synced = readFileSync(path);
        return Promise.resolve();
      },
    });
  }

  #folderHandle(folder: string, handle: disk.FileHandle): disk.FileHandle {
    return replacing(handle, {
      sync: () => {
        this.#step(folder);
        const isChild = (name: string): boolean => dirname(name) === folder;
        for (const name of [...this.#durable.keys()]) if (isChild(name)) this.#forget(name);
        for (const [name, inode] of this.#names) if (isChild(name)) this.#remember(name, inode);
        return Promise.resolve();
      },
    });
  }

  #forget(path: string): void {
    if (this.#names.get(path) !== this.#durable.get(path)) {
      for (const name of [...this.#durable.keys()]) if (isWithin(name, path)) this.#durable.delete(name);
    }
  }

  /** A folder that got another name takes with it what it durably holds. */
  #remember(path: string, inode: Inode): void {
    if (inode.folder && !this.#durable.has(path)) {
      for (const [name, within] of this.#names) if (isWithin(name, path)) this.#durable.set(name, within);
    }
    this.#durable.set(path, inode);
  }
}

function replacing(handle: disk.FileHandle, members: Readonly<Record<string, unknown>>): disk.FileHandle {
  return new Proxy(handle, {
    get(target, name) {
      if (typeof name === 'string' && name in members) return members[name];
      const member = Reflect.get(target, name) as unknown;
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function allIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).map((each) => join(each.parentPath, each.name));
}
