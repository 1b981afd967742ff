/** The report in a real browser: it opens without a word of complaint, asks nobody for anything, and can be read. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/profile/analysis.ts';
import { formatReport } from '../../src/profile/report.ts';
import type { RunFacts } from '../../src/profile/summary.ts';
import { launchBrowser } from '../browser.ts';
import { FACTS, threeParties } from './parts.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('report');
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
}, 120_000);

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
  const [complaints, requests]: [string[], string[]] = [[], []];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
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
  it('opens without complaint and without the network, and says first what would help', async () => {
    const { page, complaints, requests } = await open(report());
    expect(complaints).toEqual([]);
    expect(requests).toHaveLength(1);
    expect(await page.title()).toBe('Where the time goes: network A');
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
