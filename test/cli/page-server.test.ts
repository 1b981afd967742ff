/** What the page of the demo is served with, and to whom. */
import { cpSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageServer } from '../../src/cli/demo/page-server.ts';
import { temporaryFolder } from '../folder.ts';

const facts = { federation: {}, fingerprint: '1a2b', local: { P0: 1001, P1: 1002, P2: 1003 }, session: 'ab' };
const token = '0123456789abcdef';
let server: PageServer;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    asked.on('error', reject).end();
  });
}

beforeAll(async () => {
  const folder = temporaryFolder('page-server');
  cpSync(join(import.meta.dirname, '../../src/page'), folder, { recursive: true });
  // What the build makes of main.ts.
  writeFileSync(join(folder, 'main.js'), 'export {};');
  server = await PageServer.open({ port: 0, token, parties: [1001, 1002, 1003], folder: pathToFileURL(`${folder}/`) });
});
afterAll(() => server?.close());

describe('the page server', () => {
  it('says that it waits, until there is something to show', async () => {
    for (const path of ['/demo.json', '/model.safetensors']) expect((await ask(path)).status).toBe(503);
    server.show({ facts, model: Buffer.from('weights') });
    expect(JSON.parse((await ask('/demo.json')).body)).toEqual(facts);
  });

  it('serves the files of the page, with a policy that lets it speak with three parties and nobody else', async () => {
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/main.js', 'text/javascript'],
      ['/style.css', 'text/css'],
      ['/icon.svg', 'image/svg+xml'],
    ]) {
      const { status, headers } = await ask(path);
      expect([status, String(headers['content-type']).split(';')[0]]).toEqual([200, type]);
      expect(headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; " +
          "connect-src 'self' http://127.0.0.1:1001 http://127.0.0.1:1002 http://127.0.0.1:1003; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' });
    }
    expect((await ask('/')).body).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/);
  });

  it('gives the model to who has the token', async () => {
    expect(await ask('/model.safetensors', { authorization: `Bearer ${token}` })).toMatchObject({ body: 'weights' });
    for (const authorization of ['', 'Bearer ', `Bearer ${token}0`, `Bearer ${'0'.repeat(token.length)}`]) {
      const { status, body } = await ask('/model.safetensors', { authorization });
      expect(status).toBe(403);
      expect(body).not.toContain('weights');
    }
  });

  it('opens no file but those', async () => {
    for (const path of [
      '/../package.json',
      '/..%2fpackage.json',
      '/%2e%2e/package.json',
      '/.html',
      '/a/b.js',
      '/x.json',
    ])
      expect((await ask(path)).status, path).toBe(404);
  });

  it('answers under its own name alone, and takes nothing', async () => {
    for (const host of ['evil.example', `evil.example:${server.port}`, `localhost:${server.port}`])
      expect((await ask('/', { host })).status, host).toBe(421);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect((await ask('/', {}, method)).status).toBe(405);
    expect(await ask('/', {}, 'HEAD')).toMatchObject({ status: 200, body: '' });
  });

  it('says which port is in use', async () => {
    const folder = new URL('../../src/page/', import.meta.url);
    await expect(PageServer.open({ port: server.port, token, parties: [], folder })).rejects.toMatchObject({
      message: `--web-port: ${server.port}: EADDRINUSE`,
    });
  });
});
