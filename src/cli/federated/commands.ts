/** The commands of owners, analysts and clients of a federation. */
import type { Argv as Yargs, Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import type { CommandTable } from '../mistakes.ts';
import type { Argv } from '../options/values.ts';
import { dataDelete, dataList, dataPut, dataShow, deleteOptions, listOptions, putOptions } from './data.ts';
import { grantGive, grantList, grantOptions, grantWithdraw, withdrawOptions } from './grants.ts';
import { federatedInfer, federatedInferOptions } from './infer.ts';
import {
  cancelOptions,
  decideOptions,
  jobApprove,
  jobCancel,
  jobList,
  jobOptions,
  jobPropose,
  jobRefuse,
  jobShow,
  jobWatch,
  proposeOptions,
} from './jobs.ts';
import { fetchOptions, modelFetch, modelList, modelServe, serveOptions } from './models.ts';
import { memberOptions } from './options.ts';
import { federatedTrain, federatedTrainOptions } from './train.ts';

type Run = (argv: Argv, signal: AbortSignal) => Promise<void>;

interface Command {
  readonly what: string;
  /** The word that it takes besides options, and what it is. */
  readonly word?: readonly [name: string, what: string];
  readonly options: Readonly<Record<string, Options>>;
  readonly run: Run;
  readonly examples: readonly (readonly [line: string, what: string])[];
}

const DATA = ['DATA', 'OWNER/NAME, NAME of your own, or its digest'] as const;
const JOB = ['JOB', 'Its name, or the first digits'] as const;

const GROUPS: Readonly<Record<string, readonly [what: string, commands: Readonly<Record<string, Command>>]>> = {
  data: [
    'Data sets at the three parties, shared so that no party sees a value',
    {
      put: {
        what: 'Give the parties a labelled set of images; again, to go on where it stopped',
        word: ['SOURCE', 'mnist, a folder of IDX files or of CIFAR-10, or an IDX file of images (with --labels)'],
        options: putOptions,
        run: dataPut,
        examples: [
          ['$0 data put ./scans --name scans', 'images-idx3-ubyte and labels-idx1-ubyte of that folder'],
          ['$0 data put mnist --half test --name mnist-test', "MNIST's test images"],
        ],
      },
      list: { what: 'What data sets the parties have', options: listOptions, run: dataList, examples: [] },
      show: {
        what: 'One data set, and which grants cover it',
        word: DATA,
        options: listOptions,
        run: dataShow,
        examples: [],
      },
      grant: {
        what: 'Consent in advance: the same as grant give',
        options: grantOptions,
        run: grantGive,
        examples: [['$0 data grant --data scans --to institute --max-runs 3', 'three trainings, without asking again']],
      },
      withdraw: {
        what: 'Take a data set back: the same as data delete',
        word: DATA,
        options: deleteOptions,
        run: dataDelete,
        examples: [],
      },
      delete: {
        what: 'Take a data set back: the parties remove what they keep of it',
        word: DATA,
        options: deleteOptions,
        run: dataDelete,
        examples: [],
      },
    },
  ],
  grant: [
    'Consent in advance',
    {
      give: {
        what: 'Let an analyst train on data of yours without asking again',
        options: grantOptions,
        run: grantGive,
        examples: [
          [
            '$0 grant give --data scans --to institute --until 30d',
            'one training that reveals counts of right answers',
          ],
          [
            '$0 grant give --data scans --to institute --reveal-model --max-runs 5',
            'five, each of which may reveal its model',
          ],
        ],
      },
      list: {
        what: 'Grants given and received, and how often they were used',
        options: listOptions,
        run: grantList,
        examples: [],
      },
      withdraw: {
        what: 'Take a grant back',
        word: ['GRANT', 'Its name, or the first digits'],
        options: withdrawOptions,
        run: grantWithdraw,
        examples: [],
      },
    },
  ],
  job: [
    'Jobs of the three parties: nothing runs that an owner of its data has not approved',
    {
      propose: {
        what: 'Propose a training; it starts when the owners have approved',
        options: proposeOptions,
        run: jobPropose,
        examples: [['$0 job propose --data a/scans,b/scans --network C --title "tumour or not"', 'asks a and b']],
      },
      approve: {
        what: 'As an owner of its data: what a job would do, and yes to it',
        word: JOB,
        options: decideOptions,
        run: jobApprove,
        examples: [],
      },
      refuse: { what: 'As an owner of its data: no', word: JOB, options: decideOptions, run: jobRefuse, examples: [] },
      list: { what: 'Jobs that concern you', options: jobOptions, run: jobList, examples: [] },
      show: {
        what: 'A job in plain words, and where it stands',
        word: JOB,
        options: jobOptions,
        run: jobShow,
        examples: [],
      },
      watch: { what: 'Follow a job to its end', word: JOB, options: jobOptions, run: jobWatch, examples: [] },
      cancel: {
        what: 'As proposer or owner of its data: end it',
        word: JOB,
        options: cancelOptions,
        run: jobCancel,
        examples: [],
      },
    },
  ],
  model: [
    'Trained models: shared at the parties, or revealed to you',
    {
      list: {
        what: 'Models that stayed shared, and the sessions that serve them',
        options: memberOptions,
        run: modelList,
        examples: [],
      },
      serve: {
        what: 'Propose a session that answers images with a model that stayed shared',
        word: ['JOB', 'The training that left it'],
        options: serveOptions,
        run: modelServe,
        examples: [['$0 model serve 3f2a --clients clinic,lab', 'once the owners have approved']],
      },
      fetch: {
        what: 'Save the model that a training revealed to you',
        word: JOB,
        options: fetchOptions,
        run: modelFetch,
        examples: [],
      },
    },
  ],
};

const ALONE: Readonly<Record<string, Command>> = {
  train: {
    what: 'Train at the three parties: propose, wait for the owners, follow, save the model',
    options: federatedTrainOptions,
    run: federatedTrain,
    examples: [['$0 train --data a/scans,b/scans --test a/checked --network C', 'on the data of a and b']],
  },
  infer: {
    what: 'Classify images by a model that the parties serve; nobody else sees image or answer',
    word: ['IMAGES', 'An IDX file of images, one image with a byte a pixel, or mnist'],
    options: federatedInferOptions,
    run: federatedInfer,
    examples: [['$0 infer new.idx --model 3f2a', 'by the session, or the session of the training, 3f2a']],
  },
};

const all: readonly (readonly [path: string, command: Command])[] = [
  ...Object.entries(GROUPS).flatMap(([group, [, commands]]) =>
    Object.entries(commands).map(([name, command]) => [`${group} ${name}`, command] as const),
  ),
  ...Object.entries(ALONE),
];

export const federatedTable: CommandTable = Object.fromEntries(all.map(([path, { options }]) => [path, options]));

/** @param exactly a group that takes one of its commands and nothing else */
export function addFederated(
  parser: Yargs,
  exactly: (parser: Yargs, path: string) => Yargs,
  run: (command: Run) => (argv: object) => Promise<void>,
): Yargs {
  for (const [group, [what, commands]] of Object.entries(GROUPS)) {
    parser.command(group, what, (within: Yargs) => {
      exactly(within, `securenn ${group}`);
      for (const [name, command] of Object.entries(commands)) add(within, `${group} ${name}`, command, run);
      return within;
    });
  }
  for (const [name, command] of Object.entries(ALONE)) add(parser, name, command, run);
  return parser;
}

function add(
  parser: Yargs,
  path: string,
  command: Command,
  run: (command: Run) => (argv: object) => Promise<void>,
): void {
  const { what, word, options, examples } = command;
  const name = path.split(' ').at(-1)!;
  // Optional for the parser, whose words for one that lacks do not say of which command.
  parser.command(
    word === undefined ? name : `${name} [${word[0]}]`,
    what,
    (own: Yargs) => {
      own.options(options);
      if (word !== undefined) {
        own.usage(`$0 ${path} <${word[0]}>\n\n${what}`);
        own.positional(word[0], { type: 'string', describe: word[1] }).strict();
      }
      for (const [line, meaning] of examples) own.example(line, meaning);
      return own;
    },
    run(async (argv, signal) => {
      if (word !== undefined && (argv[word[0]] === undefined || argv[word[0]] === '')) {
        const inWords = `${word[1][0].toLowerCase()}${word[1].slice(1)}`;
        throw new Problem(
          `securenn ${path}: say which: ${inWords}`,
          `securenn ${path} ${word[0]}; see securenn ${path} --help`,
        );
      }
      await command.run(argv, signal);
    }),
  );
}
