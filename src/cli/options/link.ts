/** `--link`: the link model that commands take. */
import type { Options } from 'yargs';
import { parseLink, type LinkModel } from '../../channel/linkModel.ts';
import { Problem } from '../../data/problem.ts';
import { MACHINE, optionalText, type Argv } from './values.ts';

export const linkOption: Options = {
  requiresArg: true,
  type: 'string',
  group: MACHINE,
  defaultDescription: 'as fast as this machine',
  describe: 'Hold up what is sent as a slower link would: lan, wan, or RTT_MS:MBPS (milliseconds, megabytes a second)',
};

/** Undefined when the option is absent. */
export function readLink(argv: Argv): LinkModel | undefined {
  const text = optionalText(argv, 'link');
  if (text === undefined) return undefined;
  try {
    return parseLink(text);
  } catch (error) {
    const fix = 'give --link one of these, or leave it out';
    throw new Problem(`--link: ${(error as Error).message}`, fix, { cause: error });
  }
}
