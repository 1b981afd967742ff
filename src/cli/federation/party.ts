/** `securenn party init|card|rotate|admit|revoke|members`: what an organisation's operator does beside its service. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { joinAddress, splitAddress } from '../../federation/address.ts';
import { addressSchema, MEMBER_ROLES, partyName, type MemberCard, type Trust } from '../../federation/card.ts';
import { parseMemberCard } from '../../federation/signed-card.ts';
import { readNamedFile } from '../../federation/named-file.ts';
import { idOf } from '../../federation/public-identity.ts';
import {
  admit,
  isSuccession,
  keysOf,
  readMembers,
  revoke,
  succeed,
  writeMembers,
  type Member,
} from '../../federation/members.ts';
import { noteForAudit } from '../../service/audit-log.ts';
import { pathsOf, readConfig } from '../../service/config.ts';
import { cardPath, initParty, openPartyFolder, readOwnCard } from '../../service/party-folder.ts';
import { rotateKeys, ROTATIONS } from '../../service/rotation.ts';
import { confirm, yes } from '../confirm.ts';
import { layTable, widthOf } from '../layout.ts';
import { type Argv, jsonOption, oneOf, optionalText, TASK, text } from '../options/values.ts';
import { say, writeReport } from '../output.ts';
import { readRoles } from './roles.ts';

export const dirOption: Options = { ...text, group: TASK, default: '.', describe: "The party's folder" };
const yesOption: Options = { ...yes, group: TASK };

export const initOptions: Readonly<Record<string, Options>> = {
  role: { ...text, group: TASK, demandOption: true, describe: 'P0, P1 or P2: which of the three this organisation is' },
  address: { ...text, group: TASK, demandOption: true, describe: 'HOST:PORT at which clients and the others find it' },
  links: {
    ...text,
    group: TASK,
    defaultDescription: 'the next port',
    describe: 'HOST:PORT for links of jobs, for the other two parties alone',
  },
  private: {
    ...text,
    group: TASK,
    defaultDescription: '127.0.0.1, the port after that',
    describe: 'HOST:PORT for health and metrics, for this organisation alone',
  },
  listen: {
    ...text,
    group: TASK,
    defaultDescription: '0.0.0.0; 127.0.0.1 for a loopback address',
    describe: 'Address of this machine at which the two are bound',
  },
  name: { ...text, group: TASK, defaultDescription: 'the role', describe: "The organisation's name, for people" },
  trust: {
    ...text,
    group: TASK,
    default: 'pinned',
    describe:
      'How the address proves itself: pinned (its own key), public (a certificate that systems trust), or a PEM file of an authority',
  },
  'passphrase-file': {
    ...text,
    group: TASK,
    defaultDescription: 'none: key files are as they are',
    describe: 'Encrypt the key files: the first line of this file opens them',
  },
  dir: { ...dirOption, describe: "The party's folder, made if it is not there" },
  json: jsonOption,
};

export async function partyInit(argv: Argv): Promise<void> {
  const role = oneOf(argv, 'role', ['P0', 'P1', 'P2']);
  const folder = resolve(optionalText(argv, 'dir')!);
  const address = checkAddress('address', optionalText(argv, 'address')!);
  const { host, port } = splitAddress(address);
  const links = checkAddress('links', optionalText(argv, 'links') ?? joinAddress({ host, port: port + 1 }));
  const bind = optionalText(argv, 'listen') ?? (isLoopback(host) ? host : '0.0.0.0');
  const linksPort = splitAddress(links).port;
  const inside = splitAddress(
    checkAddress('private', optionalText(argv, 'private') ?? `127.0.0.1:${Math.max(port, linksPort) + 1}`),
  );
  const out = optionalText(argv, 'json');
  const passphraseFile = optionalText(argv, 'passphrase-file');
  const card = await initParty(folder, {
    ...{ role, address, links, name: readName(argv) ?? role },
    trust: await readTrust(optionalText(argv, 'trust')!),
    listen: { host: bind, port },
    bindLinks: { host: bind, port: linksPort },
    private: inside,
    ...(passphraseFile === undefined ? {} : { passphraseFile: resolve(passphraseFile) }),
  });
  const path = cardPath(pathsOf(folder), role);
  say(out, `${role} (${card.name}) at ${address}, links at ${links}; id ${idOf(card.identity)}`);
  say(out, `its card, which holds nothing secret: ${path}`);
  say(
    out,
    'next: send the card to the other two; with all three: securenn federation join P0.card.json P1.card.json P2.card.json',
  );
  await writeReport(out, { command: 'party init', card, path });
}

export const cardOptions: Readonly<Record<string, Options>> = { dir: dirOption, json: jsonOption };

export async function partyCard(argv: Argv): Promise<void> {
  const out = optionalText(argv, 'json');
  const folder = optionalText(argv, 'dir')!;
  const party = await openPartyFolder(folder);
  const { card } = await readOwnCard(party);
  say(
    out,
    `${cardPath(party.paths, card.role)}: ${card.role} (${card.name}) at ${card.address}; id ${idOf(card.identity)}`,
  );
  for (const pin of card.tls) say(out, `TLS key ${pin}`);
  const certificates = party.tls.map(({ pin, until, daysLeft }) => ({ pin, until: until.toISOString(), daysLeft }));
  for (const { pin, until, daysLeft } of certificates) {
    const left = daysLeft < 0 ? 'EXPIRED' : `${daysLeft} days left`;
    const late = daysLeft < party.config.certificateWarningDays;
    const renew = late ? '; renew it: securenn party rotate certificate' : '';
    say(out, `certificate of ${pin.slice(0, 16)}… until ${until.slice(0, 10)}: ${left}${renew}`);
  }
  await writeReport(out, { command: 'party card', id: idOf(card.identity), card, certificates });
}

export const rotateOptions: Readonly<Record<string, Options>> = { dir: dirOption, json: jsonOption };

const ROTATED: Readonly<Record<(typeof ROTATIONS)[number], string>> = {
  certificate: 'the certificate is new, its key is not: nobody else has to do anything; restart the service to show it',
  tls: 'there is a second TLS key beside the present one, which is still shown: send the card to the others, put it into every federation file (securenn federation join --update), and when it is in all of them: securenn party rotate finish',
  finish: 'the old keys are gone: send the card to the others, to be put in when convenient',
  identity:
    'there is a new identity; the one before still signs, and counts for 30 more days: send the card to the others, put it into every federation file (securenn federation join --update), and when it is in all of them: securenn party rotate finish',
  storage:
    'there is a new storage key; restart the service, which seals everything under it, then stop it for a moment: securenn party rotate storage-finish',
  'storage-finish': 'everything is under the newest storage key, and the others are gone: start the service',
  ranks:
    'there is a new key by which the ranks of this party know each other: bring ranks.key to the hosts of all of them, and start them again',
};

export async function partyRotate(argv: Argv): Promise<void> {
  const asked = (argv.WHAT as string | undefined) ?? 'tls';
  const what = ROTATIONS.find((each) => each === asked);
  if (what === undefined)
    throw new Problem(`party rotate: rotate what? Found "${asked}"`, `say ${ROTATIONS.join(', ')}`);
  const folder = optionalText(argv, 'dir')!;
  const out = optionalText(argv, 'json');
  const card = await rotateKeys(folder, what);
  const { role } = await readConfig(folder);
  await noteForAudit(pathsOf(folder).audit, 'keys rotated', { what });
  if (card !== undefined) say(out, `${cardPath(pathsOf(folder), role)}: the new card`);
  say(out, ROTATED[what]);
  await writeReport(out, { command: 'party rotate', what, card: card ?? null });
}

export const admitOptions: Readonly<Record<string, Options>> = {
  id: {
    ...text,
    group: TASK,
    defaultDescription: 'you are asked',
    describe: 'The id that the member has told you by another way: the card must have it',
  },
  roles: {
    ...text,
    group: TASK,
    defaultDescription: 'what the card asks for, or all',
    describe: 'What it may be: owner, analyst, client, with commas',
  },
  dir: dirOption,
  yes: yesOption,
  json: jsonOption,
};

export async function partyAdmit(argv: Argv, signal: AbortSignal): Promise<void> {
  const path = String(argv.CARD);
  const out = optionalText(argv, 'json');
  const paths = pathsOf(optionalText(argv, 'dir')!);
  await readConfig(paths.folder);
  const source = await readNamedFile(path, path, 'give the card that the member has sent');
  const signed = parseMemberCard(source, path);
  const { card } = signed;
  const wanted = readRoles(optionalText(argv, 'roles'));
  const id = idOf(card.identity);
  const told = optionalText(argv, 'id');
  if (told !== undefined && told !== id)
    throw new Problem(`${path}: is of id ${id}, not of ${told}`, 'ask the member: this is the card of somebody else');
  const before = await readMembers(paths.members);
  const follows = isSuccession(before, signed);
  const members = follows
    ? succeed(before, signed, wanted, new Date())
    : admit(before, card, wanted ?? card.roles ?? MEMBER_ROLES, new Date());
  const { roles } = members.find(({ identity }) => idOf(identity) === id)!;
  const [what, facts] = follows ? changeOf(card) : ['', {}];
  await confirm(
    `${card.name} with id ${id} as ${roles.join(', ')}${what}: has it told you this id by another way?`,
    argv.yes === true || told !== undefined,
    signal,
  );
  const event = follows ? 'member key changed' : 'member admitted';
  await noteForAudit(paths.audit, event, { name: card.name, id, roles, ...facts });
  await writeMembers(paths.members, members);
  say(out, `${card.name} is admitted as ${roles.join(', ')}; id ${id}${what}`);
  await writeReport(out, { command: 'party admit', name: card.name, id, roles, ...facts });
}

function changeOf({ previous }: MemberCard): [string, { readonly before: string; readonly until: string }] {
  const { identity, until } = previous!;
  const before = idOf(identity);
  const words = `, in the place of id ${before}, which has signed that and counts until ${until.slice(0, 16).replace('T', ' ')} UTC`;
  return [words, { before, until }];
}

export const revokeOptions: Readonly<Record<string, Options>> = { dir: dirOption, yes: yesOption, json: jsonOption };

export async function partyRevoke(argv: Argv, signal: AbortSignal): Promise<void> {
  const who = String(argv.MEMBER);
  const out = optionalText(argv, 'json');
  const paths = pathsOf(optionalText(argv, 'dir')!);
  const before = await readMembers(paths.members);
  const after = revoke(before, who, new Date());
  const { name, identity } = after.find((member, i) => member !== before[i])!;
  const id = idOf(identity);
  await confirm(`revoke ${name} with id ${id}? Its key never counts again here`, argv.yes === true, signal);
  await noteForAudit(paths.audit, 'member revoked', { name, id });
  await writeMembers(paths.members, after);
  say(out, `${name} is revoked here; each party revokes for itself`);
  await writeReport(out, { command: 'party revoke', name, id });
}

export const membersOptions: Readonly<Record<string, Options>> = { dir: dirOption, json: jsonOption };

export async function partyMembers(argv: Argv): Promise<void> {
  const out = optionalText(argv, 'json');
  const folder = optionalText(argv, 'dir')!;
  await readConfig(folder);
  const members = await readMembers(pathsOf(folder).members);
  const row = (member: Member): string[] => {
    const { name, identity, roles, admitted, revoked } = member;
    return [
      ...[name, idOf(identity), roles.join(', '), admitted.slice(0, 10)],
      revoked === undefined ? keyBefore(member) : `revoked ${revoked.slice(0, 10)}`,
    ];
  };
  if (members.length === 0) say(out, 'nobody is admitted yet: securenn party admit MEMBER.card.json');
  else
    for (const line of layTable(
      ['member', 'id', 'roles', 'since', ''],
      members.map(row),
      widthOf(out === '-' ? process.stderr : process.stdout),
    ))
      say(out, line);
  await writeReport(out, {
    command: 'party members',
    members: members.map((member) => ({ id: idOf(member.identity), ...member })),
  });
}

/** While it still counts. */
function keyBefore(member: Member): string {
  const [, before] = keysOf(member);
  if (before?.until === undefined || Date.parse(before.until) < Date.now()) return '';
  return `its key before (${idOf(before.identity).slice(0, 12)}…) counts until ${before.until.slice(0, 10)}`;
}

function readName(argv: Argv): string | undefined {
  const written = optionalText(argv, 'name');
  if (written === undefined || partyName.safeParse(written).success) return written;
  const what = `--name: expected letters, digits, spaces and .,&'()_-, 64 at most, found ${JSON.stringify(written)}`;
  throw new Problem(what, 'give a name like "Hospital A"');
}

async function readTrust(written: string): Promise<Trust> {
  if (written === 'pinned' || written === 'public') return written;
  const ca = await readNamedFile(written, `--trust: ${written}`, 'give pinned, public or a PEM file');
  if (ca.includes('PRIVATE KEY'))
    throw new Problem(
      `--trust: ${written}: holds a private key, which must not get into a card`,
      'give the certificate alone',
    );
  if (!ca.includes('-----BEGIN CERTIFICATE-----'))
    throw new Problem(`--trust: ${written}: is no certificate in PEM form`, 'give pinned, public or a PEM file');
  return { ca };
}

function checkAddress(option: string, written: string): string {
  if (addressSchema.safeParse(written).success) return written;
  throw new Problem(
    `--${option}: expected HOST:PORT, found "${written}"`,
    `give --${option} p0.example.org:7600 or [2001:db8::1]:7600, say`,
  );
}

function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
