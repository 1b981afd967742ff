/** Documents, cards, files of a federation, signatures of requests and sealed messages, made up: taken as they were made, or refused in words. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { ZodType } from 'zod';
import { Problem } from '../../src/data/problem.ts';
import { parseMemberCard, parsePartyCard, signCard } from '../../src/federation/signed-card.ts';
import { formatCard, ROLES, type PartyCard } from '../../src/federation/card.ts';
import {
  cancelDocument,
  dataDocument,
  decisionDocument,
  grantDocument,
  jobDocument,
  receiptDocument,
  withdrawalDocument,
} from '../../src/federation/documents.ts';
import { formatFederation, joinFederation, parseFederation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { parseMembers } from '../../src/federation/members.ts';
import { examine } from '../../src/federation/received.ts';
import { RequestChecker, signRequest } from '../../src/federation/request.ts';
import { openWith, sealTo } from '../../src/federation/sealed.ts';
import { nameOf, signDocument, type Document, type Signed } from '../../src/federation/signed.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import { initialConfig, parseConfig } from '../../src/service/config.ts';
import { changed, expect, fuzz, type Fuzz } from './fuzz.ts';
import { changedText, changes, edited, edits } from './mutations.ts';

const author = Identity.generate();
const AT = '2026-02-01T11:00:00.000Z';
const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const federation = hex(32);
const set = { owner: author.id, name: 'scans', digest: hex(32) };
const reveal = { model: true, loss: true, counts: 'total' };
const values = { divideBy: 255, mean: [0], std: [1] };
const job = {
  ...{ securenn: 'job', version: JOB_VERSION, federation, title: 'a title', network: NETWORKS.A, suite: 'direct' },
  ...{ truncation: 'dealt', fractionBits: 16, compareBits: 33, expires: AT, nonce: hex(16), scaling: values },
};

/** Of each kind one that has nearly, or fully, the right form. */
export const DOCUMENTS: Readonly<Record<string, readonly [schema: ZodType<Document>, document: object]>> = {
  data: [
    dataDocument,
    {
      ...{ securenn: 'data', federation, name: 'scans', images: 6, rows: 4, columns: 4, channels: 1, classes: 4 },
      ...{ fractionBits: 16, opened: { images: hex(32), labels: hex(32) }, masks: { P0: hex(32), P1: hex(32) } },
      ...{ created: AT, scaling: values },
    },
  ],
  job: [
    jobDocument,
    {
      ...{ ...job, kind: 'train', train: [set], test: [], batch: 4, epochs: 2, loss: 'softmax', optimizer: 'sgd' },
      ...{ learningRate: 0.25, lrDecay: 1, lrDecayEpochs: 1, momentum: 0, seed: 3, checkpointEvery: 2 },
      ...{ reveal, receiver: author.public, keepModel: false },
    },
  ],
  session: [
    jobDocument,
    { ...job, kind: 'serve', model: hex(32), clients: [author.id], reveal: 'class', maxImages: 10 },
  ],
  grant: [
    grantDocument,
    {
      ...{ securenn: 'grant', federation, data: [hex(32)], analyst: author.id, networks: 'any', reveal },
      ...{ keepModel: true, maxRuns: 2, until: AT, nonce: hex(16) },
    },
  ],
  decision: [decisionDocument, { securenn: 'decision', federation, job: hex(32), approve: true, at: AT }],
  withdrawal: [withdrawalDocument, { securenn: 'withdrawal', federation, what: 'data', digest: hex(32), at: AT }],
  cancel: [cancelDocument, { securenn: 'cancel', federation, job: hex(32), reason: '', at: AT }],
  receipt: [receiptDocument, { securenn: 'receipt', federation, data: hex(32), party: 'P1' }],
};
const KINDS = Object.keys(DOCUMENTS);

const said = (text: string): boolean => text.length > 0 && text.length < 2000 && !text.includes('\n    at ');

const documents = fuzz(
  'signed documents',
  0.25,
  fc.tuple(fc.constantFrom(...KINDS), edits, edits, fc.boolean()),
  ([kind, inside, outside, anew]) => {
    const [schema, document] = DOCUMENTS[kind];
    const wanted = kind === 'session' ? 'job' : kind;
    const inner = edited(document, inside);
    // What has no kind nobody signs.
    const isDocument = typeof (inner as Partial<Document> | null)?.securenn === 'string';
    const signed =
      anew && isDocument
        ? signDocument(inner as Document, author)
        : { document: inner, by: author.public, signature: 'ab'.repeat(64) };
    const json = edited(signed, outside);
    const found = examine(schema, wanted, json, federation);
    if ('fault' in found) return expect(said(found.fault) && said(found.fix), `fault ${found.fault}`);
    expect(anew && found.digest === nameOf(json as Signed), 'taken, but not as it was signed');
  },
);

function problemOf(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    expect(said(error.message) && said(error.fix), `refused with ${error.message.slice(0, 200)}`);
    return undefined;
  }
}

const cards = ROLES.map((role) => {
  const identity = Identity.generate();
  const card: PartyCard = {
    ...{ securenn: 'party-card', version: 1, role, name: role, address: `${role.toLowerCase()}.example.org:7600` },
    ...{ links: `${role.toLowerCase()}.example.org:7601`, identity: identity.public, trust: 'pinned', protocol: 1 },
    ...{ tls: [Buffer.from(randomBytes(32)).toString('hex')], issued: AT },
  };
  return signCard(card, identity);
});
const memberCard = signCard({ securenn: 'member-card', version: 1, name: 'member', identity: author.public }, author);
const members = {
  ...{ securenn: 'members', version: 1 },
  members: [{ name: 'member', identity: author.public, roles: ['owner'], admitted: AT }],
};
type Reader = (text: string, source: string) => unknown;
export const FILES: readonly (readonly [string, Reader])[] = [
  [formatCard(cards[0]), parsePartyCard],
  [formatCard(memberCard), parseMemberCard],
  [formatFederation(joinFederation(cards)), parseFederation],
  [JSON.stringify(members), parseMembers],
  [
    initialConfig({
      ...{ role: 'P0', listen: { host: '0.0.0.0', port: 7600 }, links: { host: '0.0.0.0', port: 7601 } },
      private: { host: '127.0.0.1', port: 7602 },
    }),
    parseConfig,
  ],
];

const files = fuzz(
  'cards, federation files, lists of members, configurations',
  0.2,
  fc.tuple(
    fc.constantFrom(...FILES),
    fc.oneof(
      changes.map((all) => (text: string) => changedText(text, all)),
      edits.map((all) => (text: string) => {
        const json = problemOf(() => JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, '')) as unknown);
        return JSON.stringify(edited(json, all)) ?? '';
      }),
      fc.string({ unit: 'binary', maxLength: 300 }).map((text) => () => text),
    ),
  ),
  ([[text, read], change]) => problemOf(() => read(change(text), 'a file')),
);

const party = Identity.generate();
let now = Date.parse(AT);
const checker = new RequestChecker({
  ...{ audiences: () => [party.public], instance: 'i1', now: () => now },
  known: (id) => (id === author.id ? author.public : undefined),
});

const signatures = fuzz(
  'signatures of requests',
  0.2,
  fc.tuple(fc.constantFrom('GET', 'POST', 'PUT', 'x\n'), fc.string({ maxLength: 40 }), fc.option(changes), fc.nat(300)),
  ([method, path, how, second]) => {
    now += 20; // Nonces of an old request are forgotten.
    const time = now + 1000 * (second - 150);
    const header = signRequest(author, { method, path, audience: party.public, instance: 'i1', time });
    const authorization = how === null ? header : changedText(header, how);
    const found = checker.check({ method, path, authorization });
    if ('refused' in found) return;
    expect(authorization === header && Math.abs(time - now) <= 120_000, 'taken, but not as it was signed');
    expect('refused' in checker.check({ method, path, authorization }), 'taken twice');
  },
);

const sealed = fuzz(
  'sealed messages',
  0.05,
  fc.tuple(fc.uint8Array({ maxLength: 400 }), fc.option(changes), fc.string({ maxLength: 20 })),
  async ([bytes, how, info]) => {
    const made = await sealTo(party.public, info, bytes);
    const given = how === null ? made : changed(made, how);
    const opened = await openWith(party, info, given);
    const same = Buffer.from(given).equals(made);
    expect(same === (opened !== undefined), same ? 'not opened' : 'opened, though it was changed');
    expect(!same || Buffer.from(opened!).equals(bytes), 'opened to something else');
  },
);

export const OF_DOCUMENTS: readonly Fuzz[] = [documents, files, signatures, sealed];
