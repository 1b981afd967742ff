/** `securenn identity init|card`: the key file of an owner, an analyst or a client, and the card that operators admit. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { formatCard, memberName, signCard, type MemberCard } from '../../federation/card.ts';
import { writeNamedFile } from '../../federation/form.ts';
import { Identity } from '../../federation/identity.ts';
import { readIdentity, writeIdentity } from '../../federation/secret-file.ts';
import { type Argv, jsonOption, optionalText, RESULTS, TASK, text } from '../options/values.ts';
import { say, writeReport } from '../output.ts';
import { readRoles } from './roles.ts';

const shared: Readonly<Record<string, Options>> = {
  name: {
    ...text,
    group: TASK,
    demandOption: true,
    describe: 'What others call you: small letters, digits, dot, dash',
  },
  roles: {
    ...text,
    group: TASK,
    defaultDescription: 'whatever operators admit you as',
    describe: 'What you ask to be: owner, analyst, client, with commas',
  },
  identity: { ...text, group: RESULTS, default: 'identity.key', describe: 'The key file; secret' },
  json: jsonOption,
};

/** A passphrase in SECURENN_PASSPHRASE encrypts the file. */
export const identityOptions: Readonly<Record<string, Options>> = shared;

export async function identityInit(argv: Argv): Promise<void> {
  const path = resolve(optionalText(argv, 'identity')!);
  if (existsSync(path))
    throw new Problem(`${path} is there already`, 'give another file to --identity, or go on with that one');
  await checkName(argv);
  const identity = Identity.generate();
  await writeIdentity(path, identity, passphrase());
  await giveCard('identity init', argv, identity, path);
}

/** Of a key file that is there. */
export async function identityCard(argv: Argv): Promise<void> {
  const path = resolve(optionalText(argv, 'identity')!);
  await checkName(argv);
  await giveCard('identity card', argv, await readIdentity(path, passphrase()), path);
}

async function giveCard(command: string, argv: Argv, identity: Identity, path: string): Promise<void> {
  const out = optionalText(argv, 'json');
  const name = await checkName(argv);
  const roles = readRoles(optionalText(argv, 'roles'));
  const card: MemberCard = {
    ...{ securenn: 'member-card', version: 1, name, identity: identity.public },
    ...(roles === undefined ? {} : { roles }),
  };
  const cardFile = join(dirname(path), `${name}.card.json`);
  await writeNamedFile(cardFile, formatCard(signCard(card, identity)));
  say(out, `${name}: id ${identity.id}`);
  say(out, `key file, secret: ${path}`);
  say(out, `card, for the operators of all three parties: ${cardFile}`);
  say(out, 'next: send them the card, and tell them the id by another way; they admit you: securenn party admit');
  await writeReport(out, { command, name, id: identity.id, identity: path, card: cardFile });
}

function checkName(argv: Argv): Promise<string> {
  const name = optionalText(argv, 'name')!;
  if (memberName.safeParse(name).success) return Promise.resolve(name);
  const what = `--name: "${name}" is no name of a member`;
  return Promise.reject(new Problem(what, 'take small letters, digits, dot, dash and underscore, 64 at most'));
}

function passphrase(): string | undefined {
  return process.env.SECURENN_PASSPHRASE || undefined;
}
