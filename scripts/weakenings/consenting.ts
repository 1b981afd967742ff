/** Who may ask a party, and whether a job may run: signatures, cards, requests, decisions and grants. */
import { edit, one, type Weakening } from './weakening.ts';

const CARD = 'src/federation/signed-card.ts';
const FILE = 'src/federation/federation-file.ts';
const REQUEST = 'src/federation/request.ts';
const LINES = 'src/federation/request-lines.ts';
const RECEIVED = 'src/federation/received.ts';
const RECEIVED_FORM = 'src/federation/received-form.ts';
const JOB = 'src/federation/job-check.ts';
const CONSENT = 'src/federation/consent.ts';
const FOLDER = 'src/service/party-folder.ts';
const OF_CARDS = ['test/federation/card.test.ts'];
const OF_FILES = ['test/federation/federation-file.test.ts'];
const OF_REQUESTS = ['test/federation/request.test.ts'];
const OF_CONSENT = ['test/federation/consent.test.ts'];
const OF_SECRETS = ['test/federation/secret-file.test.ts'];

export const CONSENTING: readonly Weakening[] = [
  one(
    'a card that nobody signed',
    'whoever carries a card to an operator puts other keys into it',
    CARD,
    [
      'if (!isSignedBy(card.identity, contextOf(card), canonicalBytes(card), bytesOf(signed.signature)))',
      'if (!signed)',
    ],
    OF_CARDS,
  ),
  one(
    'a successor that the identity before has not endorsed',
    'anybody takes over the role of a party',
    CARD,
    ['    previous !== undefined &&\n', '    false &&\n    previous !== undefined &&\n'],
    OF_CARDS,
  ),
  one(
    'an update of the federation by a stranger’s card',
    'anybody takes over the role of a party',
    FILE,
    ['if (!followed || firstIdOf(card) !== firstIdOf(known)) {', 'if (firstIdOf(card) !== firstIdOf(known)) {'],
    OF_FILES,
  ),
  one(
    'an update of the federation by an older card',
    'a key that was given up, because it was stolen, comes back',
    FILE,
    ['if (Date.parse(card.issued) < Date.parse(known.issued)) {', 'if (Number.isNaN(Date.parse(card.issued))) {'],
    OF_FILES,
  ),
  one(
    'a request that is taken twice',
    'whoever sees a request can have it done again',
    REQUEST,
    [
      "?.has(nonce) === true) return { refused: 'replayed', id };",
      "?.has('') === true) return { refused: 'replayed', id };",
    ],
    OF_REQUESTS,
  ),
  one(
    'a request from before a restart',
    'whoever has seen requests can have them done again, once a party has been restarted',
    LINES,
    [
      'const lines = [method.toUpperCase(), path, bodyDigest, idOf(audience), instance, String(time), nonce];',
      "const lines = [method.toUpperCase(), path, bodyDigest, idOf(audience), '', String(time), nonce];",
    ],
    OF_REQUESTS,
  ),
  one(
    'a request that was made for another party',
    'one party can make requests of its clients at the other two',
    LINES,
    [
      'const lines = [method.toUpperCase(), path, bodyDigest, idOf(audience), instance, String(time), nonce];',
      "const lines = [method.toUpperCase(), path, bodyDigest, '', instance, String(time), nonce];",
    ],
    OF_REQUESTS,
  ),
  one(
    'a request whose body is another',
    'whoever sits in between has other things done',
    LINES,
    [
      'const lines = [method.toUpperCase(), path, bodyDigest, idOf(audience), instance, String(time), nonce];',
      "const lines = [method.toUpperCase(), path, '', idOf(audience), instance, String(time), nonce];",
    ],
    OF_REQUESTS,
  ),
  one(
    'a request of any time',
    'nonces are forgotten, and a request is done again',
    REQUEST,
    ["if (Math.abs(clockOffset) > CLOCK_TOLERANCE_MS) return { refused: 'time', id, clockOffset };", ''],
    OF_REQUESTS,
  ),
  one(
    'a request taken again after the clock has gone back',
    'a request is done again',
    REQUEST,
    ["if (slotOf(time) < this.#oldest) return { refused: 'clock', id };", ''],
    OF_REQUESTS,
  ),
  one(
    'a document that nobody signed',
    'anybody proposes, approves, grants and withdraws in anybody’s name',
    RECEIVED,
    ['return isProperlySigned(found.signed) ?', 'return found.signed !== undefined ?'],
    OF_CONSENT,
  ),
  one(
    'a document for another federation',
    'an approval given elsewhere counts here',
    RECEIVED_FORM,
    ['if (document.federation !== federation) {', 'if (document.federation === undefined) {'],
    OF_CONSENT,
  ),
  one(
    'a decision about another job',
    'a job that was changed after its approval runs',
    CONSENT,
    [
      "if ('fault' in decision || decision.document.job !== job.digest) continue;",
      "if ('fault' in decision) continue;",
    ],
    OF_CONSENT,
  ),
  one(
    'an earlier yes over a later no',
    'an owner cannot take an approval back',
    CONSENT,
    ['if (later > 0 || (later === 0 && !decision.document.approve))', 'if (before === undefined || later < 0)'],
    OF_CONSENT,
  ),
  one(
    'a job begun past its moment',
    'an approval of long ago counts for ever',
    CONSENT,
    ['if (world.now > Date.parse(expires))', 'if (expires === undefined)'],
    OF_CONSENT,
  ),
  {
    name: 'a grant of somebody else',
    breaks: 'anybody grants anybody’s data',
    edits: [
      edit(CONSENT, 'if (withdrawn || !isClaimedBy(kept.signed, owner, world)) continue;', 'if (withdrawn) continue;'),
      edit(
        CONSENT,
        "if ('fault' in grant || holderOf(grant.author, world) !== owner) continue;",
        "if ('fault' in grant) continue;",
      ),
    ],
    tests: OF_CONSENT,
  },
  one(
    'a withdrawn grant',
    'an owner cannot take a grant back',
    CONSENT,
    [
      'if (withdrawn || !isClaimedBy(kept.signed, owner, world)) continue;',
      'if (!isClaimedBy(kept.signed, owner, world)) continue;',
    ],
    OF_CONSENT,
  ),
  one(
    'a grant used n + 1 times',
    'an analyst trains as often as it likes',
    CONSENT,
    [
      'const used = uses.filter((use) => use !== job.digest).length >= grant.document.maxRuns;',
      'const used = uses.length < 0;',
    ],
    OF_CONSENT,
  ),
  one(
    'a grant to another analyst',
    'any analyst trains',
    CONSENT,
    ['holderOf(grant.analyst, world) === analyst &&', ''],
    OF_CONSENT,
  ),
  one(
    'a grant under which somebody else gets the results',
    'an analyst who is trusted hands the model to one who is not, unseen',
    CONSENT,
    ['holderOf(idOf(job.receiver), world) === analyst &&', ''],
    OF_CONSENT,
  ),
  one(
    'an expired grant',
    'a grant counts for ever',
    CONSENT,
    ['world.now <= Date.parse(grant.until) &&', ''],
    OF_CONSENT,
  ),
  one(
    'a grant that does not allow what is revealed',
    'a model is revealed that its owners wanted to stay shared',
    CONSENT,
    ['(most.model || !asked.model) &&', ''],
    OF_CONSENT,
  ),
  one(
    'an owner who has been revoked',
    'whoever has stolen an owner’s key goes on approving',
    JOB,
    [
      "const refused = standing('owner of data', owner, 'owner', world);",
      "const refused = standing('owner of data', owner, 'owner', { ...world, member: (id) => ({ name: id, revoked: false }) });",
    ],
    OF_CONSENT,
  ),
  one(
    'data under another owner’s name',
    'whoever proposes a job approves the use of others’ data',
    JOB,
    ['if (data.author !== reference.owner)', 'if (data.author === undefined)'],
    OF_CONSENT,
  ),
  one(
    'withdrawn data',
    'an owner cannot take data back',
    JOB,
    ["if (stored.state === 'withdrawn')", 'if (stored.state === undefined)'],
    OF_CONSENT,
  ),
  one(
    'a model without its owners',
    'whoever trains on from a model, or serves it, needs not ask those whose data is in it',
    JOB,
    [
      "return 'refused' in model ? model : { references: unique([...train, ...test, ...model.references]), unready };",
      "return 'refused' in model ? model : { references: [...train, ...test], unready };",
    ],
    OF_CONSENT,
  ),
  one(
    'a model without the owners of the model before it',
    'as above, at one remove',
    JOB,
    ['return unique([...training.train, ...(from?.data ?? [])]);', 'return unique([...training.train]);'],
    OF_CONSENT,
  ),
  one(
    'a key file that others can read',
    'other users of the machine have the party’s keys',
    'src/federation/secret-file.ts',
    ['if (me !== undefined && (mode & OTHERS) !== 0)', 'if (me !== undefined && (mode & OTHERS) < 0)'],
    OF_SECRETS,
  ),
  one(
    'a new identity that signs before others know it',
    'nothing is learnt, but the other parties take this one for a stranger',
    FOLDER,
    ['if (idOf(card.identity) === previousIdentity.id) return previousIdentity;', ''],
    ['test/cli/operator.test.ts'],
  ),
  one(
    'a connection that asks without end and proves nothing',
    'strangers take a party’s processor',
    'src/service/http/server.ts',
    ['else if (!door.asks(incoming.socket)) {', 'else if (incoming.socket.destroyed) {'],
    ['test/service/door.test.ts'],
  ),
];
