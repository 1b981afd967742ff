/** Whose time it was in the end: intervals made by hand, and clocks set apart. */
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/profile/analysis.ts';
import { placeOf } from '../../src/profile/place.ts';
import { verdictOf } from '../../src/profile/verdict.ts';
import { FACTS, partOf, threeParties, type Happening } from './parts.ts';

describe('analyse', () => {
  it.each([0, 5000, -86_400_000])('looks through waiting at what the other party did; clocks %d ms apart', (ahead) => {
    const { unit, units, unitMs, resolved, parties, teller } = analyse(threeParties(ahead), FACTS);
    expect({ unit, units, teller }).toEqual({ unit: 'step', units: 1, teller: 'P0' });
    expect(unitMs).toBeCloseTo(100, 3);
    // P2 began to send at 70, twenty milliseconds into P0's sleep.
    expect(resolved.product).toBeCloseTo(40, 3);
    expect(resolved.link).toBeCloseTo(30, 3);
    expect(resolved.kernel).toBeCloseTo(19, 3);
    expect(resolved.local).toBeCloseTo(11, 3);
    expect(resolved.wait + resolved.idle).toBeCloseTo(0, 3);
    expect(parties[0].time.wait).toBeCloseTo(20, 3);
    expect(parties[0].waitFor.P2).toBeCloseTo(20, 3);
  });

  it('names the most expensive lines and what would help', () => {
    const { expenses } = analyse(threeParties(0), FACTS);
    expect(expenses.map(({ party, category, layer, protocol }) => `${party} ${category} ${layer} ${protocol}`)).toEqual(
      [
        'P0 product 0 dense matmul',
        'P0 link 1 relu truncateRelu',
        'P2 kernel 1 relu truncateRelu',
        'P0 local 1 relu truncateRelu',
        'P2 local 1 relu truncateRelu',
      ],
    );
    expect(expenses[0].help).toMatch(/GPU/);
    expect(expenses[1].help).toMatch(/bandwidth/);
    expect(expenses[0].share).toBeCloseTo(0.4, 5);
  });

  it('layers add up to what each party did', () => {
    const { layers, parties } = analyse(threeParties(0), FACTS);
    for (const { party, time } of parties) {
      const rows = layers.filter((row) => row.party === party);
      for (const category of ['product', 'kernel', 'link', 'wait', 'local'] as const) {
        expect(rows.reduce((sum, row) => sum + row.time[category], 0)).toBeCloseTo(time[category], 6);
      }
    }
  });

  it('without P2, what was waited for stays waiting', () => {
    const parts = threeParties(0);
    parts.delete('P2');
    const { resolved, missing } = analyse(parts, FACTS);
    expect(missing).toEqual(['P2']);
    expect(resolved.wait).toBeCloseTo(50, 3);
  });

  it('without a whole step, tells of all that was recorded', () => {
    const half: Happening[] = [
      { scope: 'step/layer/0:dense/matmul', kind: 'kernel', name: 'gemm', end: 30, busy: 30, own: 30 },
    ];
    const { unit, resolved, unitMs } = analyse(
      new Map([['P1', partOf('P1', half, { endMs: 40, complete: false })]]),
      FACTS,
    );
    expect(unit).toBe('session');
    expect(unitMs).toBeCloseTo(40, 3);
    expect(resolved.product).toBeCloseTo(30, 3);
  });

  it('with nothing recorded at all, still reports', () => {
    const { resolved } = analyse(new Map([['P0', partOf('P0', [], { endMs: 0 })]]), FACTS);
    expect(Object.values(resolved).every(Number.isFinite)).toBe(true);
  });

  it('parties that wait for each other end in waiting, not in a loop', () => {
    const waiting = (peer: 'P0' | 'P1'): Happening[] => [
      { scope: 'step/1:matmul', kind: 'receive', name: 'E', peer, end: 50, span: 50, idle: 50, message: 1 },
    ];
    const parts = new Map([
      ['P0', partOf('P0', waiting('P1'), { endMs: 50 })] as const,
      ['P1', partOf('P1', waiting('P0'), { endMs: 50 })] as const,
    ]);
    expect(analyse(parts, FACTS).resolved.wait).toBeCloseTo(50, 3);
  });

  it('refuses no parts, and parts of two sessions', () => {
    expect(() => analyse(new Map(), FACTS)).toThrow(/one party at least/);
    const parts = threeParties(0);
    parts.set('P1', { ...parts.get('P1')!, session: 'another' });
    expect(() => analyse(parts, FACTS)).toThrow(/P1 measured session another/);
  });
});

describe('the verdict', () => {
  const none = { product: 0, kernel: 0, random: 0, local: 0, send: 0, link: 0, wait: 0, idle: 0 };
  const verdict = (product: number, link: number, latencyShare = 0, facts = FACTS): ReturnType<typeof verdictOf> =>
    verdictOf({
      ...{ facts, unit: 'step', unitMs: 100, latencyShare, parties: [] },
      resolved: { ...none, product, link, local: 100 - product - link },
    });

  it.each([
    [60, 5, /^A GPU would help, a better link hardly: 60 % .* 5 %/],
    [5, 60, /^A better link would help, a GPU hardly: 5 % .* 60 %/],
    [40, 20, /^A GPU would help more than a better link/],
    [12, 60, /^A better link would help more than a GPU/],
    [30, 32, /^A GPU and a better link would help about alike/],
    [3, 4, /^Neither/],
  ])('%d %% products, %d %% messages', (product, link, expected) => {
    expect(verdict(product, link).headline).toMatch(expected);
  });

  it('tells latency from bandwidth', () => {
    expect(verdict(5, 60, 0.9).sentences.join(' ')).toMatch(/less|nearer/);
    expect(verdict(5, 60, 0.1).sentences.join(' ')).toMatch(/more bandwidth would help/);
  });

  it('says how much at most', () => expect(verdict(50, 0).sentences[0]).toMatch(/2\.00 times as fast/));

  it('says when the machine was crowded', () => {
    expect(verdict(5, 5).sentences.join(' ')).not.toMatch(/crowded/);
    expect(verdict(5, 5, 0, { ...FACTS, load: 9 }).sentences.join(' ')).toMatch(/crowded: 9\.0 processes/);
  });
});

describe('placeOf', () => {
  it.each([
    ['step/layer/3:relu/truncateRelu', 'step', '3 relu', 'truncateRelu'],
    ['step/layer/3:relu', 'step', '3 relu', 'between protocols'],
    ['step/loss/truncate', 'step', 'loss', 'truncate'],
    ['evaluation/images/layer/0:dense/matmul', 'evaluation', 'evaluation', 'matmul'],
    ['batch/layer/0:conv2d/conv', 'batch', '0 conv2d', 'conv'],
    ['input', '', 'inputs', 'mask inputs'],
    ['step/carried', 'step', 'step', 'carry weights'],
    ['', '', 'session', 'between protocols'],
  ])('%s', (scope, phase, layer, protocol) => expect(placeOf(scope)).toEqual({ phase, layer, protocol }));
});
