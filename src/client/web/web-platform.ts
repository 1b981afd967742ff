/** The client in a page: Web Cryptography, `fetch`, and IndexedDB, which belongs to the page's origin. */
import { Problem } from '../../data/problem.ts';
import { WEB } from '../../random/web-primitives.ts';
import { keeperName } from '../federated/kept-upload.ts';
import { checkName } from '../federated/names.ts';
import type { Platform } from '../platform.ts';
import { withStore } from './database.ts';
import { decodeInPage } from './decode-in-page.ts';
import { fetchTransport } from './fetch-transport.ts';
import { KeptInPage } from './kept-in-page.ts';
import { generateKeys, isWebKeys, WebIdentity } from './web-identity.ts';

export const PLATFORM: Platform = {
  primitives: WEB,
  async generate() {
    checkSecure();
    return WebIdentity.of(await generateKeys());
  },
  async kept(name) {
    checkName(name);
    checkSecure();
    const known = await withStore('identities', 'readonly', (store) => store.get(name));
    if (known !== undefined) {
      if (isWebKeys(known)) return WebIdentity.of(known);
      throw new Problem(
        `what this page keeps as identity ${name} is damaged`,
        'take another name, or clear its site data',
      );
    }
    const fresh = await generateKeys();
    // Another tab may have made one meanwhile: the first one counts.
    let cause: unknown;
    const made = await withStore('identities', 'readwrite', (store) => store.add(fresh, name)).catch(
      (error: unknown) => {
        cause = error;
      },
    );
    if (made !== undefined) return WebIdentity.of(fresh);
    const found = await withStore('identities', 'readonly', (store) => store.get(name));
    if (isWebKeys(found)) return WebIdentity.of(found);
    throw new Problem('this browser does not keep the identity', 'make room for the data of this page', { cause });
  },
  transport: (federation, local) => {
    checkSecure();
    return fetchTransport(federation, local);
  },
  readPicture: decodeInPage,
  uploads: (federation, owner, name) => new KeptInPage(keeperName(federation.id, owner, name)),
};

function checkSecure(): void {
  if ((globalThis as { readonly isSecureContext?: boolean }).isSecureContext !== false) return;
  throw new Problem(
    'this page came over plain HTTP: a browser gives it no cryptography',
    'serve the page over HTTPS, or from http://localhost on this machine',
  );
}
