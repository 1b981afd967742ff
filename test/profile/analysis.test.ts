/** Whose time it was in the end: intervals made by hand, and clocks set apart. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/profile/analysis.ts';
import { placeOf } from '../../src/profile/place.ts';
import { adviceOf, inWords, sharesOf } from '../../src/profile/answer.ts';
import type { Parts } from '../../src/profile/segments.ts';
import { type ByCategory, CATEGORIES, type Warning } from '../../src/profile/summary.ts';
import { verdictOf } from '../../src/profile/verdict.ts';
import { percents } from '../../src/profile/words.ts';
import { FACTS, partOf, steps, threeParties, type Happening } from './parts.ts';

describe('analyse', () => {
  it.each([0, 5000, -86_400_000])('looks through waiting at what the other party did; clocks %d ms apart', (ahead) => {
    const { unit, units, unitMs, resolved, parties, teller } = analyse(threeParties(ahead), FACTS);
    expect({ unit, units, teller }).toEqual({ unit: 'step', units: 1, teller: 'P0' });
    expect(unitMs).toBeCloseTo(100, 3);
    // P2 began to send at 70, twenty milliseconds into P0's sleep.
    expect(resolved.product).toBeCloseTo(40, 3);
    expect(resolved.link).toBeCloseTo(30, 3);
    expect(resolved.kernel).toBeCloseTo(19, 3);
    expect(resolved.local).toBeCloseTo(1, 3);
    expect(resolved.receive).toBeCloseTo(10, 3);
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
        'P0 receive 1 relu truncateRelu',
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
  const none = { product: 0, kernel: 0, random: 0, local: 0, send: 0, receive: 0, link: 0, core: 0, wait: 0, idle: 0 };
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
});

describe('warnings', () => {
  const warned = (parts: Parts, facts = FACTS): Warning[] => [...analyse(parts, facts).warnings];

  it('none of a quiet machine on which enough was recorded', () => expect(warned(steps(8))).toEqual([]));

  it('says first when the machine was crowded, what it means and what to do', () => {
    const [first, ...others] = warned(threeParties(0), { ...FACTS, load: 9, ended: 'interrupted' });
    expect(first.voids).toBe(true);
    expect(first.text).toMatch(
      /^This machine was crowded: 9\.0 processes wanted its 4 cores\. A party that waits .* Measure again/,
    );
    expect(others.map(({ text, voids }) => [text.slice(0, 21), voids])).toEqual([
      ['Only 1 step was recor', false],
      ['The run ended early: ', false],
    ]);
  });

  it('knows from the system for how long the parties had no core', () => {
    const parts = steps(8, (atMs) => atMs / 5);
    const [first] = warned(parts);
    expect(first).toMatchObject({ voids: true });
    expect(first.text).toMatch(/crowded: for 20 % of a step whoever was to work had no core\./);
    expect(warned(steps(8, (atMs) => atMs / 20))).toEqual([]);
  });

  it('says what is missing, and of how much it tells', () => {
    const parts = threeParties(0);
    parts.delete('P2');
    parts.set('P0', { ...parts.get('P0')!, unlogged: 3 });
    const texts = warned(parts).map(({ text, voids }) => `${voids} ${text}`);
    expect(texts[0]).toMatch(/^true P2 left no measurements/);
    expect(texts.at(-1)).toMatch(/^false Where the time goes is told of the first 1 step/);
  });
});

describe('one figure for a step', () => {
  it('is the median from end to end, which a slow start does not move', () => {
    const { unit, units, unitMs, timeline, shares, headline } = analyse(steps(8), FACTS);
    expect({ unit, units }).toEqual({ unit: 'step', units: 8 });
    // 50 ms at first, then 10 each, of which 1 lies between two steps.
    expect(unitMs).toBeCloseTo(10, 6);
    expect(timeline.ms).toBeCloseTo(10, 6);
    expect(shares.map(({ name, percent }) => [name, percent])).toEqual([
      ['arithmetic', 50],
      ['products', 40],
      ['waiting', 10],
    ]);
    expect(headline).toBe(
      'A training step takes 10.0 ms: ring arithmetic 50 %, matrix products 40 %, waiting for a party 10 %.',
    );
  });

  it("is the run's own where it has one; all parts add up to it", () => {
    const { unitMs, resolved, shares, parties, layers } = analyse(steps(8), { ...FACTS, unitMs: 20 });
    const sum = (times: readonly number[]): number => times.reduce((all, ms) => all + ms, 0);
    expect(unitMs).toBe(20);
    expect(sum(Object.values(resolved))).toBeCloseTo(20, 6);
    expect(sum(shares.map(({ ms }) => ms))).toBeCloseTo(20, 6);
    expect(sum(shares.map(({ percent }) => percent))).toBe(100);
    expect(sum(Object.values(parties[0].time))).toBeCloseTo(20, 6);
    expect(sum(layers.flatMap(({ party, time }) => (party === 'P0' ? Object.values(time) : [])))).toBeCloseTo(20, 6);
  });

  it('leaves out an evaluation between two steps', () => {
    const happenings: Happening[] = [
      { scope: 'step/1:mul', kind: 'kernel', name: 'gemm', end: 10, busy: 10, own: 10 },
      { scope: 'step', kind: 'span', end: 10, span: 10 },
      { scope: 'evaluation/1:mul', kind: 'kernel', name: 'gemm', end: 90, busy: 80, own: 80 },
      { scope: 'evaluation', kind: 'span', end: 90, span: 79 },
      { scope: 'step/1:mul', kind: 'kernel', name: 'gemm', end: 100, busy: 10, own: 10 },
      { scope: 'step', kind: 'span', end: 100, span: 9 },
    ];
    const { units, unitMs } = analyse(new Map([['P0', partOf('P0', happenings, { endMs: 101 })]]), FACTS);
    expect({ units, unitMs }).toEqual({ units: 2, unitMs: 10 });
  });
});

describe('waiting for a core', () => {
  it('is taken off what the party did, evenly, and off nothing that it slept for', () => {
    const quiet = analyse(steps(8), FACTS).resolved;
    const { resolved, shares } = analyse(
      steps(8, (atMs) => atMs / 5),
      FACTS,
    );
    // 2 of 10 ms, in which the party wanted a core for 9.
    expect(resolved.core).toBeCloseTo(2, 3);
    expect(resolved.idle).toBeCloseTo(quiet.idle, 6);
    expect(resolved.local).toBeCloseTo((quiet.local * 7) / 9, 3);
    expect(resolved.product).toBeCloseTo((quiet.product * 7) / 9, 3);
    expect(shares.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
  });

  it('is read on the clock of each party', () => {
    const own = steps(8, (atMs) => atMs / 5).get('P0')!;
    const ahead = 5000;
    const shifted = {
      ...own,
      clock: { offsetMs: -ahead, uncertaintyMs: 0 },
      startMs: own.startMs + ahead,
      endMs: own.endMs + ahead,
      columns: { ...own.columns, end: own.columns.end.map((end) => end + ahead) },
      coreWaits: own.coreWaits.map(({ atMs, waitedMs }) => ({ atMs: atMs + ahead, waitedMs })),
    };
    expect(analyse(new Map([['P0', shifted]]), FACTS).resolved.core).toBeCloseTo(2, 3);
  });
});

describe('the whole run', () => {
  it('phase by phase, adding up to 100 %', () => {
    const phases = [
      { phase: 'start-up', ms: 1000 },
      { phase: 'sharing', ms: 3000 },
      { phase: 'training', ms: 2000 },
      { phase: 'evaluation', ms: 3000 },
      { phase: 'saving', ms: 0 },
      { phase: 'ending', ms: 5 },
    ] as const;
    const { run } = analyse(threeParties(0), { ...FACTS, phases });
    expect(run.map(({ name, percent }) => [name, percent])).toEqual([
      ['start-up', 11],
      ['sharing', 34],
      ['training', 22],
      ['evaluation', 33],
      ['ending', 0],
    ]);
    expect(run.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
  });

  it('in words for a terminal: what voids the times first, then the same as the report', () => {
    const phases = [
      { phase: 'start-up', ms: 1000 },
      { phase: 'training', ms: 3000 },
    ] as const;
    const summary = analyse(threeParties(0), { ...FACTS, load: 9, phases });
    const lines = inWords(summary, 'DIR/report.html');
    expect(lines[0]).toBe(`profile: do not rely on the times below. ${summary.warnings[0].text}`);
    expect(lines.slice(-4)).toEqual([
      `profile: DIR/report.html: ${summary.headline}`,
      `  ${summary.advice}`,
      `  ${summary.verdict.headline}`,
      '  The whole run, 4.00 s: start-up 25 %, training 75 %.',
    ]);
  });
});

describe('percents', () => {
  it('add up to 100, whatever the parts', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 12 }), (parts) => {
        const whole = percents(parts);
        const total = parts.reduce((sum, part) => sum + part, 0);
        expect(whole.reduce((sum, percent) => sum + percent, 0)).toBe(total > 0 ? 100 : 0);
        whole.forEach((percent, i) => {
          if (total > 0) expect(Math.abs(percent - (100 * parts[i]) / total)).toBeLessThan(1 + 1e-6);
        });
      }),
    );
  });

  it.each([
    [
      [1, 1, 1],
      [34, 33, 33],
    ],
    [
      [2, 1],
      [67, 33],
    ],
    [
      [0, 5],
      [0, 100],
    ],
    [
      [0, 0],
      [0, 0],
    ],
    [[], []],
  ])('%j: %j', (parts, expected) => expect(percents(parts)).toEqual(expected));
});

describe('what would help most', () => {
  const advice = (changes: Partial<ByCategory>, latencyShare = 0): string => {
    const none = Object.fromEntries(CATEGORIES.map((name) => [name, 0])) as ByCategory;
    return adviceOf(sharesOf({ ...none, ...changes }), FACTS, latencyShare);
  };

  it.each<[Partial<ByCategory>, RegExp]>([
    [{ local: 30, random: 20, receive: 10, product: 40 }, /a faster processor.* together: 60 %.* 1\.43 times/],
    [{ local: 30, product: 70 }, /a GPU, .*\. Matrix products: 70 %.* 1\.54 times/],
    [{ local: 30, link: 70 }, /a link with more bandwidth\. Waiting for the link: 70 %/],
    [{ local: 30, core: 70 }, /more cores, .*\. Waiting for a core: 70 %/],
  ])('%j', (changes, expected) => expect(advice(changes)).toMatch(expected));

  it('tells latency from bandwidth', () => expect(advice({ link: 9 }, 0.9)).toMatch(/less latency/));
  it('says nothing of nothing', () => expect(advice({})).toBe(''));
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
