/** `securenn federation join|show`: the three parties' cards in one public file, whose fingerprint people compare. */
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import type { Options } from 'yargs';
import { faultOf, writeFileAtomically } from '../../data/atomic-write.ts';
import { Problem } from '../../data/problem.ts';
import { parsePartyCard, ROLES } from '../../federation/card.ts';
import {
  fingerprint,
  formatFederation,
  joinFederation,
  readFederation,
  updateFederation,
  type Federation,
} from '../../federation/federation-file.ts';
import { idOf } from '../../federation/identity.ts';
import { layTable } from '../layout.ts';
import { optionalText, RESULTS, TASK, text, type Argv } from '../options/values.ts';
import { say, writeReport } from '../output.ts';

const json: Options = {
  ...text,
  group: RESULTS,
  defaultDescription: 'none',
  describe: 'Write one JSON object here; - for standard output',
};

export const joinOptions: Readonly<Record<string, Options>> = {
  update: {
    type: 'boolean',
    group: TASK,
    default: false,
    describe: 'Put newer cards into the file that is there: signed by the same identities, or by their successors',
  },
  out: { ...text, group: RESULTS, default: 'federation.json', describe: 'The federation file' },
  json,
};

export async function federationJoin(argv: Argv): Promise<void> {
  const out = optionalText(argv, 'json');
  const path = optionalText(argv, 'out')!;
  const paths = [argv.CARDS ?? []].flat().map(String);
  const cards = await Promise.all(paths.map(async (each) => ({ ...(await readCard(each)), source: each })));
  if (argv.update !== true && existsSync(path)) {
    throw new Problem(
      `${path} is there already`,
      'put newer cards into it with --update, or give another file to --out',
    );
  }
  const federation = argv.update === true ? updateFederation(await readFederation(path), cards) : joinFederation(cards);
  await writeFileAtomically(path, Buffer.from(formatFederation(federation))).catch((error: unknown) => {
    throw new Problem(`${path}: cannot be written: ${faultOf(error)}`, 'see that the folder can be written');
  });
  say(out, `${path} is written`);
  show(federation, out);
  say(out, 'read the fingerprint to the other operators by telephone: it must be the same everywhere');
  await writeReport(out, { command: 'federation join', path, fingerprint: fingerprint(federation), federation });
}

export const showOptions: Readonly<Record<string, Options>> = {
  federation: { ...text, group: TASK, default: 'federation.json', describe: 'The federation file' },
  json,
};

export async function federationShow(argv: Argv): Promise<void> {
  const out = optionalText(argv, 'json');
  const federation = await readFederation(optionalText(argv, 'federation')!);
  show(federation, out);
  await writeReport(out, { command: 'federation show', fingerprint: fingerprint(federation), federation });
}

async function readCard(path: string): Promise<ReturnType<typeof parsePartyCard>> {
  const source = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Problem(`${path}: cannot be read: ${faultOf(error)}`, 'give the cards of P0, P1 and P2');
  });
  return parsePartyCard(source, path);
}

function show(federation: Federation, out: string | undefined): void {
  const rows = ROLES.map((role) => {
    const { name, address, links, identity, trust } = federation.parties[role];
    return [role, name, address, links, idOf(identity), typeof trust === 'string' ? trust : 'own authority'];
  });
  for (const line of layTable(['', 'name', 'address', 'links', 'id', 'trust'], rows, Infinity)) say(out, line);
  say(out, `fingerprint: ${fingerprint(federation)}`);
}
