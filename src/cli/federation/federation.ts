/** `securenn federation join|show`: the three parties' cards in one public file, whose fingerprint people compare. */
import { existsSync } from 'node:fs';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { parsePartyCard } from '../../federation/signed-card.ts';
import { ROLES } from '../../federation/card.ts';
import {
  fingerprint,
  formatFederation,
  joinFederation,
  updateFederation,
  type Federation,
} from '../../federation/federation-file.ts';
import { readFederation } from '../../federation/federation-read.ts';
import { readNamedFile, writeNamedFile } from '../../federation/named-file.ts';
import { idOf } from '../../federation/public-identity.ts';
import { layTable, widthOf } from '../layout.ts';
import { type Argv, jsonOption, optionalText, RESULTS, TASK, text } from '../options/values.ts';
import { say, writeReport } from '../output.ts';

export const joinOptions: Readonly<Record<string, Options>> = {
  update: {
    type: 'boolean',
    group: TASK,
    default: false,
    describe: 'Put newer cards into the file that is there: signed by the same identities, or by their successors',
  },
  out: { ...text, group: RESULTS, default: 'federation.json', describe: 'The federation file' },
  json: jsonOption,
};

export async function federationJoin(argv: Argv): Promise<void> {
  const out = optionalText(argv, 'json');
  const path = optionalText(argv, 'out')!;
  const paths = [argv.CARDS ?? []].flat().map(String);
  const cards = await Promise.all(paths.map(async (each) => ({ ...(await readCard(each)), source: each })));
  const update = argv.update === true;
  const before = existsSync(path) ? await readFederation(path) : undefined;
  if (update && before === undefined)
    throw new Problem(`--update: there is no ${path}`, 'give the file to --out, or join three cards without --update');
  const federation = update ? updateFederation(before!, cards) : joinFederation(cards);
  // The same once more does no harm.
  if (!update && before !== undefined && fingerprint(before) !== fingerprint(federation)) {
    throw new Problem(
      `${path} is there already, and says something else`,
      'put newer cards into it with --update, or give another file to --out',
    );
  }
  await writeNamedFile(path, formatFederation(federation));
  say(out, `${path} is written`);
  show(federation, out);
  if (update)
    say(out, 'each new card is signed by the party that the file named: the fingerprint need not be compared again');
  else say(out, 'read the fingerprint to the other operators by telephone: it must be the same everywhere');
  await writeReport(out, { command: 'federation join', path, fingerprint: fingerprint(federation), federation });
}

export const showOptions: Readonly<Record<string, Options>> = {
  federation: { ...text, group: TASK, default: 'federation.json', describe: 'The federation file' },
  json: jsonOption,
};

export async function federationShow(argv: Argv): Promise<void> {
  const out = optionalText(argv, 'json');
  const federation = await readFederation(optionalText(argv, 'federation')!);
  show(federation, out);
  await writeReport(out, { command: 'federation show', fingerprint: fingerprint(federation), federation });
}

async function readCard(path: string): Promise<ReturnType<typeof parsePartyCard>> {
  const source = await readNamedFile(path, path, 'give the cards of P0, P1 and P2');
  return parsePartyCard(source, path);
}

function show(federation: Federation, out: string | undefined): void {
  const rows = ROLES.map((role) => {
    const { name, address, links, identity, trust } = federation.parties[role];
    return [role, name, address, links, idOf(identity), typeof trust === 'string' ? trust : 'own authority'];
  });
  for (const line of layTable(
    ['', 'name', 'address', 'links', 'id', 'trust'],
    rows,
    widthOf(out === '-' ? process.stderr : process.stdout),
  ))
    say(out, line);
  for (const role of ROLES) {
    const { previous, tls } = federation.parties[role];
    if (previous !== undefined)
      say(out, `${role} changes its identity: ${idOf(previous.identity)} counts until ${previous.until.slice(0, 10)}`);
    if (tls.length > 1) say(out, `${role} changes its TLS key: both count`);
  }
  say(out, `fingerprint: ${fingerprint(federation)}`);
}
