/** What members do before they believe a party, sign, or send: pins, documents, receipts, names, and what goes under which masks. */
import { one, type Weakening } from './weakening.ts';

const HTTPS = 'src/client/federated/https.ts';
const CLIENT = 'src/client/federated/client.ts';
const JOBS = 'src/client/federated/jobs.ts';
const UPLOAD = 'src/client/federated/upload.ts';
const PUT = 'src/client/federated/put.ts';
const DIRECTORY = 'src/client/federated/directory.ts';
const ANSWERS = 'src/client/federated/answers.ts';
const PAGE_SERVER = 'src/cli/demo/page-server.ts';
const ON_PAGE_SERVER = ['test/cli/page-server.test.ts'];
const ON_HTTPS = ['test/client/federated/https.test.ts'];
const ON_JOBS = ['test/client/federated/jobs.test.ts'];
const ON_UPLOAD = ['test/client/federated/upload.test.ts'];
const ON_CONNECT = ['test/client/connect.test.ts'];
const ON_CLIENT = ['test/client/federated/client.test.ts'];

export const ASKING: readonly Weakening[] = [
  one(
    'documents that a party shows and nobody checks',
    'a party shows owners and clients a job that nobody signed',
    'src/federation/received-form.ts',
    [
      'if (!(await verify(fromHex(by.sign), bytes, fromHex(signature)))) return NOT_SIGNED(what);',
      'if (!(await verify(fromHex(by.sign), bytes, fromHex(signature))) && what === "") return NOT_SIGNED(what);',
    ],
    ON_CONNECT,
  ),
  one(
    'a session that one party alone shows',
    'a party has clients ask another model than the other two serve',
    'src/client/federated/served.ts',
    ['session !== undefined && everywhere(session.digest)', 'session !== undefined && everywhere.length > 0'],
    ON_CONNECT,
  ),
  one(
    'a fingerprint that nobody compares',
    'whoever changes the federation file on its way is the federation',
    'src/client/connect.ts',
    [
      "if (known.toLowerCase().replaceAll(/[^0-9a-f]/g, '') === found.replaceAll(' ', '')) return;",
      "if (known !== '') return;",
    ],
    ON_CONNECT,
  ),
  one(
    'a party whose TLS key nobody compares',
    'who sits in between reads and changes what members send and are told',
    HTTPS,
    ['if (!this.card.tls.includes(pin)) {', "if (pin === '') {"],
    ON_HTTPS,
  ),
  one(
    'an authority’s party whose certificate nobody checks',
    'the same, where a card names an authority',
    HTTPS,
    [
      "trust === 'pinned' ? { rejectUnauthorized: false } : trust === 'public' ? {} : { ca: trust.ca };",
      "({ rejectUnauthorized: false, ...(typeof trust === 'string' ? {} : { ca: trust.ca }) });",
    ],
    ON_HTTPS,
  ),
  one(
    'a request that is signed without its body',
    'who changes a body on its way has it taken',
    CLIENT,
    [
      'bodyDigest: (raw ? digest : undefined) ?? (await this.#digestOf(bytes)),',
      'bodyDigest: (raw ? digest : undefined) ?? NO_BODY,',
    ],
    [...ON_CLIENT, ...ON_JOBS],
  ),
  one(
    'another job under the name of this one',
    'a party shows one job and has another approved',
    JOBS,
    [
      'if (job === digest && digestOf(signed.document) === digest) return;',
      'if (job === digest || digestOf(signed.document) === digest) return;',
    ],
    ON_JOBS,
  ),
  one(
    'documents that nobody signed',
    'a party makes up whose data, grants and jobs there are',
    ANSWERS,
    [
      "if (!('fault' in found)) return found;",
      "if (!('fault' in found)) return found;\n  if (/signature/.test(found.fault)) return { digest: '0', by: raw.by, author: '0', document: schema.parse(raw.document), signed: raw };",
    ],
    [...ON_JOBS, ...ON_UPLOAD],
  ),
  one(
    'receipts of whichever party',
    'a data set counts as complete that a party lacks',
    UPLOAD,
    [
      'if (document.party !== party || document.data !== digest || role !== party) {',
      'if (document.data !== digest || role === undefined) {',
    ],
    ON_UPLOAD,
  ),
  one(
    'receipts for another data set',
    'the same',
    UPLOAD,
    ['document.data !== digest || role !== party', 'role !== party'],
    ON_UPLOAD,
  ),
  one(
    'other data under the keys of an upload that was stopped',
    'the difference of two data sets shows',
    PUT,
    [
      'if (!isSame(document, { ...opened.sizes, ...factsOf(set), ...committed })) {',
      'if (isSame(document, { name: "" })) {',
    ],
    ON_UPLOAD,
  ),
  one(
    'a member under a key that is another’s',
    'a party has grants and results given to a key of its choice',
    DIRECTORY,
    ['if (idOf(identity) !== id) continue;', "if (id === '') continue;"],
    ON_CLIENT,
  ),
  one(
    'a page server that answers under any name',
    'a page of somebody else, whose name leads to 127.0.0.1, is the demo’s page',
    PAGE_SERVER,
    ['if (headers.host !== `${HOST}:${this.port}`) return', "if (headers.host === '') return"],
    ON_PAGE_SERVER,
  ),
  one(
    'a model for whoever asks the page server',
    'every user of the machine gets the analyst’s model',
    PAGE_SERVER,
    ["if (!isSame(authorization ?? '', `Bearer ${this.#options.token}`)) return", "if (authorization === '?') return"],
    ON_PAGE_SERVER,
  ),
  one(
    'a page that may send anywhere',
    'what gets into the page sends the drawing to whom it likes',
    PAGE_SERVER,
    [
      "`connect-src 'self' ${parties.map((port) => `http://${HOST}:${port}`).join(' ')}`",
      '`connect-src * ${parties.length}`',
    ],
    ON_PAGE_SERVER,
  ),
];
