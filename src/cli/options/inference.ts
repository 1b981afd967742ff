/** The options of inference. */
import type { Options } from 'yargs';
import { readSession, sessionOptions, type SessionSettings } from './session.ts';
import { integer, number, optionalText, TASK, text, type Argv } from './values.ts';

export interface InferSettings extends SessionSettings {
  readonly model: string;
  readonly count: number;
}

export const inferOptions: Readonly<Record<string, Options>> = {
  ...sessionOptions,
  model: { ...text, group: TASK, demandOption: true, describe: 'Model file, as train saves it' },
  count: { ...number, group: TASK, default: 128, describe: 'Test images to classify' },
};

export function readInferSettings(argv: Argv): InferSettings {
  return {
    ...readSession(argv),
    model: optionalText(argv, 'model')!,
    count: integer(argv, 'count', 1, Number.MAX_SAFE_INTEGER, 128),
  };
}
