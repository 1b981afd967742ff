/** What parties keep, jobs on stored data, and sessions that answer clients: what lies on the disk, what goes on together, who is answered. */
import { one, type Weakening } from './weakening.ts';

const VAULT = 'src/data/vault.ts';
const JOINED = 'src/data/joined-masks.ts';
const STORED = 'src/server/stored-ends.ts';
const INPUT = 'src/server/stored-input.ts';
const MODEL = 'src/server/shared-model.ts';
const PEERS = 'src/server/peer-ends.ts';
const INPUTS = 'src/server/serving-inputs.ts';
const LEAD = 'src/server/serving-lead.ts';
const SERVING_ENDS = 'src/server/serving-ends.ts';
const ROWS = 'src/server/serving-rows.ts';
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
    ['decipher.final();\n  } catch', 'void decipher;\n  } catch'],
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
    ['this.#vault?.sealParts(CHECKPOINT_PURPOSE, bytes) ?? bytes', 'bytes'],
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
      'facts: weights.facts.map((tensor) => ({ ...tensor, opened: false })),\n    async *held() {\n      for await (const { data } of weights.held()) yield { data };\n    },\n',
      '...weights,\n',
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
  one('parts of an input with two E', WEIGHTS, LEAD, ['P1.digest === digest &&', "P1.digest !== '' &&"], OF_SERVING),
  one(
    'parts of an input with two masks of P0',
    WEIGHTS,
    LEAD,
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
    LEAD,
    [
      'const forP2 = chosen.map(({ part }) => ({ id: part.id }));',
      'const forP2 = chosen.map(({ part, digest }) => ({ id: part.id, digest }));',
    ],
    OF_SERVING,
  ),
  one(
    'a batch that is let out when one of its inputs is whole',
    WEIGHTS,
    SERVING_ENDS,
    ['if (fits[i]) answers', 'if (fits.includes(true)) answers'],
    OF_SERVING,
  ),
  one(
    'answers of a batch that go to whoever is first in it',
    'clients learn what others asked',
    SERVING_ENDS,
    ['rowsOf(share, images, row, row + part.images)', 'rowsOf(share, images, 0 * row, part.images)'],
    OF_SERVING,
  ),
  one(
    'one mask for all inputs of a batch',
    'a client that gave one of them opens the others’ images, with the help of one worker',
    ROWS,
    ["masks: maskOf('images', masks[which]),", "masks: maskOf('images', (masks && parts[0].masks)[which]),"],
    ['test/server/serving-views.test.ts'],
  ),
  one(
    'batches of any size at P1 and P2',
    'P0 has the others run out of memory',
    INPUTS,
    ['if (kept.length > 1 && images > this.#maxBatch)', 'if (kept.length > 1 && images < this.#maxBatch - Infinity)'],
    ['test/server/serving-lane.test.ts'],
  ),
  one(
    'batches by whatever number P0 gives them',
    'two batches meet under the same addresses',
    INPUTS,
    ['if (n !== this.#count++)', 'if (n < 0 || this.#count++ < 0)'],
    ['test/server/serving-lane.test.ts'],
  ),
  one(
    'turns by who sends most',
    'one client with many inputs keeps all others waiting',
    'src/server/serving-turns.ts',
    [
      'this.#of.delete(client);\n      if (waiting.length > 0) this.#of.set(client, waiting);',
      'if (waiting.length === 0) this.#of.delete(client);',
    ],
    OF_SERVING,
  ),
  one(
    'inputs of clients that are gone',
    'who comes and goes has the parties compute for nobody',
    LEAD,
    ['    this.#unqueue(waiting);\n    this.#await(waiting);', '    this.#await(waiting);'],
    OF_SERVING,
  ),
  one(
    'a digest of E that anybody can compute',
    'P2, which has both masks, tries labels of a small data set until the public digest is right',
    'src/federation/chunk-cipher.ts',
    ["createHmac('sha256', contentKey)", "createHmac('sha256', '')"],
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
