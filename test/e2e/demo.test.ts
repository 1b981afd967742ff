/** `securenn demo`: a whole federation with TLS, from keys to an answer of the model that stayed shared. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../folder.ts';
import { Command } from './command.ts';

const PARTIES = ['p0', 'p1', 'p2'];

function filesUnder(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('securenn demo', () => {
  const root = temporaryFolder('demo');
  const folder = join(root, 'hosts');
  let told = '';

  it('trains on the data of two owners who approved it, and answers with the model that stayed shared', async () => {
    const command = new Command(['demo', '--steps', '60', '--images', '1024', '--dir', folder, '--json', '-'], root);
    const { code, stdout, stderr } = await command.outcome;
    told = stderr;
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ command: 'demo', steps: 60, images: 2048 });
    const [, percent] = /after 60 steps: ([0-9.]+) % of the test set right/.exec(stderr) ?? [];
    expect(Number(percent)).toBeGreaterThan(75);
    expect(stderr).toMatch(/1[0-9] of 16 right/);
    expect(existsSync(join(folder, 'analyst', 'model.safetensors'))).toBe(true);
  });

  it('printed every command that it used', () => {
    const typed = [...told.matchAll(/^(\S+) \$ securenn (\S+( [a-z]+)?)/gm)].map(([, , command]) => command);
    for (const command of [
      'party init',
      'federation join',
      'identity init',
      'party admit',
      'party serve',
      'party check',
    ])
      expect(typed).toContain(command);
    for (const command of ['data put', 'job propose', 'job approve', 'job watch', 'model fetch', 'model serve'])
      expect(typed).toContain(command);
    expect(typed).toContain('audit verify');
  });

  it('left no secret of one host on another, none in a log, and files for one user alone', () => {
    const secrets = [...PARTIES, 'hospital-a', 'hospital-b', 'analyst'].map((host) => {
      const { plain } = JSON.parse(readFileSync(join(folder, host, 'identity.key'), 'utf8')) as { plain: string };
      const { sign, seal } = JSON.parse(Buffer.from(plain, 'base64').toString()) as { sign: string; seal: string };
      return { host, texts: [plain, sign, seal] };
    });
    for (const path of filesUnder(folder)) {
      const content = readFileSync(path, 'latin1');
      for (const { host, texts } of secrets) {
        if (path === join(folder, host, 'identity.key')) continue;
        for (const text of texts) expect(content.includes(text), `${path} holds a key of ${host}`).toBe(false);
      }
    }
    for (const host of PARTIES) {
      for (const path of filesUnder(join(folder, host, 'state'))) expect(statSync(path).mode & 0o077, path).toBe(0);
    }
  });

  it('ended all that it started', () => {
    for (const host of PARTIES) expect(readFileSync(join(folder, host, 'serve.log'), 'utf8')).toMatch(/^stopped$/m);
  });
});
