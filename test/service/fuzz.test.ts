/** What a party and its clients are sent, made up; `bench/fuzz-requests.ts` tries more. */
import { describe, expect, it } from 'vitest';
import { DOCUMENTS, FILES, OF_DOCUMENTS } from '../../bench/fuzz/documents.ts';
import { servedParty } from '../../bench/fuzz/requests.ts';
import { Identity } from '../../src/federation/identity.ts';
import { examine } from '../../src/federation/received.ts';
import { signDocument, type Document } from '../../src/federation/signed.ts';
import { temporaryFolder } from '../folder.ts';

const CASES = 1000;
const SEED = 20;

it('what the fuzz begins with is right, so that some of it is taken', () => {
  const author = Identity.generate();
  for (const [kind, [schema, document]] of Object.entries(DOCUMENTS)) {
    const signed = signDocument(document as Document, author);
    const found = examine(schema, kind === 'session' ? 'job' : kind, signed, signed.document.federation);
    expect(found).toMatchObject({ author: author.id });
  }
  for (const [text, read] of FILES) expect(read(text, 'a file')).toBeTypeOf('object');
});

describe('is taken as it was made, or refused in words', () => {
  it.each(OF_DOCUMENTS)('$name', async ({ run, share }) => {
    const cases = Math.ceil(CASES * share);
    expect(await run(cases, SEED)).toBe(cases);
  });

  it('requests to a party in service, which goes on', async () => {
    const { fuzzes, close } = await servedParty(temporaryFolder('fuzz'));
    for (const { run, share } of fuzzes) expect(await run(Math.ceil(CASES * share), SEED)).toBeGreaterThan(0);
    await close();
  });
});
