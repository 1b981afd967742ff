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

/** Flags of that build that let pages do what no visitor's browser lets them. */
const LAX = ['--disable-web-security', '--allow-running-insecure-content', '--disable-site-isolation-trials'];

/** One that keeps origins apart, as a person's does. */
export async function launchStrictBrowser(...flags: readonly string[]): Promise<Browser> {
  const executablePath = await chromium.executablePath();
  const args = chromium.args.filter((flag) => !LAX.includes(flag));
  return puppeteer.launch({ executablePath, args: [...args, ...flags], headless: 'shell' });
}
