/** What parties keep, jobs on stored data, and sessions that answer clients: what lies on the disk, what goes on together, who is answered. */
import { one, type Weakening } from './weakening.ts';

const VAULT = 'src/data/vault.ts';
const JOINED = 'src/data/joined-masks.ts';
const STORED = 'src/server/stored-ends.ts';
const INPUT = 'src/server/stored-input.ts';
const MODEL = 'src/server/shared-model.ts';
const PEERS = 'src/server/peer-ends.ts';
const INPUTS = 'src/server/serving-inputs.ts';
const RESUME = 'src/server/resume-point.ts';
const OF_VAULT = ['test/data/vault.test.ts'];
const OF_TRAINING = ['test/server/stored-training.test.ts'];
const OF_SERVING = ['test/server/serving.test.ts'];
const ADDRESSES_STORED = 'test/server/stored-addresses.test.ts';
const WEIGHTS = 'a client that is helped by one worker learns the model’s masks, and so its weights';

export const STORING: readonly Weakening[] = [
  one(
    'a file at rest whose tag is not looked at',
    'whoever can write to the disk changes shares bit by bit',
    VAULT,
    ['decipher.final();\n    } catch', 'void decipher;\n    } catch'],
    OF_VAULT,
  ),
  one(
    'files at rest that do not say what they are for',
    'a checkpoint passes for a model',
    VAULT,
    ['`securenn vault ${purpose}`', "purpose.length < 0 ? '' : 'securenn vault'"],
    OF_VAULT,
  ),
  one(
    'files at rest under one key and nonce',
    'differences of two files show',
    VAULT,
    ['const salt = randomBytes(SALT_BYTES);', 'const salt = randomBytes(SALT_BYTES).fill(0);'],
    OF_VAULT,
  ),
  one(
    'checkpoints on the disk in the clear',
    'whoever steals a disk has shares and keys',
    'src/data/checkpoint-store.ts',
    ['this.#vault?.seal(CHECKPOINT_PURPOSE, bytes) ?? bytes', 'bytes'],
    OF_TRAINING,
  ),
  one(
    'masks that no piece covers',
    'what lies beyond the pieces is masked by zeros',
    JOINED,
    [
      'if (!(from >= 0 && n >= 0 && from + n <= end))',
      'if (!(from >= 0 && n >= 0 && from + n <= end) && this.#elements < 0)',
    ],
    ['test/data/joined-masks.test.ts'],
  ),
  one(
    'the masks of the first data set for all that follow it',
    'masks cover two values, and their difference shows',
    JOINED,
    [
      'const rows = masks.rows(\n        places.map((i) => starts[i] - from),\n        n,\n      );',
      'const rows = this.#pieces[0].masks.rows(\n        places.map((i) => masks && starts[i] - from),\n        n,\n      );',
    ],
    ['test/data/joined-masks.test.ts'],
  ),
  one(
    'one mask for the images and the labels of a data set',
    'differences of images and labels are open',
    INPUT,
    ['masks: maskOf(part, keys.masks[which])', "masks: maskOf('images', keys.masks[which])"],
    [ADDRESSES_STORED],
  ),
  one(
    'a stored chunk that is damaged or another one',
    'other values go under the same masks, in this job and the ones before',
    INPUT,
    [
      "if (plaintext === undefined) throw broken('is damaged, or another file was put in its place');\n  return plaintext;",
      'return plaintext ?? new Uint8Array(expected);',
    ],
    OF_TRAINING,
  ),
  one(
    'results on the disk in the clear',
    'two parties’ disks together give the model',
    STORED,
    [
      'const sealed = await this.#seal(`result ${this.document} ${name}`, bytes);',
      'const sealed = await Promise.resolve(this.#seal && bytes);',
    ],
    OF_TRAINING,
  ),
  one(
    'results that do not say of which job they are',
    'whoever keeps them can pass one job’s result for another’s',
    STORED,
    ['`result ${this.document} ${name}`', '`result ${name}`'],
    OF_TRAINING,
  ),
  one(
    'a model that is revealed whatever its job says',
    'the receiver learns a model that was to stay shared',
    'src/nn/train.ts',
    ['if (options.showModel !== false)\n', ''],
    OF_TRAINING,
  ),
  one(
    'a shared model that keeps what it was opened under',
    'a session masks weights as the training did that left them',
    MODEL,
    [
      'tensors.set(name, { shape, fractionBits, data });',
      'tensors.set(name, { ...weights.get(name)!, shape, fractionBits, data });',
    ],
    OF_TRAINING,
  ),
  one(
    'a shared model of another job',
    'owners of other data have not agreed to what is done with it',
    MODEL,
    ['if (model.run !== job) throw', 'if (model.run !== job && job === undefined) throw'],
    OF_TRAINING,
  ),
  one(
    'a checkpoint that counts before the others have theirs',
    'after a crash no step is whole at all three',
    PEERS,
    [
      "await Promise.all(this.others.map((link) => link.receive(label, 'u8', 0, WHILE_THE_LINK_LIVES)));",
      "void Promise.all(this.others.map((link) => link.receive(label, 'u8', 0, WHILE_THE_LINK_LIVES)));",
    ],
    ['test/server/peer-checkpoints.test.ts'],
  ),
  one(
    'a run that goes on from checkpoints of different runs',
    'shares of one run go under the masks of another',
    RESUME,
    ['other.run === run && other.step === step', 'other.step === step && run !== undefined'],
    ['test/server/peer-checkpoints.test.ts'],
  ),
  one('parts of an input with two E', WEIGHTS, INPUTS, ['P1.digest === digest &&', "P1.digest !== '' &&"], OF_SERVING),
  one(
    'parts of an input with two masks of P0',
    WEIGHTS,
    INPUTS,
    ['P2.digest === digestOf(part.masks[0]);', "P2.digest !== '';"],
    OF_SERVING,
  ),
  one(
    'parts of an input with two masks of P1',
    WEIGHTS,
    INPUTS,
    ['have.digest === digestOf(part.masks[0]);', "have.digest !== '';"],
    OF_SERVING,
  ),
  one(
    'E of an input known to P2 by its digest',
    'P2, which has the mask, tries values until the digest fits',
    INPUTS,
    ["void this.#P2.send({ kind: 'next', id, n });", "void this.#P2.send({ kind: 'next', id, n, digest });"],
    OF_SERVING,
  ),
  one(
    'a digest of E that anybody can compute',
    'P2, which has both masks, tries labels of a small data set until the public digest is right',
    'src/federation/chunk-cipher.ts',
    ["createHmac('sha256', contentKey).update(OPENED)", "createHash('sha256')"],
    ['test/federation/chunks.test.ts'],
  ),
  one(
    'a check that talks to whoever answers',
    'what party check signs goes to a server with another key',
    'src/service/check/door.ts',
    ['if (!door.pins.includes(pin)) {', 'if (pin === undefined) {'],
    ['test/service/check.test.ts'],
  ),
];
