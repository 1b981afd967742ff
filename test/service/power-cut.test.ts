/** Every change that the stores make to the disk fails in turn, or is the last one before a power cut: nothing acknowledged is lost, nothing half written is read. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Vault } from '../../src/data/vault.ts';
import { openChunk } from '../../src/federation/chunk-cipher.ts';
import { PARTS } from '../../src/federation/chunks.ts';
import { Identity } from '../../src/federation/identity.ts';
import { DataStore } from '../../src/service/store/data-store.ts';
import { DecisionStore } from '../../src/service/store/decisions.ts';
import { GrantStore } from '../../src/service/store/grants.ts';
import { DISK, type StoreFiles } from '../../src/service/store/store-files.ts';
import { temporaryFolder } from '../folder.ts';
import {
  ownedSet,
  pieces,
  receivedDecision,
  receivedGrant,
  receivedReceipt,
  receivedWithdrawal,
  sha256,
  signedDecision,
  signedGrant,
  signedReceipt,
  signedWithdrawal,
} from './documents.ts';
import { FragileDisk, PowerCut, type Loss } from './power-cut.ts';

const owner = Identity.generate();
const set = ownedSet(owner);
const { digest } = set.data;
const grant = receivedGrant(signedGrant(owner));
const JOB = '70'.repeat(32);
const approval = receivedDecision(signedDecision(owner));
const refusal = receivedDecision(signedDecision(owner, { approve: false, at: '2026-02-01T12:00:00.000Z' }));
const receipts = (['P0', 'P1', 'P2'] as const).map((party) => receivedReceipt(signedReceipt(owner, party, digest)));
const withdrawal = receivedWithdrawal(signedWithdrawal(owner, 'data', digest));
const vault = new Vault([new Uint8Array(32).fill(5)]);

interface Stores {
  readonly data: DataStore;
  readonly grants: GrantStore;
  readonly decisions: DecisionStore;
}

async function open(root: string, files: StoreFiles = DISK): Promise<Stores> {
  const room = (): Promise<number> => Promise.resolve(1e9);
  const audit = { append: () => Promise.resolve() };
  const options = { party: 'P0' as const, vault, uploadsPerOwner: 4, room, audit, files };
  return {
    data: await DataStore.open({ ...options, folder: join(root, 'data') }),
    grants: await GrantStore.open(join(root, 'grants'), audit, files),
    decisions: await DecisionStore.open(join(root, 'decisions'), audit, files),
  };
}

async function put({ data }: Stores, part: 'images' | 'labels'): Promise<void> {
  const body = set.chunk(part, 0);
  const end = (): void => undefined;
  await data.receiveChunk(digest, { part, number: 0, bodyDigest: sha256(body), pieces: pieces(body, 100), end });
}

interface Step {
  readonly what: string;
  readonly run: (stores: Stores) => Promise<unknown>;
  /** What must be so once the step was acknowledged. */
  readonly holds: (stores: Stores) => void | Promise<void>;
}

const reached = (stores: Stores, states: readonly string[]): void =>
  expect(states).toContain(stores.data.find(digest)?.state);

const STEPS: readonly Step[] = [
  {
    what: 'begin',
    run: ({ data }) => data.begin(set.data, set.keysOf('P0')),
    holds: async ({ data }) => expect(await data.keys(digest)).toEqual(set.keysOf('P0')),
  },
  ...PARTS.map((part) => ({
    what: part,
    run: (stores: Stores) => put(stores, part),
    holds: async ({ data }: Stores) => {
      expect(data.view(digest).have[part]).toEqual([0]);
      const sealed = readFileSync(join(data.find(digest)!.folder, `${part}-00000.chunk`));
      const { content } = await data.keys(digest);
      expect(openChunk(content!, { data: digest, part, number: 0 }, sealed)).toEqual(set.opened[part]);
    },
  })),
  {
    what: 'complete',
    run: ({ data }) => data.complete(digest),
    holds: (stores) => reached(stores, ['complete', 'ready']),
  },
  {
    what: 'ready',
    run: ({ data }) => data.ready(digest, receipts),
    holds: (stores) => reached(stores, ['ready']),
  },
  {
    what: 'grant',
    run: ({ grants }) => grants.add(grant),
    holds: ({ grants }) => expect(grants.find(grant.digest)?.grant.signed).toEqual(grant.signed),
  },
  {
    what: 'use',
    run: ({ grants }) => grants.use(grant.digest, JOB),
    holds: ({ grants }) => expect(grants.find(grant.digest)?.uses).toEqual([JOB]),
  },
  {
    what: 'approve',
    run: ({ decisions }) => decisions.add(approval).catch(unlessLater),
    holds: ({ decisions }) => expect(decisions.of(JOB)).toHaveLength(1),
  },
  {
    what: 'change one’s mind',
    run: ({ decisions }) => decisions.add(refusal),
    holds: ({ decisions }) => expect(decisions.of(JOB).map(({ document }) => document.approve)).toEqual([false]),
  },
];

/** Steps before this one are about the data set. */
const OF_DATA = 5;

const LAST: readonly Step[] = [
  {
    what: 'withdraw',
    run: ({ data }) => data.withdraw(withdrawal),
    holds: (stores) => reached(stores, ['withdrawn']),
  },
  {
    what: 'discard',
    run: ({ data }) => data.discard(digest),
    holds: ({ data }) => expect(readdirSync(data.find(digest)!.folder)).toEqual(['record.json']),
  },
];

/** A client that runs its command again sends what is there already. */
function unlessLater(error: Error): void {
  if (!error.message.includes('later decision')) throw error;
}

/** Runs the steps until one fails. @returns those that were acknowledged */
async function run(root: string, steps: readonly Step[], files: StoreFiles): Promise<readonly Step[]> {
  const done: Step[] = [];
  try {
    const stores = await open(root, files);
    for (const step of steps) {
      await step.run(stores);
      done.push(step);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const { cause } = error as Error;
    if (!(error instanceof PowerCut || cause instanceof PowerCut || code === 'ENOSPC')) {
      if ((cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOSPC') throw error;
    }
  }
  return done;
}

function leftovers(root: string): string[] {
  return readdirSync(root, { recursive: true })
    .map(String)
    .filter((name) => /\.(tmp|gone)$/.test(name));
}

/** How many changes all steps make. */
async function changes(steps: readonly Step[]): Promise<number> {
  const root = temporaryFolder('changes');
  const disk = new FragileDisk(root);
  expect(await run(root, steps, disk.files)).toHaveLength(steps.length);
  return disk.operations;
}

describe('a power cut', () => {
  it.each<Loss>(['lost', 'torn', 'kept'])('at any change, with what was not synced %s', async (loss) => {
    const root = temporaryFolder('cut');
    const all = [...STEPS, ...LAST];
    const count = await changes(all);
    expect(count).toBeGreaterThan(60);
    for (let at = 0; at < count; at++) {
      const folder = join(root, String(at));
      mkdirSync(folder);
      const disk = new FragileDisk(folder, at);
      const done = await run(folder, all, disk.files);
      disk.lose(loss);
      const stores = await open(folder);
      expect(leftovers(folder)).toEqual([]);
      if (stores.data.find(digest)?.state === 'withdrawn') {
        // Asked for, if not acknowledged; then nothing of it is left.
        expect(done.slice(0, STEPS.length)).toEqual(STEPS);
        for (const step of [...STEPS.slice(OF_DATA), ...LAST]) await step.holds(stores);
        continue;
      }
      for (const step of done) await step.holds(stores);
      // Whatever is left can be gone on with.
      for (const step of all) await step.run(stores);
      const again = await open(folder);
      for (const step of [...STEPS.slice(OF_DATA), ...LAST]) await step.holds(again);
    }
  });
});

describe('a disk that refuses one change', () => {
  it('at any of them: what was acknowledged stays, the next attempt succeeds, nothing is left over', async () => {
    const root = temporaryFolder('full');
    const count = await changes(STEPS);
    for (let at = 0; at < count; at++) {
      const folder = join(root, String(at));
      mkdirSync(folder);
      const disk = new FragileDisk(folder, at, 'ENOSPC');
      const stores = await open(folder, disk.files).catch(() => open(folder, disk.files));
      for (const step of STEPS) {
        await step.run(stores).catch((error: NodeJS.ErrnoException) => {
          expect(error.code).toBe('ENOSPC');
          return step.run(stores);
        });
        await step.holds(stores);
      }
      expect(disk.operations).toBeGreaterThan(at);
      const again = await open(folder);
      for (const step of STEPS) if (step.what !== 'approve') await step.holds(again);
      expect(leftovers(folder)).toEqual([]);
    }
  });
});

describe('what lies on the disk', () => {
  it('can be read by this user alone, and shows neither keys nor values', async () => {
    const root = temporaryFolder('modes');
    const stores = await open(root);
    for (const step of STEPS) await step.run(stores);
    const keys = set.keysOf('P0');
    const values = [set.opened.images, set.opened.labels].map((opened) => opened.subarray(0, 24));
    const secrets = [keys.content!, ...keys.masks, ...values].map((each) => Buffer.from(each));
    for (const each of readdirSync(root, { recursive: true, withFileTypes: true })) {
      const path = join(each.parentPath, each.name);
      expect(statSync(path).mode & 0o077).toBe(0);
      if (!each.isFile()) continue;
      const bytes = readFileSync(path);
      for (const secret of secrets) {
        expect(bytes.includes(secret)).toBe(false);
        expect(bytes.includes(secret.toString('hex'))).toBe(false);
        expect(bytes.includes(secret.toString('base64'))).toBe(false);
      }
    }
  });
});
