/** What a page keeps: IndexedDB of its origin, which no other origin reads, and which keeps keys without giving scripts their secret halves. */
import { Problem } from '../../data/problem.ts';

export type StoreName = 'identities' | 'uploads';

interface Waiting<T = unknown> {
  result: T;
  error: Error | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

/** Of IndexedDB what is used here: TypeScript knows of it where it knows of pages alone. */
export interface Store {
  get(key: string): Waiting;
  add(value: unknown, key: string): Waiting;
  delete(key: string): Waiting;
}

interface Database {
  readonly objectStoreNames: { contains(name: string): boolean };
  createObjectStore(name: string): unknown;
  transaction(
    store: string,
    mode: 'readonly' | 'readwrite',
    options: { readonly durability: 'strict' },
  ): {
    objectStore(name: string): Store;
    oncomplete: (() => void) | null;
    onabort: (() => void) | null;
    error: Error | null;
  };
  close(): void;
}

interface Opening extends Waiting<Database> {
  onupgradeneeded: (() => void) | null;
  onblocked: (() => void) | null;
}

const NAME = 'securenn';
const STORES: readonly StoreName[] = ['identities', 'uploads'];

/** Resolves, with what was asked for, once it is on the disk. */
export async function withStore(
  name: StoreName,
  mode: 'readonly' | 'readwrite',
  ask: (store: Store) => Waiting,
): Promise<unknown> {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode, { durability: 'strict' });
      const asked = ask(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(asked.error ?? transaction.error ?? new Error('the page keeps nothing'));
    });
  } finally {
    database.close();
  }
}

function open(): Promise<Database> {
  const { indexedDB } = globalThis as { readonly indexedDB?: { open(name: string, version: number): Opening } };
  const lacking = (cause?: Error | null): Problem =>
    new Problem('this browser lets the page keep nothing', 'leave private browsing, or allow the page to store data', {
      cause,
    });
  return new Promise((resolve, reject) => {
    if (indexedDB === undefined) throw lacking();
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      for (const store of STORES)
        if (!opening.result.objectStoreNames.contains(store)) opening.result.createObjectStore(store);
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(lacking(opening.error));
  });
}
