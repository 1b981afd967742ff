/** Links between organisations: whom TLS lets in, and what lets a link go on over another connection. */
import { edit, one, type Weakening } from './weakening.ts';

const TLS = 'src/channel/tls.ts';
const HANDSHAKE = 'src/channel/handshake.ts';
const RESUME = 'src/channel/resume.ts';
const AGREEMENT = 'src/random/agreement.ts';
const TAGS = 'src/channel/tags.ts';
const OF_TLS = ['test/channel/tls.test.ts'];
const OF_RESUMING = ['test/channel/resume.test.ts'];
const OF_TAGS = ['test/channel/tags.test.ts'];

const BINDING = 'binding: socket.exportKeyingMaterial(BINDING_BYTES, BINDING_LABEL, Buffer.alloc(0))';
const POSES = 'anybody may pose as a party, and hears what it is told';
const TAKES_OVER = 'whoever has stolen a party’s keys takes over links that are open';

export const LINKING: readonly Weakening[] = [
  one(
    'a listener whose key nobody looks at',
    POSES,
    TLS,
    ['securedBy(socket, tls.pins, [peer]);', `{ peers: [peer], ${BINDING} };`],
    OF_TLS,
  ),
  one(
    'a listener with the key of any party',
    'each party may pose as every other',
    TLS,
    ['securedBy(socket, tls.pins, [peer]);', 'securedBy(socket, tls.pins, Object.keys(tls.pins) as PeerName[]);'],
    OF_TLS,
  ),
  one(
    'whoever dials, with any key or none',
    'strangers reach what lies behind TLS',
    TLS,
    [
      'securedBy(socket, this.#tls.pins, Object.keys(this.#tls.pins) as PeerName[]);',
      `{ peers: Object.keys(this.#tls.pins) as PeerName[], ${BINDING} };`,
    ],
    OF_TLS,
  ),
  one(
    'a pin that nobody compares',
    POSES,
    TLS,
    ['peers.filter((peer) => pins[peer]?.includes(pin));', 'peers.filter((peer) => pins[peer] !== pin as unknown);'],
    OF_TLS,
  ),
  one(
    'the TLS key of one role for another',
    'whoever has a party’s TLS key and another’s identity key poses as that one',
    HANDSHAKE,
    ['if (secured !== undefined && !secured.peers.includes(peer))', 'if (secured?.peers.length === 0)'],
    OF_TLS,
  ),
  one(
    'proofs that do not depend on the connection of TLS',
    'whoever has stolen TLS keys sits in the middle and reads all',
    HANDSHAKE,
    ['...(secured === undefined ? [] : [secured.binding])', '...(secured === undefined ? [] : [])'],
    OF_TLS,
  ),
  one(
    'sessions of TLS that can be resumed',
    'a connection proves no key anew',
    TLS,
    ['    secureOptions: constants.SSL_OP_NO_TICKET,\n', ''],
    OF_TLS,
  ),
  {
    name: 'an older TLS',
    breaks: 'certificates are read on the line, and weaker ciphers are taken',
    // No cipher of the list is one of TLS 1.2: the list alone keeps it out, too.
    edits: [edit(TLS, "minVersion: 'TLSv1.3',", "minVersion: 'TLSv1.2',"), edit(TLS, '    ciphers: CIPHERS,\n', '')],
    tests: OF_TLS,
  },
  one(
    'a link that opens whatever its ends have heard',
    'whoever is on the path gives the two ends two pair keys',
    HANDSHAKE,
    ["createHmac('sha256', resumeKey).update(", "createHmac('sha256', resumeKey.fill(0)).update("],
    ['test/channel/strangers.test.ts'],
  ),
  one(
    'links that go on for whoever says so',
    TAKES_OVER,
    RESUME,
    ['    this.#checkProof(claim, hellos);\n    if (claim.attempt <=', '    if (claim.attempt <='],
    OF_RESUMING,
  ),
  one(
    'an answer of whoever listens',
    TAKES_OVER,
    HANDSHAKE,
    ['    resumption.check(offered.resume, hellos);\n', ''],
    OF_RESUMING,
  ),
  one(
    'an answer whose proof nobody looks at',
    TAKES_OVER,
    RESUME,
    ['    this.#checkProof(claim, hellos);\n    if (claim.attempt !==', '    if (claim.attempt !=='],
    OF_RESUMING,
  ),
  one(
    'a claim that serves on any connection',
    'a claim that was seen once takes the link over',
    RESUME,
    [' `).update(digest).digest();', ' `).digest();'],
    OF_RESUMING,
  ),
  one(
    'a claim that does not name its role',
    'a claim can be sent back to whom it came from',
    RESUME,
    ['update(`${role} ${attempt}', 'update(`${attempt}'],
    OF_RESUMING,
  ),
  one(
    'a claim whose count is not proved',
    'whoever changes the count ends the link, or has frames lost',
    RESUME,
    ['${attempt} ${received} `', '${attempt} `'],
    OF_RESUMING,
  ),
  one(
    'claims in any order',
    'a connection that was held up takes the link from a newer one',
    RESUME,
    ['if (claim.attempt <= this.#attempt)', 'if (claim.attempt < 0)'],
    OF_RESUMING,
  ),
  one(
    'counts that cannot be',
    'frames are lost or sent twice without a word',
    RESUME,
    ['if (fault === undefined) return;', 'if (fault === undefined || received >= 0) return;'],
    OF_RESUMING,
  ),
  {
    name: 'a new link in place of an open one',
    breaks: TAKES_OVER,
    edits: [
      edit(HANDSHAKE, 'if (offered.resume === undefined && door.isConnected(peer)) throw', 'if (peer === self) throw'),
      edit(HANDSHAKE, 'if (door.isConnected(peer) || !isNewest()) throw', 'if (!isNewest()) throw'),
    ],
    tests: OF_RESUMING,
  },
  one(
    'a resume key that does not depend on the terms',
    'links of other terms have the same secret',
    AGREEMENT,
    [
      'deriveKey(secret, spoken(terms), `resume ${pair}`, KEY_BYTES)',
      'deriveKey(secret, digest, `resume ${pair}`, KEY_BYTES)',
    ],
    ['test/random/agreement.test.ts'],
  ),
  one(
    'tags of frames that nobody compares',
    'whoever ends TLS for a party changes what it hears',
    TAGS,
    ['if (!timingSafeEqual(', 'if (sequence < 0 && !timingSafeEqual('],
    OF_TAGS,
  ),
  one(
    'tags that do not say which frame it is',
    'whoever ends TLS for a party has a frame of other values taken in place of the next, under one nonce',
    TAGS,
    ['nonce.writeUInt32LE(sequence);', 'nonce.writeUInt32LE(0 * sequence);'],
    OF_TAGS,
  ),
  one(
    'one key of tags for both directions',
    'a party takes its own frames, sent back, for its peer’s',
    AGREEMENT,
    ['`tags ${pair} from ${role}`', '`tags ${pair}`'],
    ['test/random/agreement.test.ts'],
  ),
  one(
    'a private session whose frames have no tags',
    'whoever ends TLS for a party changes what it hears',
    'src/server/neighbours.ts',
    ["tags: job.security === 'private',", 'tags: false,'],
    OF_TAGS,
  ),
];
