/** `securenn grant`: consent in advance, given, listed and withdrawn. */
import type { Options } from 'yargs';
import { Directory } from '../../client/federated/directory.ts';
import { SHORT } from '../../federation/canonical.ts';
import { describeGrant, moment as inWords } from '../../client/federated/describe.ts';
import { findData, giveGrant, type GrantTerms, listData, listGrants, withdraw } from '../../client/federated/owned.ts';
import { Problem } from '../../data/problem.ts';
import { digestOf } from '../../federation/canonical.ts';
import { layTable } from '../layout.ts';
import { readNetwork } from '../options/task.ts';
import { integer, number, oneOf, optionalText, RESULTS, TASK, text, type Argv } from '../options/values.ts';
import { writeReport } from '../output.ts';
import { confirm } from '../confirm.ts';
import { asMember, laySections } from './member.ts';
import { list, memberOptions, moment, yesOption } from './options.ts';

export const grantOptions: Readonly<Record<string, Options>> = {
  ...memberOptions,
  data: { ...text, group: TASK, demandOption: true, describe: 'Your data sets that it is about: NAME,NAME' },
  to: { ...text, group: TASK, demandOption: true, describe: 'The analyst whose jobs need not ask: a name or an id' },
  network: {
    ...text,
    group: TASK,
    default: 'any',
    describe: 'Networks that may be trained: any, or A,C,NET.json',
  },
  'max-runs': { ...number, group: TASK, default: 1, describe: 'How many jobs may start under it' },
  until: { ...text, group: TASK, default: '30d', describe: 'Until when: 30d, 12h, or a date' },
  'reveal-model': {
    type: 'boolean',
    group: RESULTS,
    default: false,
    describe: 'Jobs may reveal the trained model',
  },
  'reveal-loss': {
    type: 'boolean',
    group: RESULTS,
    default: false,
    describe: "Jobs may reveal every tenth step's loss",
  },
  counts: {
    ...text,
    group: RESULTS,
    default: 'total',
    describe: 'How many test images are right, jobs may reveal: none, total or per-class',
  },
  'keep-model': {
    type: 'boolean',
    group: RESULTS,
    default: false,
    describe: 'The model may stay shared at the parties, for jobs that ask you again',
  },
  yes: yesOption,
};

const MAXIMUM_RUNS = 1_000_000;

export async function grantGive(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const directory = await Directory.of(client);
    const sets = await listData(client);
    const data = list(argv, 'data').map((name) => findData(name, sets, directory, 'data'));
    const foreign = data.find(({ owner }) => !directory.isSelf(owner));
    if (foreign !== undefined) {
      const owner = directory.nameOf(foreign.owner);
      throw new Problem(`--data: ${foreign.document.name} is ${owner}'s`, 'its owner alone can grant it');
    }
    const networks = list(argv, 'network');
    const terms: GrantTerms = {
      data: data.map(({ digest }) => digest),
      analyst: directory.find(optionalText(argv, 'to')!, 'to').id,
      networks: networks.includes('any') ? 'any' : networks.map((network) => digestOf(readNetwork({ network }))),
      reveal: {
        model: argv['reveal-model'] === true,
        loss: argv['reveal-loss'] === true,
        counts: oneOf(argv, 'counts', ['none', 'total', 'per-class']),
      },
      keepModel: argv['keep-model'] === true,
      maxRuns: integer(argv, 'max-runs', 1, MAXIMUM_RUNS, 1),
      until: moment(argv, 'until', '30d', client.now()),
    };
    say(laySections(describeGrant(terms, { directory, data: sets })));
    await confirm('Grant this?', argv.yes === true, signal);
    const digest = await giveGrant(client, terms);
    say(`granted: ${digest.slice(0, SHORT)}; securenn grant withdraw ${digest.slice(0, SHORT)} takes it back`);
    await writeReport(settings.json, { command: 'grant give', digest, terms });
  });
}

export async function grantList(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const directory = await Directory.of(client);
    const data = await listData(client);
    const grants = await listGrants(client);
    const rows = grants.map(({ digest, document, owner, uses, withdrawn }) => {
      const over = new Date(document.until) <= client.now() ? 'expired' : 'valid';
      const names = document.data.map(
        (each) => data.find((set) => set.digest === each)?.document.name ?? each.slice(0, SHORT),
      );
      return [
        digest.slice(0, SHORT),
        `${directory.nameOf(owner)}: ${names.join(', ')}`,
        directory.nameOf(document.analyst),
        `${Math.max(...uses.values())}/${document.maxRuns}`,
        inWords(document.until),
        withdrawn ? 'withdrawn' : over,
      ];
    });
    if (rows.length === 0) say('no grants: every job asks the owners of its data');
    else for (const line of layTable(['grant', 'data', 'to', 'used', 'until', 'state'], rows, Infinity)) say(line);
    await writeReport(settings.json, {
      command: 'grant list',
      grants: grants.map((grant) => ({ ...grant, uses: Object.fromEntries(grant.uses) })),
    });
  });
}

export const withdrawOptions: Readonly<Record<string, Options>> = { ...memberOptions, yes: yesOption };

export async function grantWithdraw(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const written = String(argv.GRANT).toLowerCase();
    const directory = await Directory.of(client);
    const own = (await listGrants(client)).filter(({ owner, withdrawn }) => directory.isSelf(owner) && !withdrawn);
    const found = /^[0-9a-f]{4,64}$/.test(written) ? own.filter(({ digest }) => digest.startsWith(written)) : [];
    if (found.length !== 1) {
      throw new Problem(
        `${found.length === 0 ? 'no standing grant' : `${found.length} grants`} of yours ${found.length === 0 ? 'begins' : 'begin'} with ${written}`,
        'securenn grant list shows them',
      );
    }
    const [{ digest }] = found;
    say('Jobs that have begun under it go on: securenn job cancel ends them. What they revealed cannot be taken back.');
    await confirm(`Withdraw grant ${digest.slice(0, SHORT)}?`, argv.yes === true, signal);
    (await withdraw(client, 'grant', digest)).all('the grant is withdrawn');
    say(`grant ${digest.slice(0, SHORT)} is withdrawn at all three parties`);
    await writeReport(settings.json, { command: 'grant withdraw', digest });
  });
}
