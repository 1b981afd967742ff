import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkpointBytes, openCheckpoint, readCheckpoint, type Checkpoint } from '../../src/data/checkpoint.ts';
import { CheckpointStore } from '../../src/data/checkpoint-store.ts';
import { Problem } from '../../src/data/problem.ts';
import { temporaryFolder } from '../folder.ts';

const KEY = new Uint8Array(16).fill(0xab);
const worker: Checkpoint = {
  keeper: 'P1',
  run: 'run-1',
  step: 8,
  job: { kind: 'train', network: 'ünicode' },
  keys: new Map([
    ['P0', KEY],
    ['owner', KEY],
  ]),
  tensors: new Map([
    ['weight', { shape: [2, 3], fractionBits: 16, data: BigUint64Array.of(1n, 2n ** 64n - 1n, 3n, 4n, 5n, 6n) }],
    ['velocity/weight', { shape: [1], fractionBits: 20, data: BigUint64Array.of(7n), opening: BigUint64Array.of(8n) }],
  ]),
};
const helper: Checkpoint = {
  ...worker,
  keeper: 'P2',
  tensors: new Map([
    ['weight', { shape: [2, 3], fractionBits: 16, data: null }],
    ['velocity/weight', { shape: [1], fractionBits: 20, data: null, opening: BigUint64Array.of(8n, 9n) }],
  ]),
};
const owner: Checkpoint = { ...worker, keeper: 'owner', tensors: new Map(), notes: { history: [1, 'two', null] } };

async function bytesOf(checkpoint: Checkpoint): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of checkpointBytes(checkpoint)) parts.push(part.slice());
  return Buffer.concat(parts);
}

/** As a file of parts of so many bytes is read. */
function open(bytes: Uint8Array, size = 7): ReturnType<typeof openCheckpoint> {
  async function* parts(): AsyncGenerator<Uint8Array, void> {
    for (let from = 0; from < bytes.length; from += size)
      yield await Promise.resolve(bytes.subarray(from, from + size));
  }
  return openCheckpoint(parts, 'file');
}

const workerBytes = await bytesOf(worker);

/** The bytes with something changed in them and the digest made to fit again. */
function forged(edit: (bytes: Buffer) => Buffer | undefined): Uint8Array {
  const bytes = Buffer.from(workerBytes);
  const body = (edit(bytes) ?? bytes).subarray(0, -32);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

function header(change: (json: Record<string, unknown>) => void): Uint8Array {
  return forged((bytes) => {
    const end = 16 + bytes.readUInt32LE(12);
    const json = JSON.parse(bytes.toString('utf8', 16, end)) as Record<string, unknown>;
    change(json);
    const text = Buffer.from(JSON.stringify(json));
    const start = Buffer.from(bytes.subarray(0, 16));
    start.writeUInt32LE(text.length, 12);
    return Buffer.concat([start, text, bytes.subarray(end)]);
  });
}

describe('checkpoint files', () => {
  it.each([
    ['a worker', worker],
    ['the helper', helper],
    ['the owner', owner],
  ])('give back what %s keeps', async (_, checkpoint) => {
    const whole = await bytesOf(checkpoint);
    for (const size of [1, 16, 33, whole.length]) {
      expect(await readCheckpoint(await open(whole, size)), `${size} at a time`).toEqual(checkpoint);
      // At an odd place in a larger buffer, as readers may give it.
      const bytes = Buffer.concat([Buffer.alloc(3), whole]).subarray(3);
      expect(await readCheckpoint(await open(bytes, size))).toEqual(checkpoint);
    }
  });

  it('are refused when a bit is flipped, wherever it is', async () => {
    const bytes = workerBytes;
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Uint8Array.from(bytes);
      flipped[at] ^= 1 << (at % 8);
      await expect(open(flipped), `byte ${at}`).rejects.toThrow(/^file: (is |checkpoint version)/);
    }
  });

  it('are refused when they are cut off, wherever that is', async () => {
    const bytes = workerBytes;
    for (let length = 0; length < bytes.length; length++)
      await expect(open(bytes.subarray(0, length))).rejects.toThrow(/^file: is (not a checkpoint|damaged)/);
    await expect(open(Buffer.concat([bytes, Buffer.alloc(8)]))).rejects.toThrow(/^file: is damaged/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['another version', forged((bytes) => void bytes.writeUInt32LE(2, 8)), /version: expected 3, found 2/],
    ['a header that is none', forged((bytes) => void bytes.write('!', 16)), /header is not JSON/],
    ['a header longer than the file', forged((bytes) => void bytes.writeUInt32LE(2 ** 31, 12)), /header is not JSON/],
    ['a stranger as keeper', header((json) => (json.keeper = 'P3')), /header: keeper: /],
    ['a negative step', header((json) => (json.step = -1)), /header: step: /],
    ['a key that is short', header((json) => (json.keys = { P0: 'abababab' })), /header: keys\.P0: /],
    ['an unknown field', header((json) => (json.more = 1)), /header: fields: /],
    ['a tensor of another size', header((json) => (json.tensors = [])), /its tensors take \d+ bytes, found \d+/],
    [
      'a tensor beyond all sizes',
      header((json) => (json.tensors = [{ name: 'x', shape: [2 ** 30, 2 ** 30], fractionBits: 1, opened: false }])),
      /its tensors take/,
    ],
  ])('are refused with %s', async (_, bytes, message) => {
    const error: unknown = await open(bytes).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Problem);
    expect((error as Problem).message).toMatch(message);
    // Whatever is wrong, no key may stand in the error.
    expect((error as Problem).message).not.toMatch(/abab/);
  });

  it('are refused when they have changed between the check and the reading, wherever that is', async () => {
    const { length } = workerBytes;
    const end = 16 + Buffer.from(workerBytes).readUInt32LE(12);
    for (const at of [0, end - 1, end, end + 8 * 3, length - 33, length - 1]) {
      const bytes = Uint8Array.from(workerBytes);
      const checkpoint = await open(bytes);
      bytes[at] ^= 1;
      await expect(readCheckpoint(checkpoint), `byte ${at}`).rejects.toThrow('file: is damaged or cut off');
    }
    const bytes = Uint8Array.from(workerBytes);
    const cut = await openCheckpoint(async function* () {
      yield await Promise.resolve(bytes.subarray(0, bytes[0] === 0 ? length - 40 : length));
    }, 'file');
    bytes[0] = 0;
    await expect(readCheckpoint(cut)).rejects.toThrow('file: is damaged or cut off');
  });

  it('take a tensor when the one before is out, and are a mebibyte at a time at most', async () => {
    const elements = 2 ** 18;
    let taken = 0;
    let bytes = 0;
    const tensors = ['a', 'b', 'c'].map((name) => ({ name, shape: [elements], fractionBits: 16, opened: true }));
    const parts = checkpointBytes({
      ...worker,
      tensors: {
        facts: tensors,
        async *held() {
          for (; taken < tensors.length;) {
            taken++;
            const data = await Promise.resolve(new BigUint64Array(elements));
            yield { data, opening: data };
          }
        },
      },
    });
    const start = (await parts.next()).value!.length;
    for await (const part of parts) {
      bytes += part.length;
      expect(part.length).toBeLessThanOrEqual(2 ** 20);
      if (part.length > 32) expect(taken).toBe(Math.ceil(bytes / (16 * elements)));
    }
    expect([start % 8, bytes]).toEqual([0, 3 * 16 * elements + 32]);
  });

  it.each([
    ['fewer tensors', [], 'tensors came'],
    ['an opening that was not announced', [{ data: new BigUint64Array(1), opening: new BigUint64Array(1) }], 'opened'],
  ])('are not made of %s than were announced', async (_, held, message) => {
    const facts = [{ name: 'a', shape: [1], fractionBits: 16, opened: false }];
    const parts = checkpointBytes({ ...worker, tensors: { facts, held: () => held } });
    await expect((async () => { for await (const part of parts) void part; })()).rejects.toThrow(message); // prettier-ignore
  });
});

describe('a folder of checkpoints', () => {
  const fresh = (): string => join(temporaryFolder('checkpoint'), 'run', 'P1');
  const at = (step: number): Checkpoint => ({ ...worker, step });
  const name = (step: number): string => `step-${String(step).padStart(8, '0')}.checkpoint`;

  it('is read by its user alone', async () => {
    const folder = fresh();
    await new CheckpointStore(folder, 'P1').write(worker);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, '..')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, name(8))).mode & 0o777).toBe(0o600);
  });

  it.each([0o777, 0o755, 0o770, 0o701])('that others can enter (%o) is refused, and left as it is', async (mode) => {
    const folder = fresh();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, mode);
    const store = new CheckpointStore(folder, 'P1');
    const found = `${folder}: other users can enter it (mode 0${mode.toString(8)})`;
    const error: unknown = await store.write(worker).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Problem);
    expect((error as Problem).message).toBe(found);
    expect((error as Problem).fix).toMatch(/chmod 700/);
    await expect(store.survey()).rejects.toThrow(found);
    expect(readdirSync(folder)).toEqual([]);
    chmodSync(folder, 0o700);
    await store.write(worker);
    expect(readdirSync(folder)).toEqual([name(8)]);
  });

  it('in a folder where others can write is refused, unless each can move only its own', async () => {
    const folder = fresh();
    const store = new CheckpointStore(folder, 'P1');
    const above = join(folder, '..');
    mkdirSync(above, { mode: 0o700 });
    chmodSync(above, 0o777);
    await expect(store.write(worker)).rejects.toThrow(`${above}: other users can write there (mode 0777)`);
    expect(readdirSync(above)).toEqual([]);
    chmodSync(above, 0o1777);
    await store.write(worker);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it.runIf(process.getuid?.() === 0)('of another user is refused', async () => {
    const folder = fresh();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chownSync(folder, 12345, 12345);
    await expect(new CheckpointStore(folder, 'P1').write(worker)).rejects.toThrow(
      `${folder}: belongs to another user (12345)`,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says what it holds, and clears away what a crash left half written', async () => {
    const folder = fresh();
    const store = new CheckpointStore(folder, 'P1');
    expect(await store.survey()).toEqual({ whole: [], damaged: [] });
    for (const step of [12, 4, 8]) await store.write(at(step));
    writeFileSync(join(folder, `${name(16)}.123.tmp`), 'half');
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    expect((await store.survey()).whole.map(({ step }) => step)).toEqual([4, 8, 12]);
    await store.removeBefore(8);
    expect(readdirSync(folder)).toEqual(['notes.txt', name(8), name(12)]);
    expect(await store.read(12)).toEqual(at(12));
  });

  it('names the files that cannot be used, and leaves them and the others alone', async () => {
    const folder = fresh();
    const store = new CheckpointStore(folder, 'P1');
    for (const step of [4, 8]) await store.write(at(step));
    writeFileSync(join(folder, name(12)), readFileSync(join(folder, name(8))).subarray(0, -1));
    copyFileSync(join(folder, name(8)), join(folder, name(16)));
    writeFileSync(join(folder, name(20)), await bytesOf({ ...helper, step: 20 }));
    const { whole, damaged } = await store.survey();
    expect(whole).toEqual([4, 8].map((step) => ({ run: 'run-1', step })));
    expect(damaged.map(({ step }) => step)).toEqual([12, 16, 20]);
    expect(damaged[0].what).toMatch(/step-00000012\.checkpoint: is damaged or cut off/);
    expect(damaged[1].what).toMatch(/step-00000016\.checkpoint: holds step 8, its name says 16/);
    expect(damaged[2].what).toMatch(/step-00000020\.checkpoint: is a checkpoint of P2, expected one of P1/);
    expect(readdirSync(folder)).toHaveLength(5);
  });

  it('keeps the older checkpoint when a newer one cannot be written', async () => {
    const folder = fresh();
    const store = new CheckpointStore(folder, 'P1');
    await store.write(at(4));
    // A folder in the file's place makes the last step, the rename, fail; root may write anywhere, so modes do not serve here.
    mkdirSync(join(folder, name(8)));
    await expect(store.write(at(8))).rejects.toThrow(/step-00000008\.checkpoint: cannot be written: /);
    await expect(store.write(at(8))).rejects.toThrow(Problem);
    expect(readdirSync(folder)).toEqual([name(4), name(8)]);
    expect(await store.read(4)).toEqual(at(4));
  });

  it('has nothing to give where nothing is', async () => {
    await expect(new CheckpointStore(fresh(), 'P1').read(4)).rejects.toThrow(
      /step-00000004\.checkpoint: cannot be read/,
    );
  });
});
