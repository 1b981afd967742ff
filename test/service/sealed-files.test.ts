/** A change of the storage key: everything is sealed anew, and the power may be cut, or the disk be full, at every change that makes to the disk. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKPOINT_PURPOSE } from '../../src/data/checkpoint-store.ts';
import { lockFolder } from '../../src/data/folder-lock.ts';
import { Vault } from '../../src/data/vault.ts';
import { MODEL_PURPOSE } from '../../src/server/shared-model.ts';
import { openPartyFolder, SERVICE_LOCK } from '../../src/service/party-folder.ts';
import { rotateKeys } from '../../src/service/rotation.ts';
import { dataPurpose, renewSealedFiles } from '../../src/service/store/sealed-files.ts';
import { temporaryFolder } from '../folder.ts';
import { makeFederation } from './parties.ts';
import { FragileDisk, PowerCut, type Loss } from './power-cut.ts';

const [before, after] = [3, 4].map((byte) => new Uint8Array(32).fill(byte));
const [older, both, newest] = [[before], [after, before], [after]].map((keys) => new Vault(keys));
const JOB = 'ab'.repeat(32);
const DATA = 'cd'.repeat(32);

const FILES: readonly (readonly [folder: string, name: string, purpose: string])[] = [
  [`data/${DATA}`, 'key.sealed', dataPurpose(DATA)],
  [`models/${JOB}`, 'model.shares', MODEL_PURPOSE],
  [`checkpoints/${JOB}`, 'step-00000010.checkpoint', CHECKPOINT_PURPOSE],
  [`checkpoints/${JOB}`, 'step-00000020.checkpoint', CHECKPOINT_PURPOSE],
];

function contentOf(name: string): Buffer {
  return Buffer.from(`what is in ${name}`.repeat(20));
}

/** All under the older key, and beside them what is not sealed. */
function state(vault: Vault = older, root: string = temporaryFolder('state')): string {
  for (const [folder, name, purpose] of FILES) {
    mkdirSync(join(root, folder), { recursive: true, mode: 0o700 });
    writeFileSync(join(root, folder, name), vault.seal(purpose, contentOf(name)), { mode: 0o600 });
  }
  writeFileSync(join(root, 'data', DATA, 'images-00000.chunk'), 'a chunk');
  return root;
}

function check(root: string, vault: Vault): void {
  for (const [folder, name, purpose] of FILES) {
    const path = join(root, folder, name);
    expect(Buffer.from(vault.open(purpose, readFileSync(path), path))).toEqual(contentOf(name));
  }
}

describe('files under an older storage key', () => {
  it('are sealed anew, each for its own purpose, once', async () => {
    const root = state();
    expect(await renewSealedFiles(root, both)).toEqual({ count: FILES.length, left: [] });
    check(root, newest);
    expect(() => check(root, older)).toThrow(/does not have/);
    expect(await renewSealedFiles(root, both)).toEqual({ count: 0, left: [] });
    expect(await renewSealedFiles(join(root, 'nothing'), both)).toEqual({ count: 0, left: [] });
  });

  it('that are damaged are left, and told of', async () => {
    const root = state();
    const path = join(root, `models/${JOB}`, 'model.shares');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(path, bytes);
    const { count, left } = await renewSealedFiles(root, both);
    expect(count).toBe(FILES.length - 1);
    expect(left).toEqual([{ path, reason: expect.stringContaining('is damaged') as string }]);
    expect(readFileSync(path)).toEqual(bytes);
  });

  it.each<Loss>(['lost', 'torn', 'kept'])(
    'outlive a power cut at any change, with what was not synced %s',
    async (loss) => {
      const whole = state();
      const counting = new FragileDisk(whole);
      await renewSealedFiles(whole, both, counting.files);
      expect(counting.operations).toBeGreaterThanOrEqual(4 * FILES.length);
      for (let at = 0; at < counting.operations; at++) {
        const root = state();
        const disk = new FragileDisk(root, at);
        await expect(renewSealedFiles(root, both, disk.files)).rejects.toThrow(PowerCut);
        disk.lose(loss);
        check(root, both);
        await renewSealedFiles(root, both);
        check(root, newest);
      }
    },
  );

  it('outlive a disk that is full at any change', async () => {
    const whole = state();
    const counting = new FragileDisk(whole);
    await renewSealedFiles(whole, both, counting.files);
    for (let at = 0; at < counting.operations; at++) {
      const root = state();
      const disk = new FragileDisk(root, at, 'ENOSPC');
      await renewSealedFiles(root, both, disk.files).catch((error: NodeJS.ErrnoException) => {
        expect(error.code).toBe('ENOSPC');
      });
      check(root, both);
      await renewSealedFiles(root, both, disk.files);
      check(root, newest);
      const left = readdirSync(root, { recursive: true }).filter((name) => String(name).endsWith('.tmp'));
      expect(left).toEqual([]);
    }
  });
});

describe('party rotate storage', () => {
  it('ends with storage-finish: everything is under the new key before the old one goes, and no running party has it', async () => {
    const { P1 } = (await makeFederation()).parties;
    const inState = join(P1.folder, 'state');
    await expect(rotateKeys(P1.folder, 'storage-finish')).rejects.toThrow(/one storage key only/);
    const first = (await openPartyFolder(P1.folder)).vault;
    state(first, inState);
    await rotateKeys(P1.folder, 'storage');
    const release = await lockFolder(inState, { words: SERVICE_LOCK });
    await expect(rotateKeys(P1.folder, 'storage-finish')).rejects.toThrow(/serves from here/);
    release();
    const damaged = join(inState, 'checkpoints', JOB, 'step-00000030.checkpoint');
    writeFileSync(damaged, first.seal('another purpose', contentOf('x')));
    await expect(rotateKeys(P1.folder, 'storage-finish')).rejects.toThrow(/1 files cannot be sealed under the new/);
    expect((await openPartyFolder(P1.folder)).storageKeys()).toHaveLength(2);
    writeFileSync(damaged, first.seal(CHECKPOINT_PURPOSE, contentOf('x')));
    await rotateKeys(P1.folder, 'storage-finish');
    const party = await openPartyFolder(P1.folder);
    expect(party.storageKeys()).toHaveLength(1);
    check(inState, party.vault);
    expect(() => check(inState, first)).toThrow(/does not have/);
  });

  it('is made good by the party at its next start, and stands in its audit log', async () => {
    const { P0 } = (await makeFederation()).parties;
    const { vault } = await openPartyFolder(P0.folder);
    const folder = join(P0.folder, 'state', 'models', JOB);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    mkdirSync(join(P0.folder, 'state', 'models'), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'model.shares'), vault.seal(MODEL_PURPOSE, contentOf('model')));
    await rotateKeys(P0.folder, 'storage');
    await P0.start();
    await P0.stop();
    await rotateKeys(P0.folder, 'storage-finish');
    const path = join(folder, 'model.shares');
    const party = await openPartyFolder(P0.folder);
    expect(Buffer.from(party.vault.open(MODEL_PURPOSE, readFileSync(path), path))).toEqual(contentOf('model'));
    expect(readFileSync(join(P0.folder, 'audit.log'), 'utf8')).toContain('"files sealed under a new storage key"');
  });
});
