/** What a link is told by whoever is at the other end, made up; `bench/fuzz-links.ts` tries more. */
import { describe, expect, it } from 'vitest';
import { FRAMES, LINKS } from '../../bench/fuzz/frames.ts';
import { HALVES, STRANGERS, TERMS } from '../../bench/fuzz/handshakes.ts';
import { lines } from '../../bench/fuzz/lines.ts';
import { CLAIMS, OUTAGES } from '../../bench/fuzz/outages.ts';
import { tlsOf } from './certificates.ts';

const CASES = 2000;
const SEED = 20;

describe('crashes, hangs and takes nothing that it should not', () => {
  it.each([FRAMES, LINKS, STRANGERS, HALVES, TERMS, CLAIMS, OUTAGES])(
    '$name',
    async ({ run, share }) => {
      const cases = Math.ceil(CASES * share);
      expect(await run(cases, SEED)).toBe(cases);
    },
    60_000,
  );

  it('bytes on ports', async () => {
    const { fuzzes, close } = await lines(tlsOf('P0'));
    for (const { run, share } of fuzzes) await run(Math.ceil(CASES * share), SEED);
    close();
  });
});
