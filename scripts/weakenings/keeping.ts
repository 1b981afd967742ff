/** An owner's inputs and results, and checkpoints: what goes on under the same masks, and who has it. */
import { ADDRESSES, edit, one, type Weakening } from './weakening.ts';

const SHARE = 'src/data/share.ts';
const KEPT = 'src/server/checkpoints.ts';
const ATOMIC = 'src/data/atomic-write.ts';
const OWNERS = 'src/client/checkpoints.ts';
const OF_CHECKPOINTS = ['test/server/checkpoints.test.ts', 'test/data/checkpoint.test.ts'];
const GOING_BACK = ['test/server/going-back.test.ts'];
const SAME_MASKS = 'masks cover two values, and their difference shows';
const TABLE = 'const table = new PairStreams(key).table(maskPath(name), MASK);';

export const KEEPING: readonly Weakening[] = [
  one(
    'an owner’s inputs under one key',
    'differences of images and labels are open',
    SHARE,
    [
      "return pair.stream(`input/${name}`, 'masks').bytes(STREAM_KEY_BYTES);",
      "return pair.stream('input', 'masks').bytes(STREAM_KEY_BYTES);",
    ],
    [ADDRESSES],
  ),
  {
    name: 'an owner’s inputs under one key and one address',
    breaks: 'differences of images and labels are open',
    edits: [
      edit(
        SHARE,
        "return pair.stream(`input/${name}`, 'masks').bytes(STREAM_KEY_BYTES);",
        "return pair.stream('input', 'masks').bytes(STREAM_KEY_BYTES);",
      ),
      edit(SHARE, TABLE, "const table = new PairStreams(key).table('input', 'U');"),
    ],
    tests: ['test/data/share.test.ts'],
  },
  {
    name: 'an owner’s input under the mask of P0 alone',
    breaks: 'P0 has the input',
    edits: [
      edit(
        SHARE,
        TABLE,
        `const own = new PairStreams(key).table(maskPath(name), MASK);
  const table = which === 0 ? own : { z64: (_: number, n: number) => new BigUint64Array(n), rows: (starts: readonly number[], n: number) => new BigUint64Array(starts.length * n) };`,
      ),
      edit(
        SHARE,
        'function maskOf(name: string, key: Uint8Array): Masks {',
        'function maskOf(name: string, key: Uint8Array, which = 0): Masks {',
      ),
      edit(
        SHARE,
        'const masks = keys.map((key) => maskOf(name, key));',
        'const masks = keys.map((key, i) => maskOf(name, key, i));',
      ),
      edit(
        SHARE,
        'return { opened, masks: [maskOf(name, maskKey(name, streams))] };',
        'return { opened, masks: [maskOf(name, maskKey(name, streams), 0)] };',
      ),
      edit(
        SHARE,
        'return { opened, masks: [maskOf(name, maskKey(name, owner.streams))] };',
        'return { opened, masks: [maskOf(name, maskKey(name, owner.streams), 1)] };',
      ),
      edit(
        SHARE,
        '.map((key) => maskOf(name, key));\n  return { opened: null, masks };',
        '.map((key, i) => maskOf(name, key, i));\n  return { opened: null, masks };',
      ),
    ],
    tests: ['test/protocols/ownerViews.test.ts'],
  },
  one(
    'the keys of an owner’s masks without their pad',
    'whoever listens to the line to P2 and to P1 has the data',
    SHARE,
    ['return keys.map((byte, i) => byte ^ pad[i]);', 'return pad.length > 0 ? keys.slice() : keys;'],
    ['test/data/share.test.ts'],
  ),
  one(
    'a result for the other worker, too',
    'a server learns losses, counts and the model',
    'src/engine/secure.ts',
    [
      'await this.party.reveal(() => this.runtime.options.reveal(name, share));',
      'await this.party.send(this.party.peer, `reveal/${name}`, share.slice());\n    await this.party.reveal(() => this.runtime.options.reveal(name, share));',
    ],
    [ADDRESSES],
  ),
  one(
    'a step that begins under other masks when it is resumed',
    SAME_MASKS,
    'src/nn/trainStep.ts',
    ['for (const [name, x] of state) state.set(name, await engine.carry(name, x));', ''],
    [ADDRESSES, 'test/nn/resume.test.ts'],
  ),
  one(
    'a private run that goes on under the keys of before',
    'who brings about that the others go back sees two values under one mask',
    'src/random/continued.ts',
    ["if (security !== 'private') return kept;", 'return kept;'],
    GOING_BACK,
  ),
  one(
    'a private run that goes on with the shares of before',
    'what was told of a share before and what is told of it after are of one share',
    'src/engine/secureValues.ts',
    ['return share === null ? null : refresh(lane, share);', 'return share;'],
    GOING_BACK,
  ),
  one(
    'a run that goes on with other data',
    'the difference of the data sets shows',
    OWNERS,
    ['if (digestOf(data) === begun) return;', 'if (begun !== undefined) return;'],
    ['test/client/checkpoints.test.ts'],
  ),
  one(
    'a run that goes on with other labels',
    'the difference of the labels shows',
    OWNERS,
    [
      'for (const part of [data.trainImages, data.trainLabels, data.testImages, data.testLabels]) {',
      'for (const part of [data.trainImages, data.testImages, data.testLabels]) {',
    ],
    ['test/client/checkpoints.test.ts'],
  ),
  one(
    'a run that goes on with data cut elsewhere',
    'the difference of the data sets shows',
    OWNERS,
    ['hash.update(`${part.length} `).update(part);', 'hash.update(part);'],
    ['test/client/checkpoints.test.ts'],
  ),
  one(
    'a checkpoint of another run',
    'shares of one run go under the masks of another',
    KEPT,
    ['if (checkpoint.run !== run) {', 'if (checkpoint.run === undefined) {'],
    OF_CHECKPOINTS,
  ),
  one(
    'a checkpoint of another job',
    'other values go under the same masks',
    KEPT,
    ['checkSameJob(checkpoint.job, job, who);\n', ''],
    OF_CHECKPOINTS,
  ),
  one(
    'a checkpoint of another step under its name',
    'values go under the masks of another step',
    'src/data/checkpoint-store.ts',
    ['if (found !== step)', 'if (found < 0)'],
    OF_CHECKPOINTS,
  ),
  one(
    'a checkpoint of another party',
    'one party has two parties’ shares',
    'src/data/checkpoint-store.ts',
    ['if (keeper !== this.#keeper)', 'if (keeper === undefined)'],
    OF_CHECKPOINTS,
  ),
  one(
    'a damaged checkpoint',
    'other shares go under the same masks',
    'src/data/checkpoint.ts',
    ['if (!timingSafeEqual(digest, last.bytes))', 'if (!timingSafeEqual(digest, digest))'],
    ['test/data/checkpoint.test.ts'],
  ),
  one(
    'a checkpoint that is another one when its tensors are read',
    'other shares go under the same masks',
    'src/data/checkpoint.ts',
    [
      'if (!timingSafeEqual(found, digest) || !timingSafeEqual(await file.next(DIGEST_BYTES), digest))',
      'if (!timingSafeEqual(found, found))',
    ],
    ['test/data/checkpoint.test.ts'],
  ),
  one(
    'a checkpoint that is said to be kept before it is',
    'after a crash no step is whole',
    KEPT,
    ['await commit();\n    await this.#agreeOn(step);', 'await this.#agreeOn(step);\n    await commit();'],
    OF_CHECKPOINTS,
  ),
  one(
    'a checkpoint removed before the next is complete',
    'after a crash no step is whole',
    KEPT,
    ['await commit();', 'if (this.#complete !== undefined) await this.#store.removeBefore(step);\n    await commit();'],
    OF_CHECKPOINTS,
  ),
  one(
    'a checkpoint that others may read',
    'another user has the shares and the keys',
    'src/data/checkpoint-store.ts',
    ["parts, 'private', faultyOf", 'parts, undefined, faultyOf'],
    ['test/data/checkpoint.test.ts'],
  ),
  one(
    'a checkpoint written in place',
    'a crash leaves half a file where a whole one was',
    ATOMIC,
    ["const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;", 'const temporary = path;'],
    ['test/data/atomic-write.test.ts', 'test/data/checkpoint.test.ts'],
  ),
  one(
    'a temporary file that others can guess and lay in wait under',
    'keys are written where a link of somebody else leads',
    ATOMIC,
    ["`${path}.${randomBytes(8).toString('hex')}.tmp`", '`${path}.tmp`'],
    ['test/data/atomic-write.test.ts', 'test/data/checkpoint.test.ts'],
  ),
  one(
    'a checkpoint that may not be on the disk yet',
    'a power cut leaves an empty file where a whole one was',
    ATOMIC,
    ['if (sync) await this.#handle.sync();', 'void sync;'],
    ['test/data/atomic-write.test.ts', 'test/data/checkpoint.test.ts'],
  ),
];
