/** The headless browser of tests and benchmarks. */
import chromium from '@sparticuz/chromium';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

/** Unpacks the browser, where it is not yet; two that do so at once would start one that is half there. */
export async function unpackBrowser(): Promise<void> {
  await chromium.executablePath();
}

export function launchBrowser(...flags: readonly string[]): Promise<Browser> {
  return launch([...chromium.args, ...flags]);
}

/** Flags of that build that let pages do what no visitor's browser lets them. */
const LAX = ['--disable-web-security', '--allow-running-insecure-content', '--disable-site-isolation-trials'];

/** One that keeps origins apart, as a person's does. */
export function launchStrictBrowser(...flags: readonly string[]): Promise<Browser> {
  return launch([...chromium.args.filter((flag) => !LAX.includes(flag)), ...flags]);
}

/**
 * What a page writes to its console or throws from now on, but for the browser's own word that WebGPU is experimental, which the same build says
 * on some machines and not on others.
 */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (!message.text().startsWith('WebGPU is experimental on this platform')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return complaints;
}

/** Its time limits are for what hangs. */
async function launch(args: string[]): Promise<Browser> {
  const executablePath = await chromium.executablePath();
  return puppeteer.launch({ executablePath, args, headless: 'shell', timeout: 240_000, protocolTimeout: 240_000 });
}
