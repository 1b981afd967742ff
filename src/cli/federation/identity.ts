/** `securenn identity init|card|rotate`: the key file of an owner, an analyst or a client, and the card that operators admit. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { NODE } from '../../random/node-primitives.ts';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { statusAnswer } from '../../client/federated/answers.ts';
import { FederationClient } from '../../client/federated/client.ts';
import { httpsTransport } from '../../client/federated/https.ts';
import { Refused } from '../../client/federated/transport.ts';
import { openUploads } from '../../client/federated/upload-state.ts';
import { signCard } from '../../federation/signed-card.ts';
import { formatCard, memberName, type MemberCard, type Role } from '../../federation/card.ts';
import { readFederation } from '../../federation/federation-read.ts';
import { writeNamedFile } from '../../federation/named-file.ts';
import { Identity } from '../../federation/identity.ts';
import { idOf } from '../../federation/public-identity.ts';
import { beginChange, finishChange, nextKey, noChange } from '../../federation/member-keys.ts';
import { MAX_OVERLAP_DAYS } from '../../federation/members.ts';
import { readIdentity, writeIdentity } from '../../federation/secret-file.ts';
import { predecessorsOf } from '../../federation/succession.ts';
import { memberOptions, readMember } from '../federated/options.ts';
import { type Argv, integer, jsonOption, number, optionalText, RESULTS, TASK, text } from '../options/values.ts';
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

const LONGEST_OVERLAP = MAX_OVERLAP_DAYS - 1;

export const changeOptions: Readonly<Record<string, Options>> = {
  name: { ...text, group: TASK, describe: 'What others call you; to begin the change' },
  overlap: {
    ...number,
    group: TASK,
    default: 30,
    describe: `Days for which the present key counts beside the new one: 0 to ${LONGEST_OVERLAP}`,
  },
  ...memberOptions,
};

export async function identityRotate(argv: Argv, signal: AbortSignal): Promise<void> {
  const what = argv.WHAT as string | undefined;
  if (what === 'finish') return finish(argv, signal);
  if (what !== undefined)
    throw new Problem(`identity rotate: rotate what? Found "${what}"`, 'say nothing to begin, finish to end it');
  if (optionalText(argv, 'name') === undefined)
    throw new Problem('--name: whose card is it?', 'give the name that the parties know you by: --name hospital-a');
  const out = optionalText(argv, 'json');
  const name = await checkName(argv);
  const overlapDays = integer(argv, 'overlap', 0, LONGEST_OVERLAP, 30);
  const path = resolve(identityPath(argv));
  const signed = await beginChange(path, { name, overlapDays, passphrase: passphrase(), now: new Date() });
  const { identity, previous } = signed.card;
  const cardFile = join(dirname(path), `${name}.card.json`);
  await writeNamedFile(cardFile, formatCard(signed));
  const [id, until] = [idOf(identity), previous!.until];
  say(
    out,
    `${name}: the new id is ${id}; the present key signs on, and counts until ${until.slice(0, 10)} at the latest`,
  );
  say(out, `new key, secret: ${path}.next`);
  say(out, `card, for the operators of all three parties: ${cardFile}`);
  say(out, 'next: send them the card, and tell them the new id by another way; they admit it: securenn party admit');
  say(out, 'when all three have: securenn identity rotate finish');
  await writeReport(out, {
    command: 'identity rotate',
    name,
    id,
    before: idOf(previous!.identity),
    until,
    card: cardFile,
  });
}

/** Only when each of the three parties has the new key as that of this very member. */
async function finish(argv: Argv, signal: AbortSignal): Promise<void> {
  const path = resolve(identityPath(argv));
  const next = await nextKey(path, passphrase());
  if (next === undefined) throw noChange(path);
  const federation = await readFederation(readMember({ ...argv, identity: path }).federation);
  const present = await readIdentity(path, passphrase());
  const [upload] = await openUploads(federation.id, present.id);
  if (upload !== undefined)
    throw new Problem(
      `the upload of ${upload} by the present key is not ended`,
      'end it first: the same securenn data put once more',
    );
  const transport = httpsTransport(federation, (note) => say('-', note));
  try {
    const client = new FederationClient({
      primitives: NODE,
      federation,
      identity: next,
      transport: transport.send,
      signal,
    });
    const answers = await client.everywhere((party) => hasFollowed(client, party, present));
    const [failure] = answers.failures.values();
    if (failure !== undefined) throw failure;
  } finally {
    transport.close();
  }
  await finishChange(path, passphrase());
  const out = optionalText(argv, 'json');
  say(out, `${path} is the new key now; id ${next.id}`);
  say(out, `the key before opens what was sealed to it: ${path}.${present.id}; remove it when you have fetched that`);
  await writeReport(out, { command: 'identity rotate finish', id: next.id, before: present.id });
}

async function hasFollowed(client: FederationClient, party: Role, present: Identity): Promise<void> {
  const admit = `have the operator of ${party} admit the new card (securenn party admit), then run it again`;
  const { members } = await client.ask(party, 'GET', '/v1/status', statusAnswer).catch((error: unknown) => {
    if (!(error instanceof Refused) || error.status !== 401) throw error;
    throw new Problem(`${party} does not know the new key yet`, admit);
  });
  const self = members.find(({ id }) => id === client.id);
  const before = self === undefined ? [] : predecessorsOf(self.identity, self.successions);
  if (before.some(({ identity }) => idOf(identity) === present.id)) return;
  throw new Problem(
    `${party} has the new key as that of another member, without the key before`,
    `have its operator revoke it, and admit the card that securenn identity rotate made`,
  );
}

/** That of the option, of SECURENN_IDENTITY, or the one that `identity init` makes. */
function identityPath(argv: Argv): string {
  return optionalText(argv, 'identity') ?? (process.env.SECURENN_IDENTITY || 'identity.key');
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
