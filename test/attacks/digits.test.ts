/** What digits that are none give P2: the sign of every value where codes are not proved, nothing where they are; and one of very many is found. */
import { describe, expect, it } from 'vitest';
import { testCompute } from '../simulate.ts';
import { dealRarely } from './rare.ts';
import { readSigns } from './signs.ts';

const COUNT = 64;
const SESSIONS = 8;

describe('the attack on digits', () => {
  const signs = async (security: 'semi-honest' | 'private'): Promise<Awaited<ReturnType<typeof readSigns>>[]> => {
    const compute = await testCompute();
    return Promise.all(Array.from({ length: SESSIONS }, (_, i) => readSigns(security, COUNT, 100 + i, compute)));
  };

  it('reads nearly every sign of a semi-honest session, and nobody notices', async () => {
    const all = await signs('semi-honest');
    expect(all.map(({ failed }) => failed)).toEqual(new Array(SESSIONS).fill(''));
    expect(all.map(({ answered }) => answered)).toEqual(new Array(SESSIONS).fill(COUNT));
    const right = all.reduce((sum, one) => sum + one.right, 0);
    expect(right / (COUNT * SESSIONS)).toBeGreaterThan(0.95);
  });

  it('gets no answer of a private one, which ends before', async () => {
    for (const { answered, failed } of await signs('private')) {
      expect(answered).toBe(0);
      expect(failed).toMatch(/what P2 dealt is no code of digits/);
    }
  });
});

describe('one wrong digit', () => {
  it('among a hundred thousand comparisons is found, and before it none', async () => {
    const { accepted, failed } = await dealRarely({ comparisons: 100_000, at: 99_000, chunk: 8192 });
    expect(failed).toMatch(/P1: \/98304\/proof\/P1\/17\/1696: what P2 dealt is no code of digits/);
    expect(accepted).toBe(98_304);
  });
});
