/** What operators and members type: errors with their fixes, no secret shown, and key changes at no moment of which a peer lacks a key. */
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/commands.ts';
import { errorLine } from '../../src/cli/errors.ts';
import { parsePartyCard } from '../../src/federation/signed-card.ts';
import type { PartyCard } from '../../src/federation/card.ts';
import { fingerprint, parseFederation } from '../../src/federation/federation-file.ts';
import { readIdentity, readSecret } from '../../src/federation/secret-file.ts';
import { AuditLog } from '../../src/service/audit-log.ts';
import { openPartyFolder, readOwnFederation, shownTls, speakingIdentity } from '../../src/service/party-folder.ts';
import { temporaryFolder } from '../folder.ts';

let shown: string[];
beforeEach(() => {
  shown = [];
  vi.stubEnv('SECURENN_PASSPHRASE', '');
  vi.spyOn(console, 'log').mockImplementation((text: string) => void shown.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void shown.push(text));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** What a command line says. */
async function run(...words: string[]): Promise<string> {
  shown.length = 0;
  await runCommandLine(words, new AbortController().signal);
  return shown.join('\n');
}

/** The line that a person sees when it fails. */
async function failure(...words: string[]): Promise<string> {
  try {
    await run(...words);
  } catch (error) {
    return errorLine(error);
  }
  throw new Error(`it worked: ${words.join(' ')}`);
}

async function reportOf(folder: string, ...words: string[]): Promise<Record<string, unknown>> {
  const json = join(folder, 'report.json');
  await run(...words, '--json', json);
  return JSON.parse(await readFile(json, 'utf8')) as Record<string, unknown>;
}

interface Hosts {
  readonly folder: string;
  readonly dirs: readonly string[];
  readonly cards: readonly string[];
  readonly file: string;
}

const ROLES = ['P0', 'P1', 'P2'];

/** Three parties that have joined; each has the file. */
async function threeHosts(): Promise<Hosts> {
  const folder = temporaryFolder('hosts');
  const dirs = ROLES.map((role) => join(folder, role));
  for (const [i, role] of ROLES.entries())
    await run('party', 'init', '--role', role, '--address', `127.0.0.1:${7600 + 10 * i}`, '--dir', dirs[i]);
  const cards = ROLES.map((role, i) => join(dirs[i], `${role}.card.json`));
  const file = join(folder, 'federation.json');
  await run('federation', 'join', ...cards, '--out', file);
  await spread({ folder, dirs, cards, file });
  return { folder, dirs, cards, file };
}

async function spread({ dirs, file }: Hosts, to: readonly number[] = [0, 1, 2]): Promise<void> {
  for (const i of to) await writeFile(join(dirs[i], 'federation.json'), await readFile(file));
}

async function cardIn(path: string): Promise<PartyCard> {
  return parsePartyCard(await readFile(path, 'utf8'), path).card;
}

describe('party init', () => {
  it('makes keys for this user alone, a configuration and a card, and says what comes next', async () => {
    const dir = join(temporaryFolder('init'), 'deep', 'P0');
    const text = await run(
      'party',
      'init',
      '--role',
      'P0',
      '--address',
      'p0.example.org:7600',
      '--dir',
      dir,
      '--name',
      'Clinic A',
    );
    for (const secret of ['identity.key', 'tls.key', 'storage.key'])
      expect((await stat(join(dir, secret))).mode & 0o777, secret).toBe(0o600);
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    const card = await cardIn(join(dir, 'P0.card.json'));
    expect(card).toMatchObject({
      role: 'P0',
      name: 'Clinic A',
      address: 'p0.example.org:7600',
      links: 'p0.example.org:7601',
    });
    expect(text).toContain('securenn federation join P0.card.json P1.card.json P2.card.json');
    const party = await openPartyFolder(dir);
    expect(party.config).toMatchObject({
      role: 'P0',
      listen: { host: '0.0.0.0', port: 7600 },
      private: { host: '127.0.0.1', port: 7602 },
    });
  });

  it('shows no secret, in text or JSON', async () => {
    const dir = join(temporaryFolder('init'), 'P0');
    const report = await reportOf(
      join(dir, '..'),
      'party',
      'init',
      '--role',
      'P0',
      '--address',
      '127.0.0.1:7600',
      '--dir',
      dir,
    );
    const { sign, seal } = (await readIdentity(join(dir, 'identity.key'))).exportSecrets();
    const keys = [sign, seal];
    for (const [name, kind] of [
      ['tls.key', 'tls-key'],
      ['storage.key', 'storage-keys'],
    ] as const) {
      const bytes = Buffer.from(await readSecret(join(dir, name), kind));
      keys.push(bytes.toString('hex'), bytes.toString('base64'), bytes.toString('utf8'));
    }
    const said = JSON.stringify(report) + shown.join('\n') + (await readFile(join(dir, 'P0.card.json'), 'utf8'));
    for (const key of keys) expect(said).not.toContain(key);
  });

  it('under a passphrase opens with it alone', async () => {
    const folder = temporaryFolder('init');
    const dir = join(folder, 'P0');
    const passphrase = join(folder, 'passphrase');
    await writeFile(passphrase, 'correct horse\n', { mode: 0o600 });
    const init = ['party', 'init', '--role', 'P0', '--address', '127.0.0.1:7600', '--dir', dir];
    await run(...init, '--passphrase-file', passphrase);
    await run('party', 'card', '--dir', dir);
    await writeFile(passphrase, 'wrong\n');
    expect(await failure('party', 'card', '--dir', dir)).toMatch(
      /the passphrase does not open it \(fix: give the right one/,
    );
    await chmod(passphrase, 0o644);
    expect(await failure('party', 'card', '--dir', dir)).toMatch(/everybody can read the passphrase \(fix: chmod 600/);
    await chmod(passphrase, 0o640);
    expect(await failure('party', 'card', '--dir', dir)).toMatch(/does not open it/);
  });

  it('leaves a party that is there alone', async () => {
    const dir = join(temporaryFolder('init'), 'P0');
    const init = ['party', 'init', '--role', 'P0', '--address', '127.0.0.1:7600', '--dir', dir];
    await run(...init);
    const before = await readFile(join(dir, 'identity.key'), 'utf8');
    expect(await failure(...init)).toMatch(/a party lives in this folder \(fix: give another folder to --dir\)/);
    expect(await readFile(join(dir, 'identity.key'), 'utf8')).toBe(before);
  });

  it.each([
    [['--role', 'P3'], /--role: expected P0 or P1 or P2, found "P3"/],
    [
      ['--address', 'p0.example.org'],
      /--address: expected HOST:PORT, found "p0\.example\.org" \(fix: give --address p0/,
    ],
    [['--links', 'p0:0'], /--links: expected HOST:PORT/],
    [['--address', '127.0.0.1:65535'], /--links: expected HOST:PORT|no port/],
    [['--trust', '/nowhere.pem'], /--trust: \/nowhere\.pem cannot be read: there is no such file/],
    [['--name', 'a\nb'], /--name: expected letters, digits, spaces .* found "a\\nb"/],
  ])('refuses %j', async (changes, expected) => {
    const options = new Map([
      ['--role', 'P0'],
      ['--address', '127.0.0.1:7600'],
      ['--dir', join(temporaryFolder('init'), 'P0')],
    ]);
    options.set(changes[0], changes[1]);
    expect(await failure('party', 'init', ...[...options].flat())).toMatch(expected);
  });

  it('takes no private key for an authority’s certificate', async () => {
    const folder = temporaryFolder('init');
    await writeFile(join(folder, 'ca.pem'), '-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n');
    const words = [
      '--role',
      'P0',
      '--address',
      '127.0.0.1:7600',
      '--dir',
      join(folder, 'P0'),
      '--trust',
      join(folder, 'ca.pem'),
    ];
    expect(await failure('party', 'init', ...words)).toMatch(/holds a private key, which must not get into a card/);
  });
});

describe('federation join', () => {
  it('makes one file of three cards, with the same fingerprint for all who do it', async () => {
    const { file, cards, folder } = await threeHosts();
    const federation = parseFederation(await readFile(file, 'utf8'), file);
    const again = await run('federation', 'join', ...cards.toReversed(), '--out', join(folder, 'again.json'));
    expect(again).toContain(`fingerprint: ${fingerprint(federation)}`);
    expect(await run('federation', 'show', '--federation', file)).toContain(fingerprint(federation));
    const report = await reportOf(folder, 'federation', 'show', '--federation', file);
    expect(report).toMatchObject({ federation, fingerprint: fingerprint(federation) });
  });

  it('refuses two P1s, a missing card, one that is no card, and a file that is another', async () => {
    const { dirs, cards, file, folder } = await threeHosts();
    const other = join(folder, 'other');
    await run('party', 'init', '--role', 'P1', '--address', '127.0.0.1:7690', '--dir', other);
    const twice = [cards[0], cards[1], join(other, 'P1.card.json')];
    expect(await failure('federation', 'join', ...twice, '--out', file)).toMatch(
      /two cards are of P1: .*one of them has to be P2/,
    );
    expect(await failure('federation', 'join', cards[0], cards[1], '--out', file)).toMatch(
      /no card of P2 \(fix: give the cards/,
    );
    expect(await failure('federation', 'join')).toMatch(/say which: the cards of P0, P1 and P2/);
    const none = join(dirs[0], 'party.json');
    expect(await failure('federation', 'join', cards[0], cards[1], none, '--out', file)).toMatch(
      /party\.json: line 1, column 1: no JSON/,
    );
    expect(await failure('federation', 'join', ...cards.slice(0, 2), join(folder, 'gone'), '--out', file)).toMatch(
      /gone cannot be read: there is no such file/,
    );
    const another = [cards[0], join(other, 'P1.card.json'), cards[2]];
    expect(await failure('federation', 'join', ...another, '--out', file)).toMatch(
      /is there already, and says something else \(fix: .*give another file to --out/,
    );
    expect(await failure('federation', 'join', join(other, 'P1.card.json'), '--update', '--out', file)).toMatch(
      /another identity than the P1/,
    );
  });

  it('that names other keys than a folder’s is refused by the party', async () => {
    const { dirs, cards, folder } = await threeHosts();
    const other = join(folder, 'other');
    await run('party', 'init', '--role', 'P0', '--address', '127.0.0.1:7690', '--dir', other);
    await run(
      'federation',
      'join',
      join(other, 'P0.card.json'),
      ...cards.slice(1),
      '--out',
      join(dirs[0], 'federation.json.new'),
    );
    await writeFile(join(dirs[0], 'federation.json'), await readFile(join(dirs[0], 'federation.json.new')));
    const party = await openPartyFolder(dirs[0]);
    await expect(readOwnFederation(party)).rejects.toThrow(/its P0 \(P0\) has another identity than .*identity\.key/);
  });
});

describe('party rotate', () => {
  /** What peers with this file would say to the key that the party shows and the identity that it signs with. */
  async function known(hosts: Hosts, at: number, now: number = Date.now()): Promise<void> {
    const party = await openPartyFolder(hosts.dirs[0]);
    const own = await readOwnFederation(party);
    const theirs = parseFederation(await readFile(join(hosts.dirs[at], 'federation.json'), 'utf8'), 'theirs').parties
      .P0;
    expect(theirs.tls, 'TLS key').toContain(shownTls(party, own).pin);
    const speaks = speakingIdentity(party, own, now).public;
    const identities = [theirs.identity, ...(theirs.previous === undefined ? [] : [theirs.previous.identity])];
    expect(identities, 'identity').toContainEqual(speaks);
  }

  async function update(hosts: Hosts): Promise<void> {
    await run('federation', 'join', hosts.cards[0], '--update', '--out', hosts.file);
  }

  it.each(['tls', 'identity'])('%s: at no moment is a key used that a peer does not know', async (what) => {
    const hosts = await threeHosts();
    const before = await cardIn(hosts.cards[0]);
    const { id } = parseFederation(await readFile(hosts.file, 'utf8'), 'f');
    await run('party', 'rotate', what, '--dir', hosts.dirs[0]);
    const both = await cardIn(hosts.cards[0]);
    if (what === 'tls') expect(both.tls).toEqual([before.tls[0], expect.not.stringMatching(before.tls[0])]);
    else expect(both).toMatchObject({ previous: { identity: before.identity } });
    await known(hosts, 1);
    expect(await failure('party', 'rotate', 'finish', '--dir', hosts.dirs[0])).toMatch(/does not name the new key yet/);
    await update(hosts);
    // One after the other, the party itself first, in the middle or last.
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      for (const to of order) {
        await spread(hosts, [to]);
        await known(hosts, 1);
      }
    }
    await run('party', 'rotate', 'finish', '--dir', hosts.dirs[0]);
    await known(hosts, 1);
    const last = await cardIn(hosts.cards[0]);
    expect(last.tls).toHaveLength(1);
    expect(last.previous).toBeUndefined();
    expect(what === 'tls' ? last.tls : last.identity).not.toEqual(what === 'tls' ? before.tls : before.identity);
    await update(hosts);
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      for (const to of order) {
        await spread(hosts, [to]);
        await known(hosts, 1);
      }
    }
    expect(parseFederation(await readFile(hosts.file, 'utf8'), 'f').id).toBe(id);
    expect(await readdir(hosts.dirs[0])).not.toContain('identity.previous.key');
    expect(await readdir(hosts.dirs[0])).not.toContain('tls.next.key');
    // The next change begins where this one ended.
    await run('party', 'rotate', what, '--dir', hosts.dirs[0]);
    expect(await failure('party', 'rotate', what, '--dir', hosts.dirs[0])).toMatch(/is under way \(fix: end it first/);
  });

  it('identity: signs with the new one before the old one ends, finish or not', async () => {
    const hosts = await threeHosts();
    await run('party', 'rotate', 'identity', '--dir', hosts.dirs[0]);
    await update(hosts);
    await spread(hosts);
    const party = await openPartyFolder(hosts.dirs[0]);
    const own = await readOwnFederation(party);
    const until = Date.parse(own.parties.P0.previous!.until);
    expect(speakingIdentity(party, own, Date.now())).toBe(party.previousIdentity);
    expect(speakingIdentity(party, own, until - 86_400_000)).toBe(party.identity);
    expect(speakingIdentity(party, own, until + 1)).toBe(party.identity);
  });

  it('certificate: the pin stays, and nobody else has to act', async () => {
    const { dirs, cards } = await threeHosts();
    const [certificate, card] = await Promise.all([
      readFile(join(dirs[0], 'tls.crt'), 'utf8'),
      readFile(cards[0], 'utf8'),
    ]);
    const text = await run('party', 'rotate', 'certificate', '--dir', dirs[0]);
    expect(text).toMatch(/nobody else has to do anything/);
    expect(await readFile(join(dirs[0], 'tls.crt'), 'utf8')).not.toBe(certificate);
    expect(await readFile(cards[0], 'utf8')).toBe(card);
    await readOwnFederation(await openPartyFolder(dirs[0]));
  });

  it('storage: the new key seals, those before still open', async () => {
    const { dirs } = await threeHosts();
    const sealed = (await openPartyFolder(dirs[0])).vault.seal('x', Buffer.from('share'));
    await run('party', 'rotate', 'storage', '--dir', dirs[0]);
    const { vault, storageKeys } = await openPartyFolder(dirs[0]);
    expect(storageKeys()).toHaveLength(2);
    expect(Buffer.from(vault.open('x', sealed, 'f')).toString()).toBe('share');
    expect(vault.isOutdated(sealed)).toBe(true);
  });

  it('without a word changes the TLS key; with a wrong one says which there are', async () => {
    const { dirs } = await threeHosts();
    expect(await run('party', 'rotate', '--dir', dirs[0])).toMatch(/second TLS key/);
    expect(await failure('party', 'rotate', 'keys', '--dir', dirs[0])).toMatch(
      /rotate what\? Found "keys" \(fix: say certificate, tls/,
    );
    expect(await failure('party', 'rotate', 'finish', '--dir', dirs[1])).toMatch(/no change of keys is under way/);
  });
});

describe('party admit, revoke and members', () => {
  async function member(folder: string, name = 'hospital-a'): Promise<{ readonly card: string; readonly id: string }> {
    const report = await reportOf(
      folder,
      'identity',
      'init',
      '--name',
      name,
      '--identity',
      join(folder, `${name}.key`),
    );
    return { card: report.card as string, id: report.id as string };
  }

  it('let in who has the id that was told, as what was said, and shut out again', async () => {
    const { dirs, folder } = await threeHosts();
    const { card, id } = await member(folder);
    expect(await failure('party', 'admit', card, '--dir', dirs[0])).toMatch(
      /has it told you this id by another way.*Nobody can be asked.*--yes/,
    );
    expect(await failure('party', 'admit', card, '--dir', dirs[0], '--id', 'ab'.repeat(16))).toMatch(
      /is of id .*, not of abab/,
    );
    expect(await run('party', 'members', '--dir', dirs[0])).toMatch(/nobody is admitted yet/);
    await run('party', 'admit', card, '--dir', dirs[0], '--id', id, '--roles', 'owner,client');
    expect(await run('party', 'members', '--dir', dirs[0])).toMatch(new RegExp(`hospital-a +${id} +owner, client`));
    expect(await failure('party', 'admit', card, '--dir', dirs[0], '--id', id, '--roles', 'king')).toMatch(
      /no role "king"/,
    );
    expect(await failure('party', 'revoke', 'hospital-b', '--dir', dirs[0], '--yes')).toMatch(/no such member/);
    await run('party', 'revoke', id, '--dir', dirs[0], '--yes');
    expect(await run('party', 'members', '--dir', dirs[0])).toMatch(/revoked \d{4}-\d\d-\d\d/);
    expect(await failure('party', 'admit', card, '--dir', dirs[0], '--id', id)).toMatch(/this key was revoked/);
    // Its name is free for another key.
    await run('party', 'admit', (await member(temporaryFolder('member'))).card, '--dir', dirs[0], '--yes');
  });

  it('refuse a party’s card, a changed card, and a folder without a party', async () => {
    const { dirs, cards, folder } = await threeHosts();
    const { card } = await member(folder);
    expect(await failure('party', 'admit', cards[1], '--dir', dirs[0], '--yes')).toMatch(
      /is a party card, expected a member card/,
    );
    await writeFile(card, (await readFile(card, 'utf8')).replace('hospital-a', 'hospital-b'));
    expect(await failure('party', 'admit', card, '--dir', dirs[0], '--yes')).toMatch(/not as its identity signed it/);
    expect(await failure('party', 'members', '--dir', folder)).toMatch(/party\.json: cannot be read/);
  });

  it('are in the audit log of the party that runs', async () => {
    const { dirs, folder } = await threeHosts();
    const { card, id } = await member(folder);
    await run('party', 'admit', card, '--dir', dirs[0], '--yes');
    await run('party', 'revoke', 'hospital-a', '--dir', dirs[0], '--yes');
    await run('party', 'rotate', '--dir', dirs[0]);
    await AuditLog.open(join(dirs[0], 'audit.log'));
    const lines = (await readFile(join(dirs[0], 'audit.log'), 'utf8')).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as { event: string; facts: object });
    expect(events.map(({ event }) => event)).toEqual(['member admitted', 'member revoked', 'keys rotated']);
    expect(events[0].facts).toMatchObject({ name: 'hospital-a', id });
  });
});

describe('identity', () => {
  it('init makes a key that is not written over, and a card beside it', async () => {
    const folder = temporaryFolder('identity');
    const out = join(folder, 'a.key');
    const text = await run('identity', 'init', '--name', 'hospital-a', '--roles', 'owner', '--identity', out);
    const { id } = await readIdentity(out);
    expect(text).toContain(`hospital-a: id ${id}`);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    const { sign, seal } = (await readIdentity(out)).exportSecrets();
    for (const secret of [sign, seal]) expect(text).not.toContain(secret);
    expect(await failure('identity', 'init', '--name', 'hospital-a', '--identity', out)).toMatch(/is there already/);
    const card = await readFile(join(folder, 'hospital-a.card.json'), 'utf8');
    await run('identity', 'card', '--name', 'hospital-a', '--roles', 'owner', '--identity', out);
    expect(await readFile(join(folder, 'hospital-a.card.json'), 'utf8')).toBe(card);
  });

  it('init encrypts by SECURENN_PASSPHRASE', async () => {
    const out = join(temporaryFolder('identity'), 'a.key');
    vi.stubEnv('SECURENN_PASSPHRASE', 'correct horse');
    await run('identity', 'init', '--name', 'a', '--identity', out);
    vi.stubEnv('SECURENN_PASSPHRASE', '');
    expect(await failure('identity', 'card', '--name', 'a', '--identity', out)).toMatch(/needs its passphrase/);
  });

  it('refuses names that no document could have', async () => {
    expect(await failure('identity', 'init', '--name', 'Hospital A')).toMatch(
      /--name: "Hospital A" is no name of a member \(fix: take small letters/,
    );
    expect(await failure('identity', 'init')).toMatch(/Missing required argument: name/);
  });
});

describe('audit verify', () => {
  async function logged(count: number): Promise<{ readonly dir: string; readonly path: string }> {
    const dir = temporaryFolder('audit');
    const path = join(dir, 'audit.log');
    const log = await AuditLog.open(path);
    for (let i = 0; i < count; i++) await log.append('event', { i });
    return { dir, path };
  }

  it('shows the newest hash, by which later changes are noticed', async () => {
    const { dir, path } = await logged(3);
    const report = await reportOf(dir, 'audit', 'verify', '--dir', dir);
    expect(report).toMatchObject({ lines: 3, kept: null });
    const head = report.head as string;
    await (await AuditLog.open(path)).append('later', {});
    const kept = ['audit', 'verify', '--dir', dir, '--head', head];
    expect(await run(...kept)).toMatch(/4 lines.*\nline 3 has the hash that was kept/);
    // Cut off after the fact, the chain is whole, but the hash that was kept is gone.
    const lines = (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, `${lines.slice(0, 2).join('\n')}\n`);
    await run('audit', 'verify', '--dir', dir);
    expect(await failure(...kept)).toMatch(/no line has the hash .*: lines were removed or changed since/);
    await writeFile(path, lines.map((line) => line.replace('"i":1', '"i":9')).join('\n'));
    expect(await failure('audit', 'verify', '--dir', dir)).toMatch(/line 3 does not follow the line before it/);
  });

  it('does not take a line that is being written for a change', async () => {
    const { dir, path } = await logged(2);
    await writeFile(path, `${await readFile(path, 'utf8')}{"event":"to`);
    expect(await run('audit', 'verify', '--dir', dir)).toMatch(/2 lines.*\n.*being written, or a crash cut it/);
  });

  it('says what is wrong with what it is given', async () => {
    const { dir } = await logged(1);
    expect(await failure('audit', 'verify', '--dir', join(dir, 'none'))).toMatch(
      /audit\.log cannot be read: there is no such file/,
    );
    expect(await failure('audit', 'verify', '--dir', dir, '--head', 'x')).toMatch(
      /expected 64 hexadecimal digits, found "x"/,
    );
  });
});
