import { existsSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isReady, labelOf, listData, findData } from '../../../src/client/federated/owned.ts';
import { Directory } from '../../../src/client/federated/directory.ts';
import { type Put, putData, type PutOptions } from '../../../src/client/federated/put.ts';
import type { LabelledSet } from '../../../src/client/federated/sharing.ts';
import { UploadState } from '../../../src/client/federated/upload-state.ts';
import { PARTIES } from '../../../src/client/parties.ts';
import { OF_BYTES } from '../../../src/data/scaling.ts';
import { materialize, oneHotSource, valueSource } from '../../../src/data/encode.ts';
import { maskOf } from '../../../src/data/share.ts';
import { CHUNK_BYTES, chunksOf, PARTS, type Part } from '../../../src/federation/chunks.ts';
import { Identity } from '../../../src/federation/identity.ts';
import { add, concat } from '../../../src/ring/z64.ts';
import { temporaryFolder } from '../../folder.ts';
import { FakeParties } from './fake-parties.ts';

/** Of three chunks and a bit: 8 MiB are 2^20 elements. */
const COUNT = 3300;
const SIDE = 32;
const CLASSES = 10;

function set(seed = 1, count = COUNT): LabelledSet {
  const images = Uint8Array.from({ length: count * SIDE * SIDE }, (_, i) => (i * 31 * seed + (i >> 8)) % 256);
  const labels = Uint8Array.from({ length: count }, (_, i) => (i * seed) % CLASSES);
  return { images, labels, count, rows: SIDE, columns: SIDE, channels: 1, classes: CLASSES, scaling: OF_BYTES };
}

interface Setting {
  readonly parties: FakeParties;
  readonly owner: Identity;
  readonly folder: string;
  readonly notes: string[];
  readonly put: (of?: LabelledSet, options?: Partial<PutOptions>) => Promise<Put>;
  readonly state: UploadState;
}

function setting(): Setting {
  const parties = new FakeParties();
  const owner = parties.admit('hospital-a');
  const folder = temporaryFolder('uploads');
  const notes: string[] = [];
  const state = new UploadState(parties.federation.id, owner.id, 'scans', folder);
  const put: Setting['put'] = (of = set(), options) =>
    putData(parties.client(owner, notes), of, state, {
      ...{ name: 'scans', fractionBits: 16 },
      onNote: (text) => notes.push(text),
      ...options,
    });
  return { parties, owner, folder, notes, put, state };
}

/** As fast as memory is compared: element by element it would take seconds. */
function isSame(a: BigUint64Array, b: BigUint64Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

/** What P0, P1 and P2 hold together: E + ⟨U⟩₀ + ⟨U⟩₁. */
function together(parties: FakeParties, digest: string, part: Part, by: 'P0' | 'P1'): BigUint64Array {
  const kept = parties.party[by].data.get(digest)!;
  const count = chunksOf(kept.signed.document, part);
  const pieces = Array.from({ length: count }, (_, i) => kept.chunks.get(`${part}/${i}`)!);
  const E = concat(...pieces.map((piece) => new BigUint64Array(piece.slice().buffer)));
  const masks = parties.party.P2.data.get(digest)!.keys.masks;
  return masks.reduce((sum, key) => add(sum, maskOf(part, key).z64(0, E.length)), E);
}

describe('data put', () => {
  it('forgets no keys under which something may be on its way', async () => {
    const { put, state, parties } = setting();
    const cut = new Error('cut off');
    parties.before = (_, { method }) => {
      if (method === 'PUT') throw cut;
    };
    await expect(put()).rejects.toThrow('cut off');
    const kept = (await state.read())!;
    const fresh = { masks: kept.keys.masks, content: kept.keys.content.map((byte) => 255 - byte) };
    expect(await state.write({ ...kept, keys: fresh })).toBe(false);
    expect(await state.read()).toEqual(kept);
  });

  it('leaves at the parties what adds up to the data, and each with its own keys', async () => {
    const { parties, put, state } = setting();
    const { digest, bytes } = await put();
    const expected = {
      images: materialize(valueSource(set().images, OF_BYTES, 16)),
      labels: materialize(oneHotSource(set().labels, CLASSES)),
    };
    expect(bytes).toBe(8 * (expected.images.length + expected.labels.length));
    for (const by of ['P0', 'P1'] as const)
      for (const part of PARTS) expect(isSame(together(parties, digest, part, by), expected[part])).toBe(true);
    const keysOf = (party: 'P0' | 'P1' | 'P2'): object => parties.party[party].data.get(digest)!.keys;
    const [U0, U1] = parties.party.P2.data.get(digest)!.keys.masks;
    expect(keysOf('P0')).toMatchObject({ masks: [U0] });
    expect(keysOf('P1')).toMatchObject({ masks: [U1] });
    expect(keysOf('P2')).toEqual({ masks: [U0, U1] });
    expect(U0).not.toEqual(U1);
    for (const party of PARTIES) expect(parties.party[party].data.get(digest)!.state).toBe('ready');
    expect(parties.party.P2.data.get(digest)!.chunks.size).toBe(0);
    expect(existsSync(state.path)).toBe(false);
  });

  it('keeps no chunk in which a byte of data can be seen', async () => {
    const { parties, put } = setting();
    const of = { ...set(), images: new Uint8Array(COUNT * SIDE * SIDE) };
    const { digest } = await put(of);
    const chunk = parties.party.P0.data.get(digest)!.chunks.get('images/0')!;
    const zeros = chunk.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
    // Uniform bytes: one in 256, within 1 %.
    expect(Math.abs(zeros / (CHUNK_BYTES / 256) - 1)).toBeLessThan(0.05);
  });

  it('says how values were scaled and what classes are called, and nothing of what is usual', async () => {
    const { parties, put } = setting();
    const usual = await put(set(1, 20));
    expect(usual.document).not.toHaveProperty('scaling');
    expect(usual.document).not.toHaveProperty('classNames');
    const scaling = { divideBy: 2, mean: [0.5, -1], std: [3] };
    const images = Float32Array.from({ length: 12 }, (_, i) => i / 7 - 1);
    const labels = Uint8Array.of(1, 0, 1);
    const shape = { rows: 1, columns: 2, channels: 2, count: 3, classes: 2 };
    const odd = await put({ images, labels, ...shape, scaling, classNames: ['sick', 'well'] }, { name: 'odd' });
    expect(odd.document).toMatchObject({ scaling, classNames: ['sick', 'well'], rows: 1, channels: 2 });
    expect(isSame(together(parties, odd.digest, 'images', 'P0'), materialize(valueSource(images, scaling, 16)))).toBe(
      true,
    );
  });

  it('goes on after a crash with what lacks, under the same keys', async () => {
    const { parties, put, state, notes } = setting();
    let puts = 0;
    parties.before = (party, { method }) => {
      if (method === 'PUT' && ++puts > 3) throw new Error('killed');
      if (party === 'P0' && parties.down.has('P0')) throw new Error('killed');
    };
    await expect(put()).rejects.toThrow('killed');
    expect(statSync(state.path).mode & 0o777).toBe(0o600);
    const document = (await state.read())!.document;

    parties.before = undefined;
    for (const party of PARTIES) parties.party[party].asked.length = 0;
    const put2 = await put();
    expect(put2.document).toEqual(document);
    const again = PARTIES.flatMap((party) => parties.party[party].asked).filter((line) => line.startsWith('PUT'));
    expect(again.length).toBe(2 * 5 - 3); // Four chunks of images, one of labels, to two parties.
    expect(notes.join()).toContain('going on with the upload');
    expect(
      isSame(together(parties, put2.digest, 'images', 'P1'), materialize(valueSource(set().images, OF_BYTES, 16))),
    ).toBe(true);
  });

  it('ends at every request that does not come through, and is completed by the same again', async () => {
    for (let fails = 1; ; fails++) {
      const { parties, put } = setting();
      let count = 0;
      parties.before = () => {
        if (++count === fails) throw new Error('cut');
      };
      const small = set(1, 50);
      const first = await put(small).then(
        () => 'done',
        (error: unknown) => (error as Error).message,
      );
      parties.before = undefined;
      const { digest } = await put(small);
      expect(PARTIES.map((party) => parties.party[party].data.get(digest)!.state)).toEqual(['ready', 'ready', 'ready']);
      if (first === 'done') return expect(fails).toBeGreaterThan(15);
      expect(first).toBe('cut');
    }
  });

  it('never puts other data under the same keys', async () => {
    const { parties, put, state } = setting();
    parties.before = (_, { method }) => {
      if (method === 'PUT') throw new Error('killed');
    };
    await expect(put(set(1, 20))).rejects.toThrow('killed');
    const before = await state.read();
    parties.before = undefined;
    await expect(put(set(3, 20))).rejects.toMatchObject({ fix: expect.stringContaining('--restart') as string });
    expect(
      PARTIES.flatMap((party) => [...parties.party[party].data.values()].flatMap(({ chunks }) => [...chunks])),
    ).toEqual([]);
    const { digest } = await put(set(3, 20), { restart: true });
    const keys = parties.party.P2.data.get(digest)!.keys.masks;
    expect(keys).not.toEqual(before!.keys.masks);
    const old = [...parties.party.P0.data.values()].find(({ state }) => state === 'withdrawn');
    expect(old?.signed.document).toEqual(before!.document);
  });

  it('tells of a state file that is none without its content', async () => {
    const { put, state } = setting();
    await state.write({
      keys: { content: new Uint8Array(32), masks: [new Uint8Array(16), new Uint8Array(16)] },
      document: {} as never,
    });
    writeFileSync(state.path, '{"content": "deadbeef"', { mode: 0o600 });
    const error = await put(set(1, 20)).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error?.message).toContain('not the state of an upload');
    expect(error?.message).not.toContain('deadbeef');
  });

  it('says which party cannot be reached, and that nothing is lost', async () => {
    const { parties, put } = setting();
    parties.down.add('P1');
    await expect(put(set(1, 20))).rejects.toMatchObject({
      message: expect.stringMatching(/^P1 .* cannot be reached.*; the upload has begun at P0 and P2$/) as string,
      fix: expect.stringContaining('run the same command again') as string,
    });
    parties.down.clear();
    await put(set(1, 20));
  });

  it('takes no receipt that another than the party has signed', async () => {
    const { parties, put } = setting();
    parties.receiptsBy = Identity.generate();
    await expect(put(set(1, 20))).rejects.toThrow('P0: its receipt is not its own');
    parties.receiptsBy = undefined;
    for (const other of [{ data: '7'.repeat(64) }, { party: 'P2' }]) {
      parties.receiptsSay = other;
      await expect(put(set(1, 20))).rejects.toThrow(/its receipt is not its own, or is for another data set/);
    }
    expect([...parties.party.P2.data.values()][0].state).toBe('complete');
  });

  it('is listed by owner and name, and found by either', async () => {
    const { parties, owner, put } = setting();
    const { digest } = await put(set(1, 20));
    const analyst = parties.client(parties.admit('institute'));
    const directory = await Directory.of(analyst);
    const [data, ...others] = await listData(analyst);
    expect(others).toEqual([]);
    expect(isReady(data)).toBe(true);
    expect(labelOf(data, directory)).toBe('hospital-a/scans');
    for (const written of ['hospital-a/scans', digest, digest.slice(0, 10), `${owner.id}/scans`])
      expect(findData(written, [data], directory, 'data').digest).toBe(digest);
    expect(() => findData('scans', [data], directory, 'data')).toThrow('no data set scans');
    expect(() => findData('hospital-b/scans', [data], directory, 'data')).toThrow(
      'no party knows a member hospital-b; did you mean hospital-a?',
    );
  });
});
