/** Addresses, streams, samples and keys: where randomness comes from. */
import { ADDRESSES, edit, one, VIEWS, type Weakening } from './weakening.ts';

const PARTY = 'src/party/party.ts';
const ADDRESS = 'src/random/address.ts';
const STREAMS = 'src/random/streams.ts';
const STREAM = 'src/random/stream.ts';
const UNIFORM = 'src/random/uniform.ts';
const AGREEMENT = 'src/random/agreement.ts';
const HANDSHAKE = 'src/channel/handshakeMessages.ts';

const RANKS = 'src/nn/ranks.ts';

const OF_RANKS = ['test/ranks/training.test.ts'];
const GUARD = ['test/party/party.test.ts'];
const OF_STREAMS = ['test/random/streams.test.ts'];
const OF_KEYS = ['test/random/agreement.test.ts', 'test/channel/mesh.test.ts'];

const SAME_MASKS = 'masks cover two values, and their difference shows';
const ASKS = 'const stream = this.#streamsWith(other, purpose).stream(this.path, purpose);';

function addressed(name: string, path: string, tests: readonly string[], only?: string): Weakening {
  const edits = [edit(PARTY, ASKS, `const stream = this.#streamsWith(other, purpose).stream(${path});`)];
  return { name, breaks: SAME_MASKS, edits, tests, ...(only === undefined ? {} : { only }) };
}

export const DRAWING: readonly Weakening[] = [
  one(
    'no guard against a stream asked for twice',
    SAME_MASKS,
    PARTY,
    ['this.#claim(`${other}:${purpose}`);\n', ''],
    GUARD,
  ),
  one('no guard against a fork made twice', SAME_MASKS, PARTY, ['this.#claim(`/${label}`);\n', ''], GUARD),
  one('a guard that keeps nothing', SAME_MASKS, PARTY, ['this.#used.add(address);', ''], GUARD),
  one(
    'a guard that does not stop',
    SAME_MASKS,
    PARTY,
    ['if (this.#used.has(address))', 'if (this.#used.size < 0)'],
    GUARD,
  ),
  addressed('every chunk draws at the same addresses', "this.path.replace(/\\/\\d+(?=\\/|$)/g, ''), purpose", [
    'test/party/deal.test.ts',
  ]),
  addressed('every step draws at the same addresses', "this.path.replace(/step\\/\\d+/, 'step'), purpose", [ADDRESSES]),
  addressed(
    'every evaluation draws at the same addresses',
    "this.path.replace(/evaluation\\/\\d+/, 'evaluation'), purpose",
    [ADDRESSES],
  ),
  addressed(
    'every batch of an evaluation draws at the same addresses',
    "this.path.replace(/images\\/\\d+/, 'images'), purpose",
    [ADDRESSES],
  ),
  addressed(
    'every part of a batch, and so every rank, draws at the same addresses',
    "this.path.replace(/part\\/\\d+/, 'part'), purpose",
    OF_RANKS,
  ),
  addressed(
    'all that is made of a batch’s statistics draws at the same addresses',
    "this.path.replace(/together\\/\\d+\\/\\w+/, 'together'), purpose",
    OF_RANKS,
    'draw at addresses',
  ),
  one(
    'ranks that compute the first parts of a batch all alike',
    'two ranks draw the same masks, over values of other shares',
    RANKS,
    ['return parts.slice(start(place), start(place + 1));', 'return parts.slice(0, start(1));'],
    OF_RANKS,
  ),
  {
    ...one(
      'statistics of the first rank’s samples alone',
      'what is revealed is not the model that was agreed on: some give samples that count for nothing',
      'src/nn/across.ts',
      [
        'await team.sum(engine, `${label}/${i}`, own, last);',
        '(await team.sum(engine, `${label}/${i}`, own, last)) && last;',
      ],
      OF_RANKS,
    ),
    only: 'statistics',
  },
  addressed(
    'every batch of an inference draws at the same addresses',
    "this.path.replace(/batch\\/\\d+/, 'batch'), purpose",
    [ADDRESSES],
  ),
  addressed('every layer draws at the same addresses', "this.path.replace(/layer\\/\\d+:\\w+/, 'layer'), purpose", [
    ADDRESSES,
  ]),
  addressed(
    'operations of one scope draw at the same addresses',
    "this.path.replace(/\\/\\d+:\\w+/g, '/operation'), purpose",
    [ADDRESSES],
  ),
  addressed(
    'every purpose draws the same',
    "this.path, ''",
    [VIEWS, ...GUARD],
    'ShareConvert|unit vectors of length 3',
  ),
  addressed(
    'ReLU’s two operands go under one mask',
    "this.path.replace(/\\/select$/, ''), purpose",
    [VIEWS],
    'DReLU, ReLU and select, paper suite',
  ),
  one(
    'addresses without their path',
    SAME_MASKS,
    ADDRESS,
    ['putText(text, 0, path)', "putText(text, 0, '')"],
    OF_STREAMS,
  ),
  one('addresses without their purpose', SAME_MASKS, ADDRESS, ['path), purpose);', "path), '');"], OF_STREAMS),
  {
    name: 'addresses without the lengths of their parts',
    breaks: 'two addresses meet: a path that ends as another’s purpose begins',
    edits: [edit(ADDRESS, 'length >>> (24 - 8 * i);', '0;')],
    tests: OF_STREAMS,
  },
  one(
    'addresses that are no text',
    'two addresses meet',
    ADDRESS,
    ['if (/\\p{Surrogate}/u.test(text))', 'if (text === undefined)'],
    OF_STREAMS,
  ),
  one(
    'addresses of the last bytes of a text’s characters',
    'two addresses meet',
    ADDRESS,
    ['units < 0x80 ? text.length : putUnicode(bytes, from, text)', 'text.length'],
    OF_STREAMS,
  ),
  one(
    'a stream that begins again behind its first piece',
    'the key stream repeats',
    STREAMS,
    ['Math.floor(this.#given / BLOCK_BYTES));', '0);'],
    OF_STREAMS,
  ),
  one(
    'streams that go on when their counter wraps',
    'the key stream repeats',
    ADDRESS,
    ['STREAM_BYTES: number = 2 ** 36;', 'STREAM_BYTES: number = 2 ** 40;'],
    OF_STREAMS,
  ),
  one(
    'streams without an end',
    'the key stream repeats',
    STREAM,
    ['const left = this.#limitBytes - this.#fetched;', 'const left = Infinity;'],
    OF_STREAMS,
  ),
  one(
    'streams under one key for all',
    'everybody knows every mask',
    STREAMS,
    ['aesKey(key)', 'aesKey(new Uint8Array(STREAM_KEY_BYTES))'],
    OF_STREAMS,
  ),
  one(
    'the masks of all rows alike',
    'differences of rows are open',
    STREAMS,
    ['firstBlocks.push(Math.floor(from / 2));', 'firstBlocks.push(0);'],
    OF_STREAMS,
  ),
  one(
    'the masks of an input begin anew in every block',
    'differences of blocks are open',
    STREAMS,
    ['const block = Math.floor((8 * from) / BLOCK_BYTES);', 'const block = 0;'],
    OF_STREAMS,
  ),
  one(
    'Z_p by a bare modulus',
    'samples are not uniform',
    UNIFORM,
    ['const accepted = 256 - (256 % bound);', 'const accepted = 256;'],
    ['test/random/uniform.test.ts'],
  ),
  one(
    'Z_p by a bare modulus in the kernel',
    'samples are not uniform',
    'runtime/wasm/assembly/sample.ts',
    ['const largest: u32 = 255 - (256 % bound);', 'const largest: u32 = 255;'],
    ['test/runtime/sample.test.ts'],
  ),
  one(
    'a draw of nonzero elements of Z_p that may be 0',
    'a multiplier of 0 makes zeros',
    STREAM,
    ['return this.#sample(prime - 1, 1, n, out);', 'return this.#sample(prime, 0, n, out);'],
    ['test/random/uniform.test.ts'],
  ),
  one(
    'a draw of nonzero elements of Z_17 without the largest',
    'samples are not uniform',
    UNIFORM,
    ['out[at + 1] = (byte >>> 4) + 1;', 'out[at + 1] = ((byte >>> 4) % 15) + 1;'],
    ['test/random/uniform.test.ts'],
  ),
  one(
    'pair keys of identities alone',
    'every session has the keys of the last; identity keys that leak later open all',
    AGREEMENT,
    ['Buffer.concat([ephemeral.agree(peerPublicKey), identity.agree(peerIdentity)])', 'identity.agree(peerIdentity)'],
    OF_KEYS,
  ),
  one(
    'pair keys of this connection alone',
    'anybody may pose as a party',
    AGREEMENT,
    ['Buffer.concat([ephemeral.agree(peerPublicKey), identity.agree(peerIdentity)])', 'ephemeral.agree(peerPublicKey)'],
    OF_KEYS,
  ),
  one(
    'proofs that do not depend on what was said',
    'a handshake may be changed on its way',
    AGREEMENT,
    ['const digest = sha256(hellos);', 'const digest = sha256(new Uint8Array(0));'],
    OF_KEYS,
  ),
  one(
    'pair keys that do not depend on the terms',
    'a session may have keys of other terms than both ends compared',
    AGREEMENT,
    ['sha256(Buffer.concat([hellos, terms]))', 'digest'],
    OF_KEYS,
  ),
  one(
    'terms that are not sealed',
    'whoever listens reads the session and its configuration',
    AGREEMENT,
    [
      'return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);',
      'return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag(), text]);',
    ],
    [...OF_KEYS, 'test/channel/strangers.test.ts'],
  ),
  one(
    'one key for all pairs of the same two secrets',
    'pairs may share a key',
    AGREEMENT,
    ['`pair ${pair}`, STREAM_KEY_BYTES', "'pair', STREAM_KEY_BYTES"],
    OF_KEYS,
  ),
  one(
    'a proof that does not name its role',
    'a proof can be sent back to whom it came from',
    AGREEMENT,
    ["createHmac('sha256', confirmKey).update(role).update(digest)", "createHmac('sha256', confirmKey).update(digest)"],
    OF_KEYS,
  ),
  one(
    'insecure keys for all',
    'everybody knows every mask',
    AGREEMENT,
    ['deriveKey(secret, spoken(terms), `pair ${pair}`, STREAM_KEY_BYTES)', 'insecurePairKey(0, pair)'],
    OF_KEYS,
  ),
  one(
    'proofs that nobody looks at',
    'anybody may pose as a party',
    HANDSHAKE,
    [
      'if (found.length !== expected.length || !timingSafeEqual(found, expected)) {',
      'if (found.length > 1000 && timingSafeEqual(found, expected)) {',
    ],
    ['test/channel/mesh.test.ts'],
  ),
  one(
    'configurations that nobody compares',
    'parties run different jobs under the same masks',
    HANDSHAKE,
    ['if (value !== others[i][1])', 'if (value === undefined)'],
    ['test/channel/mesh.test.ts'],
  ),
  one(
    'resumed steps that nobody compares',
    'parties go on from different steps under the same masks',
    'src/server/job.ts',
    ["['resume from step', job.resume?.step],", ''],
    ['test/server/job.test.ts'],
  ),
  one(
    'resumed runs that nobody compares',
    'parties go on with different runs',
    'src/server/job.ts',
    ["['run', job.resume?.run ?? 'new'],", ''],
    ['test/server/job.test.ts'],
  ),
];
