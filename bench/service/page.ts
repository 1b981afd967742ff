/**
 * A page of another origin than the parties, under a policy that lets it reach them alone, in a browser that knows their certificates: what a
 * visitor has. The client is bundled from dist/, as a page's own bundler would do it.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import type { Browser } from 'puppeteer-core';
import { ROLES } from '../../src/federation/card.ts';
import type { Federation } from '../../src/federation/federation-file.ts';
import { launchStrictBrowser } from './chromium.ts';

const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.json': 'application/json' };
const BINARY = 'application/octet-stream';

/** What is served at `/NAME`. */
export type PageFiles = Readonly<Record<string, string | Uint8Array>>;

/** A page's own server, on 127.0.0.1. */
export class PageServer {
  readonly #server: Server;
  #files: PageFiles = {};
  #policy = "default-src 'none'";

  private constructor() {
    this.#server = createServer(({ url = '/' }, response) => {
      const body = Object.hasOwn(this.#files, url.slice(1)) ? this.#files[url.slice(1)] : this.#files[''];
      const type = url === '/' ? 'text/html' : (TYPES[/\.\w+$/.exec(url)?.[0] ?? ''] ?? BINARY);
      const headers = {
        'content-type': type === BINARY ? type : `${type}; charset=utf-8`,
        'content-security-policy': this.#policy,
      };
      response.writeHead(200, headers).end(body);
    });
  }

  static async open(): Promise<PageServer> {
    const page = new PageServer();
    await new Promise<void>((resolve) => page.#server.listen(0, '127.0.0.1', resolve));
    return page;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** @param files the page itself has the empty name; it reaches them and the parties of the federation */
  show(files: PageFiles, federation: Federation): void {
    this.#files = files;
    const hosts = ROLES.map((role) => `https://${federation.parties[role].address}`);
    this.#policy = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${hosts.join(' ')}`;
  }

  close(): void {
    this.#server.close();
  }
}

/** A module that imports `./dist/…` of this clone, in one file. @param root of the clone */
export async function bundleForPage(contents: string, root: string): Promise<string> {
  const stdin = { contents, resolveDir: root };
  const made = await build({ stdin, bundle: true, minify: true, format: 'esm', platform: 'browser', write: false });
  return made.outputFiles[0].text;
}

/** Takes the parties' own certificates for good, and no others. @param folder the browser's own */
export function browserFor(federation: Federation, folder: string): Promise<Browser> {
  const pins = ROLES.flatMap((role) =>
    federation.parties[role].tls.map((pin) => Buffer.from(pin, 'hex').toString('base64')),
  );
  return launchStrictBrowser(`--user-data-dir=${folder}`, `--ignore-certificate-errors-spki-list=${pins.join(',')}`);
}
