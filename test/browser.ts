/**
 * A headless browser, for tests. As vitest's global setup it unpacks the browser before the tests begin: two of them that did it at once
 * would start one that is half there.
 */
import type { Page } from 'puppeteer-core';

export { complaintsOf, launchBrowser, launchStrictBrowser } from '../bench/service/chromium.ts';
export { unpackBrowser as default } from '../bench/service/chromium.ts';

/** Files from outside the browser, as a person lets them fall at a place of the page. */
export async function dropFiles(page: Page, files: readonly string[], x: number, y: number): Promise<void> {
  const session = await page.createCDPSession();
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x, y, data });
  await session.detach();
}
