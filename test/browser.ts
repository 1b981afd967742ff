/**
 * A headless browser, for tests. As vitest's global setup it unpacks the browser before the tests begin: two of them that did it at once
 * would start one that is half there.
 */
export { launchBrowser, launchStrictBrowser } from '../bench/service/chromium.ts';
export { unpackBrowser as default } from '../bench/service/chromium.ts';
