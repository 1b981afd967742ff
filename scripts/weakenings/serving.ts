/** What a party does for whoever asks: whose requests, documents, data and results those are, which key counts, and what stays under old keys. */
import { one, type Weakening } from './weakening.ts';

const MEMBERS = 'src/federation/members.ts';
const SUCCESSION = 'src/federation/succession.ts';
const DIRECTORY = 'src/service/directory.ts';
const CONSENT = 'src/federation/consent.ts';
const READING = 'src/service/api/reading.ts';
const OF_DATA = 'src/service/api/data.ts';
const OF_JOBS = 'src/service/api/jobs.ts';
const DECISIONS = 'src/service/api/consent.ts';
const BODY = 'src/service/http/body.ts';
const CHUNK = 'src/service/store/chunk-upload.ts';
const STORE = 'src/service/store/data-store.ts';
const SEALED = 'src/service/store/sealed-files.ts';
const ROTATION = 'src/service/rotation.ts';
const AUDIT = 'src/service/audit-log.ts';
const LINKS = 'src/service/jobs/scheduler.ts';
const ON_SUCCESSION = ['test/federation/succession.test.ts'];
const SEALING = 'src/federation/sealing.ts';
const VISITORS = 'src/service/api/visitors.ts';
const ON_PAGES = ['test/service/pages.test.ts'];
const ON_STRANGERS = ['test/service/strangers.test.ts'];
const ON_DATA = ['test/service/data.test.ts'];
const ON_JOBS = ['test/service/jobs-api.test.ts'];
const ON_SEALED = ['test/service/sealed-files.test.ts'];

export const SERVING: readonly Weakening[] = [
  one(
    'members that change while a party starts',
    'who is revoked in that moment is let in until the list changes again',
    'src/service/file-watch.ts',
    ["changedAt > readAt ? '' : state", 'changedAt > readAt ? state : state'],
    ON_STRANGERS,
  ),
  one(
    'pages of any origin',
    'any page that a member opens asks in its browser, and reads what it is answered',
    'src/service/http/pages.ts',
    ["if (!pages.includes(origin)) return 'refused';", "if (origin === '') return 'refused';"],
    ON_PAGES,
  ),
  one(
    'answers under one nonce',
    'a question that is answered twice, with other shares, gives away both to who sees the line',
    SEALING,
    ['const nonce = by.randomBytes(NONCE_BYTES);', 'const nonce = new Uint8Array(NONCE_BYTES);'],
    ['test/federation/sealed.test.ts'],
  ),
  one(
    'keys of answers that do not depend on the question',
    'an answer to one input is taken for one to another',
    'src/federation/hpke.ts',
    [
      "labeledExpand(by, SUITE, secret, 'exp', context, HASH_BYTES)",
      "labeledExpand(by, SUITE, secret, 'exp', context.subarray(context.length), HASH_BYTES)",
    ],
    ['test/federation/hpke.test.ts'],
  ),
  one(
    'inputs from pages of any origin',
    'any page that a member opens asks for answers in its browser',
    'src/service/api/app.ts',
    ['take: (call) => entry.greet(call) ?? entry.admit(call)', 'take: (call) => entry.admit(call)'],
    ON_PAGES,
  ),
  one(
    'visitors who may ask for anything',
    'whoever makes a key is no stranger any more',
    VISITORS,
    [
      "if (typeof written !== 'string' || !MAY.test(`${method} ${path}`)) return undefined;",
      "if (typeof written !== 'string' || !MAY.source || path === method) return undefined;",
    ],
    ON_PAGES,
  ),
  one(
    'visitors whose images nobody counts',
    'one machine uses up a session, or copies its model, as fast as it can',
    VISITORS,
    [
      'if (visitorImages.of(address, now()).take(now(), images)) return;',
      'if (visitorImages.of(address, now()).take(now(), images) || images > 0) return;',
    ],
    ON_PAGES,
  ),
  one(
    'inputs that are masked with zeros',
    'a page that draws no masks sends its image in the clear, and nobody notices',
    'src/service/api/jobs.ts',
    ['  checkDrawn(context.party, input);', '  if (input.length === 0) checkDrawn(context.party, input);'],
    ON_PAGES,
  ),
  one(
    'visitors whose signatures are checked without end',
    'strangers keep a core busy with signatures',
    'src/service/api/app.ts',
    [
      'if (visitor !== undefined && !door.mayVisit(socket)) {',
      "if (visitor !== undefined && !door.mayVisit(socket) && method === '') {",
    ],
    ON_PAGES,
  ),
  one(
    'visitors whom the door takes for members',
    'strangers keep connections as members do, and crowd them out',
    'src/service/http/door.ts',
    [
      'this.#visitors.set(key, { socket: known.socket, address: known.address, since: this.#now(), requests: 0 });',
      'this.#proved.set(key, known.socket);\n    this.#trust(known.address);',
    ],
    ['test/service/door.test.ts'],
  ),
  one(
    'plain HTTP under any name',
    'a page whose name leads to this machine is taken for one of it',
    'src/service/http/server.ts',
    [
      'if (!isOurs(incoming.headers.host)) incoming.socket.destroy();',
      "if (!isOurs(incoming.headers.host) && incoming.method === '') incoming.socket.destroy();",
    ],
    ON_PAGES,
  ),
  one(
    'a new key of a member whose key was revoked',
    'who has stolen a key that was revoked comes back with another',
    MEMBERS,
    ['  if (before.revoked !== undefined) {', '  if (before.name === undefined) {'],
    ON_SUCCESSION,
  ),
  one(
    'a second successor of one key',
    'who has stolen a key after it was changed takes the member’s place',
    MEMBERS,
    ['  if (idOf(before.identity) !== id) {', '  if (before.name === undefined) {'],
    ON_SUCCESSION,
  ),
  one(
    'a card of a key that another has followed',
    'an old card that is played back brings an old key back',
    MEMBERS,
    [
      '  if (known !== undefined && idOf(known.identity) !== id) {',
      '  if (known !== undefined && known.name === undefined) {',
    ],
    ON_SUCCESSION,
  ),
  one(
    'a key before that counts for years',
    'a key that was given up goes on counting',
    MEMBERS,
    [
      'if (Date.parse(previous.until) > now.getTime() + MAX_OVERLAP_DAYS * DAY_MS) {',
      'if (Number.isNaN(now.getTime())) {',
    ],
    ON_SUCCESSION,
  ),
  one(
    'members whose keys have not endorsed each other',
    'a member’s data and grants pass to a key that it never named',
    MEMBERS,
    ['if (keys.length <= (member.successions?.length ?? 0))', 'if (keys.length === 0)'],
    ON_SUCCESSION,
  ),
  one(
    'a chain of keys with a card of another',
    'parties tell clients whose a key is, and are believed',
    SUCCESSION,
    [
      'return idOf(card.identity) === successor ? card.previous : undefined;',
      "return successor === '' ? undefined : card.previous;",
    ],
    ON_SUCCESSION,
  ),
  one(
    'a key after its end',
    'a key that was changed because it was stolen counts for ever',
    DIRECTORY,
    [
      "if (known.member.revoked !== undefined || now > known.until) return 'revoked';",
      "if (known.member.revoked !== undefined || now < 0) return 'revoked';",
    ],
    ON_STRANGERS,
  ),
  one(
    'requests of a member that was revoked',
    'an operator cannot shut anybody out',
    DIRECTORY,
    [
      "if (known.member.revoked !== undefined || now > known.until) return 'revoked';",
      "if (now > known.until) return 'revoked';",
    ],
    ON_STRANGERS,
  ),
  one(
    'results sealed to a key that has ended',
    'who has stolen the key before opens what comes after',
    CONSENT,
    ['world.member(idOf(job.document.receiver))?.replaced === true', 'world.now < 0'],
    ['test/federation/consent.test.ts'],
  ),
  one(
    'an old answer of an owner who has changed its key',
    'a job runs that its owner has refused',
    CONSENT,
    ['const author = holderOf(decision.author, world);', 'const { author } = decision;'],
    ['test/federation/consent.test.ts'],
  ),
  one(
    'documents that somebody else sends',
    'who has seen a document makes it count where its author did not send it',
    READING,
    [
      "if (author === undefined || author === 'revoked' || (asker.id !== author.id && asker.party === undefined)) {",
      "if (author === undefined || author === 'revoked' || asker.id === '') {",
    ],
    [...ON_JOBS, ...ON_DATA],
  ),
  one(
    'members in roles that they were not given',
    'whoever is admitted as a client stores data and proposes jobs',
    READING,
    ['if (member?.roles.includes(right) === true) return;', 'if (member !== undefined) return;'],
    [...ON_JOBS, ...ON_DATA],
  ),
  one(
    'orders of members',
    'a member poses as a party',
    READING,
    ['if (party !== undefined) return party;', "if (party !== 'P3' as unknown) return party ?? 'P0';"],
    ON_STRANGERS,
  ),
  one(
    'a body that was not signed',
    'who changes a request on its way has another body taken',
    BODY,
    [
      "if (createHash('sha256').update(body).digest('hex') !== digest) {",
      "if (createHash('sha256').update(body).digest('hex') === '') {",
    ],
    [...ON_JOBS, ...ON_DATA, ...ON_STRANGERS],
  ),
  one(
    'a chunk that was not signed',
    'the same, of data',
    CHUNK,
    ["if (body.digest('hex') !== bodyDigest) {", "if (body.digest('hex') === '') {"],
    ON_DATA,
  ),
  one(
    'chunks of whoever sends them',
    'members write into the data sets of others',
    OF_DATA,
    ['if (directory.holder(stored.data.author) !== directory.holder(asker.id))', "if (asker.id === '')"],
    ON_DATA,
  ),
  one(
    'withdrawals of whoever signs them',
    'anybody removes anybody’s data and grants',
    OF_DATA,
    ['if (directory.holder(author) !== directory.holder(withdrawal.author))', "if (withdrawal.author === '')"],
    ON_DATA,
  ),
  one(
    'receipts of another party',
    'a data set counts as complete that a party lacks',
    OF_DATA,
    ["signer === 'revoked' || signer.party !== party) {", "signer === 'revoked') {"],
    ON_DATA,
  ),
  one(
    'masks that the document does not commit to',
    'an owner gives the parties masks that do not fit, or those of other data',
    STORE,
    [
      'if (named.every((commitment, i) => maskCommitment(keys.masks[i]) === commitment)) return;',
      'if (named.length > 0 && keys.masks.length > 0) return;',
    ],
    ON_DATA,
  ),
  one(
    'results for whoever sees the job',
    'an owner fetches what is sealed to the analyst, and keeps it until a key is stolen',
    OF_JOBS,
    [
      "if (document.kind === 'train' && directory.holder(idOf(document.receiver)) === who) return job.digest;",
      "if (document.kind === 'train' && who !== '') return job.digest;",
    ],
    ON_JOBS,
  ),
  one(
    'jobs for every member to see',
    'who trains what on whose data is known to all',
    OF_JOBS,
    [
      'return party !== undefined || [job.author, ...owners, ...others].some((each) => directory.holder(each) === who);',
      'return party !== undefined || owners.length >= 0 || others.includes(who);',
    ],
    ON_JOBS,
  ),
  one(
    'sessions for every client',
    'members learn which sessions there are, and send inputs to them',
    OF_JOBS,
    ['return document.clients.some((each) => directory.holder(each) === who);', 'return who !== undefined;'],
    ON_JOBS,
  ),
  one(
    'decisions from the future',
    'a decision with a wrong date cannot be taken back',
    DECISIONS,
    [
      'if (Date.parse(decision.document.at) > context.now() + CLOCK_MS) {',
      'if (Date.parse(decision.document.at) < 0) {',
    ],
    ON_JOBS,
  ),
  one(
    'decisions of those whom a job does not concern',
    'members learn of jobs that are none of their business',
    DECISIONS,
    [
      'if (found === undefined || !found.owners.some((each) => context.directory.holder(each) === owner)) {',
      "if (found === undefined || owner === '') {",
    ],
    ON_JOBS,
  ),
  one(
    'grants on the data of others',
    'a grant names data sets that are not its author’s',
    DECISIONS,
    [
      "if (isOwn && stored.state !== 'withdrawn') continue;",
      "if (stored !== undefined && stored.state !== 'withdrawn') continue;",
    ],
    [...ON_DATA, ...ON_JOBS],
  ),
  {
    ...one(
      'connections for any session',
      'who knows no session’s name reaches a job’s process',
      LINKS,
      ['if (actor.session === session) return', 'if (actor.session !== undefined) return'],
      ['test/service/jobs/scheduler.test.ts'],
    ),
    only: 'hands a connection',
  },
  one(
    'an old storage key that goes while files are under it',
    'data is lost; of a copy that is kept of them nobody knows the key',
    ROTATION,
    ['if (first !== undefined) {', 'if (first !== undefined && left.length === 0) {'],
    ON_SEALED,
  ),
  one(
    'an old storage key that goes while the party runs',
    'what the party writes under it is lost',
    ROTATION,
    [
      'const release = await lockFolder(paths.state, { words: SERVICE_LOCK });',
      'const release = (): void => void [lockFolder, SERVICE_LOCK];',
    ],
    ON_SEALED,
  ),
  one(
    'models that stay under an old storage key',
    'a storage key that was stolen opens shared models for good',
    SEALED,
    ["  ['models', /^model\\.shares$/, () => MODEL_PURPOSE],\n", ''],
    ON_SEALED,
  ),
  one(
    'an audit log whose lines nobody compares',
    'lines are removed or changed unnoticed',
    AUDIT,
    ['parsed.data.n !== n || parsed.data.previous !== head', 'parsed.data.n !== n'],
    ['test/service/audit-log.test.ts'],
  ),
];
