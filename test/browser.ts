/**
 * A headless browser, for tests. As vitest's global setup it unpacks the browser before the tests begin: two of them that did it at once
 * would start one that is half there.
 */
import chromium from '@sparticuz/chromium';
import puppeteer, { type Browser } from 'puppeteer-core';

export default async function setup(): Promise<void> {
  await chromium.executablePath();
}

export async function launchBrowser(...flags: readonly string[]): Promise<Browser> {
  const executablePath = await chromium.executablePath();
  const args = [...chromium.args, ...flags];
  return puppeteer.launch({ executablePath, args, headless: 'shell', timeout: 240_000, protocolTimeout: 240_000 });
}
