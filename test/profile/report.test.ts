/** The report in a real browser: it opens without a word of complaint, asks nobody for anything, and can be read. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/profile/analysis.ts';
import { inWords } from '../../src/profile/answer.ts';
import { rankCounters, type RankCounters } from '../../src/profile/rank-counters.ts';
import { formatReport } from '../../src/profile/report.ts';
import type { RunFacts } from '../../src/profile/summary.ts';
import { complaintsOf, launchBrowser } from '../browser.ts';
import { FACTS, steps, threeParties } from './parts.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('report');
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser?.close());

interface Opened {
  readonly page: Page;
  /** What the browser complained of, and whom the page asked. */
  readonly complaints: string[];
  readonly requests: string[];
}

async function open(html: string, width = 1100, scheme: 'light' | 'dark' = 'light'): Promise<Opened> {
  const path = join(folder, `${width}-${scheme}.html`);
  writeFileSync(path, html);
  const page = await browser.newPage();
  const requests: string[] = [];
  const complaints = complaintsOf(page);
  page.on('request', (request) => requests.push(request.url()));
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.setViewport({ width, height: 900 });
  await page.goto(pathToFileURL(path).href);
  return { page, complaints, requests: requests.filter((url) => !url.startsWith('data:')) };
}

function report(facts: Partial<RunFacts> = {}, without?: 'P1'): string {
  const parts = threeParties(250);
  if (without !== undefined) parts.delete(without);
  return formatReport(analyse(parts, { ...FACTS, ...facts }));
}

async function textOf(page: Page, selector = 'body'): Promise<string> {
  return (await page.evaluate(`document.querySelector('${selector}').innerText`)) as string;
}

describe('report', () => {
  it('opens without complaint and without the network, and says first where the time goes', async () => {
    const { page, complaints, requests } = await open(report());
    expect(complaints).toEqual([]);
    expect(requests).toHaveLength(1);
    expect(await page.title()).toBe('Where the time goes: network A');
    expect(await textOf(page, '#answer .headline')).toMatch(
      /^A training step takes 100 ms: matrix products 40 %, waiting for the link 30 %, comparisons 19 %, sending and receiving frames 10 %, ring arithmetic 1 %\.$/,
    );
    expect(await textOf(page, '#advice')).toMatch(/^What would help most: a GPU, .* Matrix products: 40 %/);
    const verdict = await textOf(page, '#verdict');
    expect(verdict).toMatch(/^A GPU and a better link would help about alike: 40 % of a training step/);
    expect(verdict).toMatch(/1\.67 times as fast/);
    expect(await page.evaluate(`document.querySelector('#verdict').getBoundingClientRect().bottom < 900`)).toBe(true);
    const text = await textOf(page);
    for (const heading of [
      'The five most expensive lines',
      'By layer and party',
      'Bytes and rounds by protocol',
      'Parties',
    ]) {
      expect(text).toContain(heading);
    }
    expect(await page.evaluate(`document.querySelectorAll('#expenses tbody tr').length`)).toBe(5);
    expect(await page.evaluate(`document.querySelectorAll('script, link[rel=stylesheet]').length`)).toBe(0);
  });

  it('gives the shares in order, in figures and as bars, with their sum', async () => {
    const { page } = await open(report());
    const rows = await page.evaluate(
      `[...document.querySelectorAll('#shares tbody tr')].map((row) => [row.children[0].innerText, row.children[1].innerText, row.querySelector('i').getBoundingClientRect().width])`,
    );
    const [names, shares, widths] = [0, 1, 2].map((i) => (rows as (string | number)[][]).map((row) => row[i]));
    expect(names).toEqual([
      'matrix products',
      'waiting for the link',
      'comparisons',
      'sending and receiving frames',
      'ring arithmetic',
    ]);
    expect(shares).toEqual(['40 %', '30 %', '19 %', '10 %', '1 %']);
    expect(Number(widths[1]) / Number(widths[0])).toBeCloseTo(0.75, 1);
    expect(await textOf(page, '#shares tfoot')).toMatch(/100 %\s+100 ms/);
  });

  it('shows the whole run, each phase by name and in figures', async () => {
    const phases = [
      { phase: 'start-up', ms: 1000 },
      { phase: 'sharing', ms: 3500 },
      { phase: 'training', ms: 1500 },
      { phase: 'evaluation', ms: 4000 },
    ] as const;
    const { page } = await open(report({ phases }));
    expect(await textOf(page, '#run .headline')).toBe(
      'The whole run took 10.0 s, most of it evaluation 40 % and sharing 35 %.',
    );
    const list = (await page.evaluate(
      `[...document.querySelectorAll('#run li')].map((li) => li.innerText)`,
    )) as string[];
    expect(list).toEqual([
      expect.stringMatching(/^start-up 10 %, 1\.00 s/),
      expect.stringMatching(/^sharing 35 %, 3\.50 s/),
      expect.stringMatching(/^training 15 %, 1\.50 s/),
      expect.stringMatching(/^evaluation 40 %, 4\.00 s/),
    ]);
    const widths = await page.evaluate(
      `[...document.querySelectorAll('#run .run i')].map((i) => i.getBoundingClientRect().width / document.querySelector('#run .run').getBoundingClientRect().width)`,
    );
    [0.1, 0.35, 0.15, 0.4].forEach((share, i) => expect((widths as number[])[i]).toBeCloseTo(share, 1));
  });

  it('shows what each rank of a party spent, and says of what the rest is; nothing of it with one rank', async () => {
    const parts = threeParties(250);
    const of = (seconds: number): RankCounters => ({ ...rankCounters(() => seconds), bytesSent: 3e6 });
    for (const [party, part] of parts) parts.set(party, { ...part, ranks: [of(1), of(party === 'P1' ? 4 : 1)] });
    const summary = analyse(parts, FACTS);
    const { page } = await open(formatReport(summary));
    const rows = (await page.evaluate(
      `[...document.querySelectorAll('#ranks tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText))`,
    )) as string[][];
    expect(rows).toHaveLength(6);
    expect(rows[3]).toEqual(['P1', '1', '4.00 s', '4.00 s', '4.00 s', '3.00 MB', '1.60 × the mean']);
    expect(await textOf(page)).toMatch(/everything else on this page is of rank 0/);
    expect(inWords(summary, 'x').join()).toContain('P0 0 (1.00 × the mean), P1 1 (1.60 × the mean), P2 0');
    const one = await open(report());
    expect(await textOf(one.page)).not.toMatch(/rank/);
    expect(inWords(analyse(threeParties(250), FACTS), 'x').join()).not.toMatch(/rank/);
  });

  it('warns above everything of what voids the times, and marks them', async () => {
    const { page } = await open(report({ load: 9 }));
    expect(await page.evaluate(`document.querySelector('h1').nextElementSibling.innerText`)).toMatch(
      /^Do not rely on the times below\. This machine was crowded: .* Measure again/,
    );
    for (const place of ['#answer .headline', '#advice', '#verdict .headline', '#shares tfoot']) {
      expect(await textOf(page, place)).toContain('†');
    }
    const marked = await page.evaluate(
      `[...document.querySelectorAll('h2')].filter((h) => h.innerText.includes('†')).map((h) => h.innerText.slice(0, 8))`,
    );
    expect(marked).toEqual(['The five', 'By layer', 'One trai', 'Parties ', 'Layer by']);
    const quiet = await open(formatReport(analyse(steps(8), FACTS)));
    expect(await textOf(quiet.page)).not.toMatch(/†|rely/);
  });

  it.each([320, 390, 560, 640, 700, 760, 900, 1100])(
    'at %d pixels whatever is wider than its place scrolls, says so and takes the keyboard',
    async (width) => {
      const { page } = await open(report({ network: 'a-network-of-mine-with-a-long-name', load: 9 }), width);
      await page.evaluate(`document.querySelectorAll('details').forEach((one) => (one.open = true))`);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const seen = (await page.evaluate(`[...document.querySelectorAll('body *')]
        .filter((one) => !one.closest('svg, .heard') && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible')
        .map((one) => one.className)`)) as string[];
      expect(seen.filter((name) => name !== 'scroll')).toEqual([]);
      const sheets = (await page.evaluate(`[...document.querySelectorAll('.scroll')].map((one) => {
        const hint = one.parentElement.querySelector('.hint');
        return {
          wider: one.scrollWidth > one.clientWidth,
          hint: hint.getBoundingClientRect().height > 0 && hint.innerText,
          shadow: getComputedStyle(one).backgroundImage.includes('gradient'),
          keyboard: one.tabIndex === 0 && one.getAttribute('aria-label') !== '' && one.querySelector('caption') !== null,
          id: one.firstElementChild.id,
        };
      })`)) as { wider: boolean; hint: string | false; shadow: boolean; keyboard: boolean; id: string }[];
      expect(sheets.length).toBeGreaterThan(4);
      for (const sheet of sheets) {
        const cut = width < (sheet.id === 'layers' ? 896 : 736) && !(sheet.id === 'expenses' && width <= 640);
        expect({ width, ...sheet }).toMatchObject({ wider: cut, hint: cut ? 'scroll →' : false, keyboard: true });
        if (cut) expect(sheet.shadow).toBe(true);
      }
    },
  );

  it('scrolls a table by keyboard', async () => {
    const { page } = await open(report(), 390);
    await page.evaluate(`document.querySelector('#protocols').parentElement.focus()`);
    await page.keyboard.down('ArrowRight');
    await page.waitForFunction(`document.querySelector('#protocols').parentElement.scrollLeft > 0`);
    expect(await page.evaluate(`document.activeElement.getAttribute('aria-label')`)).toBe(
      'Bytes and rounds by protocol',
    );
  });

  it('draws each chart once at a time, with what it shows in words', async () => {
    for (const [width, shown] of [
      [1100, 'wide'],
      [390, 'narrow'],
    ] as const) {
      const { page } = await open(report(), width);
      const seen = await page.evaluate(
        `[...document.querySelectorAll('figure svg')].filter((svg) => svg.getBoundingClientRect().width > 0).map((svg) => svg.parentElement.className + ' ' + svg.getAttribute('aria-label'))`,
      );
      expect(seen).toEqual([`${shown} Time by layer and party`, `${shown} What each party did during one step`]);
    }
  });

  it('fits a phone: nothing but tables scrolls sideways', async () => {
    const { page } = await open(report({ network: 'a-network-of-mine-with-a-long-name' }), 360);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });

  it('is light or dark as the reader likes, charts too', async () => {
    const luminance = async (scheme: 'light' | 'dark'): Promise<{ page: number; text: number }> => {
      const { page } = await open(report(), 1100, scheme);
      const of = async (expression: string): Promise<number> => {
        const colour = (await page.evaluate(expression)) as string;
        return Number(/\d+/.exec(colour)![0]);
      };
      return {
        page: await of('getComputedStyle(document.body).backgroundColor'),
        text: await of(`getComputedStyle(document.querySelector('figure svg text')).fill`),
      };
    };
    const [light, dark] = [await luminance('light'), await luminance('dark')];
    expect(light.page).toBeGreaterThan(200);
    expect(light.text).toBeLessThan(100);
    expect(dark.page).toBeLessThan(60);
    expect(dark.text).toBeGreaterThan(180);
  });

  it('shows names as text, whatever they hold', async () => {
    const hostile = '<img src=x onerror="console.log(1)">\'"&';
    const parts = threeParties(0);
    const p0 = parts.get('P0')!;
    const lines = p0.lines.map((line) => ({
      ...line,
      scope: line.scope.replace('0:dense', `0:${hostile}`),
      name: hostile,
    }));
    parts.set('P0', { ...p0, lines });
    const facts = { ...FACTS, network: hostile, ended: hostile, machine: hostile };
    const { page, complaints, requests } = await open(formatReport(analyse(parts, facts)));
    expect(complaints).toEqual([]);
    expect(requests).toHaveLength(1);
    expect(await textOf(page, 'h1')).toBe(`Where the time goes: network ${hostile}`);
    expect(await page.evaluate(`document.querySelectorAll('img').length`)).toBe(0);
  });

  it('says what is missing', async () => {
    const { page } = await open(report({ ended: 'interrupted by SIGINT' }, 'P1'));
    const text = await textOf(page);
    expect(text).toContain('The run ended early: interrupted by SIGINT. This is what was measured until then.');
    expect(text).toContain('P1 left no measurements');
  });
});
