/** `securenn data`: an owner's data sets at the three parties. */
import { existsSync } from 'node:fs';
import type { Options } from 'yargs';
import { printable } from '../../client/federated/client.ts';
import { Directory } from '../../client/federated/directory.ts';
import { SHORT } from '../../federation/canonical.ts';
import { NAME } from '../../federation/card.ts';
import { moment } from '../../client/federated/describe.ts';
import { sizeInWords } from '../../data/elements.ts';
import {
  findData,
  isThere,
  labelOf,
  listData,
  listGrants,
  stateInWords,
  withdraw,
} from '../../client/federated/owned.ts';
import type { LabelledSet } from '../../client/federated/sharing.ts';
import { putData } from '../../client/federated/put.ts';
import { UploadState } from '../../client/federated/upload-state.ts';
import { Problem } from '../../data/problem.ts';
import { scalingWarning } from '../../data/survey.ts';
import { scalingInWords } from '../../data/scaling.ts';
import { namesInWords } from '../../federation/value-facts.ts';
import { layTable } from '../layout.ts';
import { integer, number, optionalText, PROTOCOL, TASK, text, type Argv } from '../options/values.ts';
import { writeReport } from '../output.ts';
import { Progress } from '../progress.ts';
import { meansFiles, sheetOption, showFiles } from '../data-show.ts';
import { readingOptions } from '../options/data.ts';
import { confirm } from '../confirm.ts';
import { asMember, laySections, type Member } from './member.ts';
import { memberOptions, yesOption } from './options.ts';
import { readSource, sourceOptions } from './source.ts';

export const putOptions: Readonly<Record<string, Options>> = {
  ...memberOptions,
  name: { ...text, group: TASK, demandOption: true, describe: 'What jobs call it: NAME, or YOU/NAME' },
  ...sourceOptions,
  'fraction-bits': {
    ...number,
    group: PROTOCOL,
    default: 16,
    describe: 'Fractional bits of pixels: 8 to 24, the same as in jobs that use the set',
  },
  restart: {
    type: 'boolean',
    group: TASK,
    default: false,
    describe: 'Give up an upload of this name that was not ended, and begin anew under new keys',
  },
};

export async function dataPut(argv: Argv, signal: AbortSignal): Promise<void> {
  const source = String(argv.SOURCE);
  const written = optionalText(argv, 'name')!;
  const name = written.slice(written.lastIndexOf('/') + 1);
  if (!NAME.test(name)) {
    throw new Problem(
      `--name: ${written} is no name for a data set`,
      'take small letters, digits, dot, dash and underscore, 64 at most',
    );
  }
  const fractionBits = integer(argv, 'fraction-bits', 8, 24, 16);
  const started = performance.now();
  let shown = new Progress();
  const note = (text: string): void => shown.line(text);
  await asMember(
    argv,
    signal,
    async ({ client, settings, say }) => {
      if (written.includes('/')) await checkOwnName(client, written);
      const set = await readSource(source, argv);
      const warning = scalingWarning({ ...set, name: source }, set.scaling);
      if (warning !== undefined) note(`warning: ${warning}`);
      for (const text of madePublic(set, argv)) note(text);
      const state = new UploadState(client.federation.id, client.id, name);
      let phase = 'preparing';
      const show = (doing: string, input: string, sent: number, total: number): void => {
        if (doing !== phase) {
          shown.stop();
          shown = new Progress();
          phase = doing;
        }
        if (total > 0) shown.sharing({ input, sent, total }, doing);
        else note('the parties check what they have');
      };
      try {
        const put = await putData(client, set, state, {
          ...{ name, fractionBits },
          restart: argv.restart === true,
          onNote: note,
          onPreparing: (done, total) => show('preparing', name, done, total),
          onUpload: (input, sent, total) => show('uploading', input, sent, total),
        });
        const seconds = (performance.now() - started) / 1000;
        const { digest, document, bytes } = put;
        say(
          `${name} is ready: ${document.images} images of ${sizeInWords(document)}, ${document.classes} classes, ${(bytes / 1e6).toFixed(0)} MB to P0 and P1 each, in ${seconds.toFixed(1)} s; ${digest.slice(0, SHORT)}`,
        );
        await writeReport(settings.json, { command: 'data put', digest, document, bytes, seconds });
      } finally {
        shown.stop();
      }
    },
    note,
  );
}

/** What the data document says that may come as a surprise. */
function madePublic({ classNames }: LabelledSet, argv: Argv): string[] {
  return [
    ...(argv.mean === 'auto' || argv.std === 'auto'
      ? ['everybody admitted sees the means and deviations that were measured: others scale by them']
      : []),
    ...(classNames === undefined
      ? []
      : [`everybody admitted sees the names of the classes: ${namesInWords({ classNames })}`]),
  ];
}

/** `hospital-a/scans` is a name for hospital-a alone. */
async function checkOwnName(client: Member['client'], written: string): Promise<void> {
  const directory = await Directory.of(client);
  const owner = directory.find(written.slice(0, written.lastIndexOf('/')), 'name');
  if (directory.isSelf(owner.id)) return;
  throw new Problem(
    `--name: ${written} names ${owner.name}, this identity is ${directory.nameOf(client.id)}`,
    `use the identity of ${owner.name}, or leave its name out`,
  );
}

export const listOptions: Readonly<Record<string, Options>> = memberOptions;

export async function dataList(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const directory = await Directory.of(client);
    const list = (await listData(client)).filter(isThere);
    const rows = list.map((data) => [
      labelOf(data, directory),
      String(data.document.images),
      sizeInWords(data.document),
      String(data.document.classes),
      stateInWords(data.states),
      data.digest.slice(0, SHORT),
    ]);
    if (rows.length === 0) say('no data set yet: securenn data put');
    else
      for (const line of layTable(['data set', 'images', 'size', 'classes', 'state', 'digest'], rows, Infinity))
        say(line);
    await writeReport(settings.json, {
      command: 'data list',
      data: list.map(({ digest, document, owner, states }) => ({
        ...{ digest, owner, ownerName: directory.nameOf(owner), document },
        states: Object.fromEntries(states),
      })),
    });
  });
}

export const showOptions: Readonly<Record<string, Options>> = { ...memberOptions, ...readingOptions, out: sheetOption };

/** Files here, or a set at the parties. */
export async function dataShow(argv: Argv, signal: AbortSignal): Promise<void> {
  const word = String(argv.DATA);
  if (meansFiles(word, argv)) return showFiles(word, argv);
  await asMember(argv, signal, async ({ client, settings, say }) => {
    if (existsSync(word)) client.onNote(`${word} here is shown by: securenn data show ./${word}`);
    const directory = await Directory.of(client);
    const data = findData(word, await listData(client), directory, 'data');
    const { digest, document, owner, states } = data;
    const grants = (await listGrants(client)).filter(
      (grant) => !grant.withdrawn && grant.document.data.includes(digest),
    );
    const lines = grants.map(({ digest: grant, document: terms, uses }) => {
      const used = Math.max(...uses.values());
      return `${grant.slice(0, SHORT)}: ${directory.inWords(terms.analyst)}, used ${used} of ${terms.maxRuns} times, until ${moment(terms.until)}`;
    });
    say(
      laySections([
        ['data set', labelOf(data, directory), digest],
        ['owner', directory.inWords(owner)],
        ['holds', `${document.images} images of ${sizeInWords(document)}, ${document.classes} classes`],
        [
          'values',
          scalingInWords(document.scaling),
          ...(document.classNames === undefined ? [] : [printable(namesInWords(document))]),
        ],
        ['stored', `${moment(document.created)}, pixels with ${document.fractionBits} fractional bits`],
        ['state', stateInWords(states)],
        ['grants', ...(lines.length === 0 ? ['none: every job asks its owner'] : lines)],
      ]),
    );
    await writeReport(settings.json, {
      ...{ command: 'data show', digest, owner, document },
      states: Object.fromEntries(states),
      grants: grants.map((grant) => ({ digest: grant.digest, document: grant.document })),
    });
  });
}

export const deleteOptions: Readonly<Record<string, Options>> = { ...memberOptions, yes: yesOption };

export async function dataDelete(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const directory = await Directory.of(client);
    const data = findData(String(argv.DATA), await listData(client), directory, 'data');
    const label = labelOf(data, directory);
    if (!directory.isSelf(data.owner)) {
      throw new Problem(`${label} is ${directory.nameOf(data.owner)}'s`, 'its owner alone can delete it');
    }
    say(`${label}: all that the parties keep of it is removed, jobs that use it and have not ended are cancelled.`);
    say('What was trained on it cannot be taken back: models that were revealed are where they are.');
    await confirm(`Delete ${label}?`, argv.yes === true, signal);
    const answers = (await withdraw(client, 'data', data.digest)).all('it is deleted');
    const models = [...new Set(Object.values(answers).flatMap(({ models = [] }) => models))];
    say(`${label} is deleted at all three parties`);
    if (models.length > 0)
      say(`models trained on it, which remain: jobs ${models.map((m) => m.slice(0, SHORT)).join(', ')}`);
    await new UploadState(client.federation.id, data.owner, data.document.name).remove();
    await writeReport(settings.json, { command: 'data delete', digest: data.digest, models });
  });
}
