/** The commands of owners, analysts and clients of a federation. */
import type { Command, Groups } from '../groups.ts';
import {
  dataDelete,
  dataList,
  dataPut,
  dataShow,
  deleteOptions,
  listOptions,
  putOptions,
  showOptions,
} from './data.ts';
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
import { exportModelOptions, modelExport } from '../model/export.ts';
import { importOptions, modelImport } from '../model/import.ts';
import { fetchOptions, modelFetch, modelList, modelServe, serveOptions } from './models.ts';
import { memberOptions } from './options.ts';
import { federatedTrain, federatedTrainOptions } from './train.ts';

const DATA = ['DATA', 'OWNER/NAME, NAME of your own, or its digest'] as const;
const JOB = ['JOB', 'Its name, or the first digits'] as const;

export const MEMBER_GROUPS: Groups = {
  data: [
    'Data sets at the three parties, shared so that no party sees a value',
    {
      put: {
        what: 'Give the parties a labelled set of images; again, to go on where it stopped',
        word: [
          'SOURCE',
          'mnist, cifar10, a folder or file with a data set (docs/data.md), or images alone, with --labels',
        ],
        options: putOptions,
        run: dataPut,
        examples: [
          ['$0 data put ./scans --name scans', 'images-idx3-ubyte and labels-idx1-ubyte of that folder'],
          ['$0 data put mnist --half test --name mnist-test', "MNIST's test images"],
        ],
      },
      list: { what: 'What data sets the parties have', options: listOptions, run: dataList, examples: [] },
      show: {
        what: 'Files on this machine, before anything is shared: shapes, classes, values; or a set at the parties, and its grants',
        word: ['DATA', 'A folder or file (./scans), mnist or cifar10; or OWNER/NAME, NAME of your own, or a digest'],
        options: showOptions,
        run: dataShow,
        examples: [
          ['$0 data show ./scans', 'what was understood of that folder, and what looks wrong'],
          ['$0 data show ./scans --out sheet.png', 'some images of each class'],
          ['$0 data show hospital-a/scans', 'a set at the parties'],
        ],
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
    'Trained models: shared at the parties, revealed to you, or from another program',
    {
      import: {
        what: 'Make a model file of a model that another program trained',
        word: [
          'FILE',
          'An ONNX file, as PyTorch, Keras (tf2onnx) or scikit-learn (skl2onnx) write it, or safetensors of PyTorch',
        ],
        options: importOptions,
        run: modelImport,
        examples: [
          ['$0 model import net.onnx --check 100', 'and compare 100 answers with onnxruntime, where it is installed'],
          ['$0 model import weights.safetensors --network net.json', "a state_dict of PyTorch's, beside its network"],
          ['$0 model import net.onnx --input 3x32x32', 'where the file leaves the size of images open'],
        ],
        more: 'See docs/onnx.md.',
      },
      export: {
        what: 'Make an ONNX file of a model, for other programs',
        word: ['FILE', 'A model file, as trainings and imports save it'],
        options: exportModelOptions,
        run: modelExport,
        examples: [['$0 model export models/A.safetensors --onnx A.onnx', 'to run it in onnxruntime']],
      },
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

export const MEMBER_COMMANDS: Readonly<Record<string, Command>> = {
  train: {
    what: 'Train at the three parties: propose, wait for the owners, follow, save the model',
    options: federatedTrainOptions,
    run: federatedTrain,
    examples: [['$0 train --data a/scans,b/scans --test a/checked --network C', 'on the data of a and b']],
  },
  infer: {
    what: 'Classify images by a model that the parties serve; nobody else sees image or answer',
    word: ['IMAGES', 'Images in a file or folder (PNG, JPEG, IDX, NPY, CSV), one image with a byte a pixel, or mnist'],
    options: federatedInferOptions,
    run: federatedInfer,
    examples: [['$0 infer image.png --model 3f2a', 'by the session, or the session of the training, 3f2a']],
  },
};
