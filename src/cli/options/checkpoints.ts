/** Which options `local train` has for checkpoints, and with which of the others a run may go on. */
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { dataOptions } from './data.ts';
import { trainOptions, type TrainSettings } from './training.ts';
import { CHECKPOINTS, number, optionalInteger, optionalText, text, type Argv } from './values.ts';

/** Where checkpoints are kept, and whether a run goes on from there. */
export type CheckpointSettings =
  | { readonly folder: string; readonly kind: 'new'; readonly every: number | undefined }
  /** `step`: which one, in place of the newest. */
  | { readonly folder: string; readonly kind: 'resume'; readonly step: number | undefined };

const MAXIMUM_STEPS = 10_000_000;

export const localTrainOptions: Readonly<Record<string, Options>> = {
  ...trainOptions,
  checkpoint: {
    ...text,
    group: CHECKPOINTS,
    defaultDescription: 'none are kept',
    describe: 'Keep keys and shares in this folder, to go on after a crash: after each epoch and at the end',
  },
  'checkpoint-every': {
    ...number,
    group: CHECKPOINTS,
    defaultDescription: 'by epoch',
    describe: 'Keep them also after every so many steps',
  },
  resume: {
    ...text,
    group: CHECKPOINTS,
    describe:
      'Go on with the run whose checkpoints are in this folder, to the same model, bit for bit (private: as good a one); with more --epochs beyond its end',
  },
  'resume-step': {
    ...number,
    group: CHECKPOINTS,
    defaultDescription: 'the newest',
    describe: 'The step to go on from',
  },
};

export function readCheckpointSettings(argv: Argv): CheckpointSettings | undefined {
  const checkpoint = optionalText(argv, 'checkpoint');
  const every = optionalInteger(argv, 'checkpoint-every', 1, MAXIMUM_STEPS);
  const resume = optionalText(argv, 'resume');
  const step = optionalInteger(argv, 'resume-step', 0, MAXIMUM_STEPS);
  if (resume === undefined) {
    if (step !== undefined) throw new Problem('--resume-step: of which run?', 'name its folder with --resume');
    if (checkpoint !== undefined) return { folder: checkpoint, kind: 'new', every };
    if (every !== undefined) throw new Problem('--checkpoint-every: in which folder?', 'name one with --checkpoint');
    return undefined;
  }
  if (checkpoint !== undefined && resolve(checkpoint) !== resolve(resume)) {
    throw new Problem(
      `--checkpoint: ${checkpoint} is not the folder ${resume} of --resume, where the run's checkpoints stay`,
      'leave --checkpoint out',
    );
  }
  return { folder: resume, kind: 'resume', step };
}

/** Options that do not change what a run computes: each session has its own. */
const FREE: ReadonlySet<string> = new Set([
  'data',
  // A digest says whether the data are the same.
  ...Object.keys(dataOptions),
  'backend',
  'fallback-adapter',
  'workers',
  'ranks',
  'port',
  'timeout',
  'link',
  'json',
  'out',
  'from',
  'profile',
  'log-level',
  'log-file',
  'metrics',
]);

function settingOf(option: string): keyof TrainSettings {
  if (option === 'lr') return 'learningRate';
  return option.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof TrainSettings;
}

/** Refuses an option that was given and says something else than the run began with. */
export function checkSameOptions(
  given: (option: string) => boolean,
  typed: TrainSettings,
  begun: Partial<TrainSettings>,
): void {
  for (const option of Object.keys(trainOptions)) {
    if (FREE.has(option) || !given(option)) continue;
    const [found, expected] = [typed[settingOf(option)], begun[settingOf(option)]];
    if (isDeepStrictEqual(found, expected)) continue;
    throw new Problem(
      `--${option}: the run to go on with began with ${inWords(expected)}, found ${inWords(found)}`,
      `leave --${option} out: a run goes on with the options it began with`,
    );
  }
}

function inWords(value: TrainSettings[keyof TrainSettings]): string {
  if (typeof value !== 'object') return String(value ?? 'none');
  return 'name' in value ? `network ${value.name}` : JSON.stringify(value);
}
