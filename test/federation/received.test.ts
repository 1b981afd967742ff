/** Documents from outside: whatever comes, it is taken as it was signed or refused with a reason. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ZodType } from 'zod';
import { decide } from '../../src/federation/consent.ts';
import {
  cancelDocument,
  dataDocument,
  decisionDocument,
  grantDocument,
  jobDocument,
  receiptDocument,
  withdrawalDocument,
} from '../../src/federation/documents.ts';
import { Identity } from '../../src/federation/identity.ts';
import { examine } from '../../src/federation/received.ts';
import type { Fault } from '../../src/federation/received-form.ts';
import { nameOf, signDocument, type Document, type Signed } from '../../src/federation/signed.ts';
import { FEDERATION, hex, Known, serveDocument, trainDocument } from './world.ts';
import { runs } from '../runs.ts';

const author = Identity.generate();
const AT = '2026-02-01T11:00:00.000Z';
const known = new Known();
known.admit(author, { name: 'author' });
const scans = known.put(author, 'scans');
known.grant(author, author, [scans]);
const job = signDocument(trainDocument(author, { train: [scans] }), author);
const common = { federation: FEDERATION, at: AT };

const KINDS: Readonly<Record<string, readonly [schema: unknown, signed: Signed]>> = {
  data: [dataDocument, known.data.get(scans.digest)!.data.signed],
  job: [jobDocument, job],
  grant: [grantDocument, known.grants[0].grant.signed],
  decision: [decisionDocument, known.decide(author, job)],
  withdrawal: [
    withdrawalDocument,
    signDocument({ securenn: 'withdrawal', ...common, what: 'data', digest: hex(32) } as Document, author),
  ],
  cancel: [
    cancelDocument,
    signDocument({ securenn: 'cancel', ...common, job: hex(32), reason: '' } as Document, author),
  ],
  receipt: [
    receiptDocument,
    signDocument({ securenn: 'receipt', federation: FEDERATION, data: hex(32), party: 'P1' } as Document, author),
  ],
};

function examined(kind: string, json: unknown): ReturnType<typeof examine> {
  return examine(KINDS[kind][0] as ZodType<Document>, kind, json, FEDERATION);
}

function checkFault(found: object, kind: string): void {
  expect(found).toHaveProperty('fault');
  const { fault, fix } = found as Fault;
  expect(fault.startsWith(`${kind}: `)).toBe(true);
  expect(fault.length).toBeLessThan(600);
  expect(fix.length).toBeGreaterThan(10);
}

/** Every place of a JSON value at which something can be put. */
function places(json: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof json !== 'object' || json === null) return [path];
  return [path, ...Object.entries(json).flatMap(([key, value]) => places(value, [...path, key]))];
}

function withValue(json: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const copy: Record<string, unknown> = { ...(json as Record<string, unknown>) };
  copy[key] = withValue(copy[key], rest, value);
  return Array.isArray(json) ? Object.assign([...(json as unknown[])], copy) : copy;
}

const oddValues = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    null,
    '',
    -1,
    0,
    1e308,
    1.5,
    2 ** 53,
    true,
    [],
    {},
    'x'.repeat(10_000),
    '\ud800',
    '__proto__',
  ),
);

describe.each(Object.keys(KINDS))('a %s', (kind) => {
  const [, signed] = KINDS[kind];

  it('is taken as it was signed, and its name is that of the JSON as it came', () => {
    const found = examined(kind, JSON.parse(JSON.stringify(signed)));
    expect(found).toMatchObject({ digest: nameOf(signed), author: author.id, by: author.public });
  });

  it('of another kind, or for another federation, is refused', () => {
    for (const other of Object.keys(KINDS)) if (other !== kind) checkFault(examined(other, signed), other);
    const elsewhere = signDocument({ ...signed.document, federation: 'ab'.repeat(32) }, author);
    expect(examined(kind, elsewhere)).toMatchObject({ fault: `${kind}: is for another federation` });
  });

  it('with anything in the place of anything is refused, signed anew or not', () => {
    const all = places(signed);
    fc.assert(
      fc.property(fc.constantFrom(...all), oddValues, (path, value) => {
        const changed = withValue(signed, path, value);
        if (JSON.stringify(changed) === JSON.stringify(signed)) return;
        checkFault(examined(kind, changed), kind);
        const document = (changed as Partial<Signed> | null)?.document;
        // What is signed has a kind: nobody signs anything else, and what is no text is refused before its signature is looked at.
        if (typeof document?.securenn !== 'string') return;
        const anew = signDocument(document, author);
        // Well signed, it is of the right form or refused; either way nothing is thrown.
        const found = examined(kind, anew);
        if ('fault' in found) checkFault(found, kind);
        else expect(found.digest).toBe(nameOf(anew));
        if (kind === 'job') expect(['approved', 'waiting', 'refused']).toContain(decide(anew, known.world()).kind);
      }),
      runs(300),
    );
  });

  it('as any JSON at all is refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        checkFault(examined(kind, json), kind);
        checkFault(examined(kind, { ...signed, document: json }), kind);
      }),
      runs(200),
    );
  });
});

it('a session is examined like a training', () => {
  const session = signDocument(serveDocument(hex(32), [author]), author);
  expect(examined('job', JSON.parse(JSON.stringify(session)))).toMatchObject({ digest: nameOf(session) });
});
