/** The commands of operators, from three empty folders to a federation whose keys have all been changed. */
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/commands.ts';
import { parseFederation } from '../../src/federation/federation-file.ts';
import { idOf } from '../../src/federation/public-identity.ts';
import { readMembers } from '../../src/federation/members.ts';
import { AuditLog } from '../../src/service/audit-log.ts';
import { parseConfig } from '../../src/service/config.ts';
import { openPartyFolder, readOwnFederation, shownTls } from '../../src/service/party-folder.ts';
import { temporaryFolder } from '../folder.ts';

const root = temporaryFolder('federation');
const at = (...names: string[]): string => join(root, ...names);
const PARTIES = ['p0', 'p1', 'p2'] as const;

async function run(...words: string[]): Promise<string> {
  const said = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    await runCommandLine(words, new AbortController().signal);
    return said.mock.calls.flat().join('\n');
  } finally {
    said.mockRestore();
  }
}

beforeAll(async () => {
  for (const [i, name] of PARTIES.entries())
    await run('party', 'init', '--role', `P${i}`, '--address', `127.0.0.1:76${i}0`, '--dir', at(name));
  await run(
    'federation',
    'join',
    ...PARTIES.map((name, i) => at(name, `P${i}.card.json`)),
    '--out',
    at('federation.json'),
  );
  for (const name of PARTIES) copyFileSync(at('federation.json'), at(name, 'federation.json'));
  await run('identity', 'init', '--name', 'hospital-a', '--identity', at('identity.key'));
});

describe('party init', () => {
  it('makes files of which secret ones are for this user alone, and a card without any secret', () => {
    for (const name of ['identity.key', 'tls.key', 'storage.key'])
      expect(statSync(at('p0', name)).mode & 0o777).toBe(0o600);
    expect(statSync(at('p0')).mode & 0o777).toBe(0o700);
    const secret = JSON.parse(readFileSync(at('p0', 'identity.key'), 'utf8')) as { plain: string };
    const { sign, seal } = JSON.parse(Buffer.from(secret.plain, 'base64').toString()) as Record<string, string>;
    for (const file of ['P0.card.json', 'federation.json', 'party.json']) {
      const text = readFileSync(at('p0', file), 'utf8');
      expect([text.includes(sign), text.includes(seal)]).toEqual([false, false]);
    }
  });

  it('writes a configuration that it understands', () => {
    const config = parseConfig(readFileSync(at('p1', 'party.json'), 'utf8'), 'party.json');
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 7610 });
    expect(config.links.port).toBe(7611);
    expect(config.private).toEqual({ host: '127.0.0.1', port: 7612 });
  });

  it('does not write over a party', async () => {
    const again = run('party', 'init', '--role', 'P0', '--address', '127.0.0.1:7600', '--dir', at('p0'));
    await expect(again).rejects.toThrow('a party lives in this folder');
  });

  it.each([
    [['--address', 'p0.example.org'], 'expected HOST:PORT'],
    [['--address', '127.0.0.1:7600', '--role', 'P3'], '--role: expected P0 or P1 or P2'],
    [['--address', '127.0.0.1:7600', '--trust', at('nothing.pem')], '--trust'],
  ])('refuses %j', async (words, text) => {
    const role = words.includes('--role') ? [] : ['--role', 'P0'];
    await expect(run('party', 'init', '--dir', at('other'), ...role, ...words)).rejects.toThrow(text);
    expect(existsSync(at('other'))).toBe(false);
  });

  it('encrypts the key files where there is a passphrase', async () => {
    writeFileSync(at('passphrase'), 'correct horse\n', { mode: 0o600 });
    const folder = at('sealed');
    const words = [
      '--role',
      'P2',
      '--address',
      '127.0.0.1:7620',
      '--dir',
      folder,
      '--passphrase-file',
      at('passphrase'),
    ];
    await run('party', 'init', ...words);
    expect(readFileSync(join(folder, 'identity.key'), 'utf8')).toContain('scrypt');
    expect((await openPartyFolder(folder)).config.role).toBe('P2');
    writeFileSync(at('passphrase'), 'wrong horse\n');
    await expect(openPartyFolder(folder)).rejects.toThrow('the passphrase does not open it');
  });
});

describe('federation', () => {
  it('shows the same fingerprint everywhere', async () => {
    const pattern = /fingerprint: ([0-9a-f]{4} ){7}[0-9a-f]{4}/;
    const own = await run('federation', 'show', '--federation', at('p0', 'federation.json'));
    const other = await run('federation', 'show', '--federation', at('federation.json'));
    expect(pattern.exec(own)![0]).toBe(pattern.exec(other)![0]);
  });

  it('refuses two cards of P1, and none', async () => {
    const [p0, p1] = [at('p0', 'P0.card.json'), at('p1', 'P1.card.json')];
    await expect(run('federation', 'join', p0, p1, p1, '--out', at('x.json'))).rejects.toThrow('two cards are of P1');
    await expect(run('federation', 'join')).rejects.toThrow('federation join: say which');
  });
});

describe('members', () => {
  it('are admitted, shown, revoked, and cannot come again with a revoked key', async () => {
    const card = at('hospital-a.card.json');
    await expect(run('party', 'admit', card, '--dir', at('p1'))).rejects.toThrow('Nobody can be asked');
    await run('party', 'admit', card, '--dir', at('p1'), '--yes', '--roles', 'owner');
    expect(await run('party', 'members', '--dir', at('p1'))).toContain('hospital-a');
    const [member] = await readMembers(at('p1', 'members.json'));
    expect(member.roles).toEqual(['owner']);
    await run('party', 'revoke', idOf(member.identity), '--dir', at('p1'), '--yes');
    expect((await readMembers(at('p1', 'members.json')))[0].revoked).toBeDefined();
    await expect(run('party', 'admit', card, '--dir', at('p1'), '--yes')).rejects.toThrow('was revoked');
    await expect(run('party', 'revoke', 'nobody', '--dir', at('p1'), '--yes')).rejects.toThrow('no such member');
    // The service takes it into its log.
    await AuditLog.open(at('p1', 'audit.log'));
    expect(await run('audit', 'verify', '--dir', at('p1'))).toContain('2 lines');
    await expect(run('audit', 'verify', '--dir', at('p1'), '--head', 'f'.repeat(64))).rejects.toThrow(
      'no line has the hash',
    );
  });
});

describe('party rotate', () => {
  const federation = (): ReturnType<typeof parseFederation> =>
    parseFederation(readFileSync(at('federation.json'), 'utf8'), 'federation.json');

  async function spread(): Promise<void> {
    await run('federation', 'join', at('p0', 'P0.card.json'), '--update', '--out', at('federation.json'));
    copyFileSync(at('federation.json'), at('p0', 'federation.json'));
  }

  it('changes the TLS key: the service shows one that every file names, before, between and after', async () => {
    const folder = at('p0');
    const shown = async (): Promise<string> => {
      const party = await openPartyFolder(folder);
      return shownTls(party, await readOwnFederation(party)).pin;
    };
    const before = await shown();
    await run('party', 'rotate', 'tls', '--dir', folder);
    await expect(run('party', 'rotate', 'tls', '--dir', folder)).rejects.toThrow('is under way');
    await expect(run('party', 'rotate', 'finish', '--dir', folder)).rejects.toThrow('does not name the new key yet');
    expect(await shown()).toBe(before);
    const { id } = federation();
    await spread();
    expect(federation().parties.P0.tls).toContain(before);
    // Peers whose file is not new yet know this one alone.
    expect(await shown()).toBe(before);
    await run('party', 'rotate', 'finish', '--dir', folder);
    const after = await shown();
    expect(after).not.toBe(before);
    await spread();
    expect(federation().parties.P0.tls).toEqual([after]);
    expect(federation().id).toBe(id);
    await run('party', 'rotate', 'certificate', '--dir', folder);
    expect(await shown()).toBe(after);
  });

  it('survives a crash between the two halves of a change', async () => {
    const folder = at('p0');
    await run('party', 'rotate', 'tls', '--dir', folder);
    const [, next] = (await openPartyFolder(folder)).tls;
    copyFileSync(join(folder, 'tls.next.key'), join(folder, 'tls.key'));
    rmSync(join(folder, 'tls.next.key'));
    const { tls } = await openPartyFolder(folder);
    expect(tls.map(({ pin }) => pin)).toEqual([next.pin]);
    expect(existsSync(join(folder, 'tls.next.crt'))).toBe(false);
  });

  it('changes the identity: the one before endorses it, and the federation stays the same', async () => {
    const before = federation();
    await run('party', 'rotate', 'identity', '--dir', at('p0'));
    await spread();
    const after = federation();
    expect(after.id).toBe(before.id);
    expect(after.parties.P0.previous?.identity).toEqual(before.parties.P0.identity);
    expect((await openPartyFolder(at('p0'))).identity.public).toEqual(after.parties.P0.identity);
  });

  it('changes the storage key: what is there stays readable', async () => {
    const sealed = (await openPartyFolder(at('p2'))).vault.seal('x', Buffer.from('kept'));
    await run('party', 'rotate', 'storage', '--dir', at('p2'));
    const { vault } = await openPartyFolder(at('p2'));
    expect(Buffer.from(vault.open('x', sealed, 'x')).toString()).toBe('kept');
    expect(vault.isOutdated(sealed)).toBe(true);
    await expect(run('party', 'rotate', 'everything', '--dir', at('p2'))).rejects.toThrow('rotate what?');
  });
});
