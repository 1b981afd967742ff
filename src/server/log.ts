/**
 * What a party or the owner logs: one JSON object a line, with `time`, `level`, `party`, `msg` and facts beside them. Who logs names each
 * fact: no object that could hold a key, a share or a seed is ever given to a logger as a whole.
 */
import { destination as openDestination, pino, stdTimeFunctions, type Logger } from 'pino';
import * as z from 'zod';
import type { PartyName } from './ipc.ts';
import type { Job } from './job.ts';
import { LOG_LEVELS, type LogLevel } from './log-levels.ts';

export type { Logger } from 'pino';

export function createLog(
  party: PartyName | 'owner',
  level: LogLevel,
  destination: { write(line: string): void },
): Logger {
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: { party }, timestamp: stdTimeFunctions.isoTime, formatters }, destination);
}

/** Writes at once, so that the last line before a crash is not lost. */
export function logToStandardError(party: PartyName, level: LogLevel): Logger {
  const destination = openDestination({ dest: 2, sync: true });
  // Nobody reads any more: no reason to end here.
  destination.on('error', () => undefined);
  return createLog(party, level, destination);
}

const line = z.looseObject({
  time: z.iso.datetime(),
  level: z.enum(LOG_LEVELS).exclude(['silent']),
  party: z.enum(['P0', 'P1', 'P2', 'owner']),
  msg: z.string(),
});

/** Whether what a party printed is a line of its log, and not the last words of a crash. */
export function isLogLine(text: string, party: PartyName): boolean {
  if (!text.startsWith('{')) return false;
  try {
    return line.parse(JSON.parse(text)).party === party;
  } catch {
    return false;
  }
}

/** Which job: facts that are public, and no seed. */
export function jobFacts(job: Job): Record<string, string | number | boolean | undefined> {
  const { kind, sessionId, suite, truncation, fractionBits, compareBits, security } = job;
  const common = {
    job: kind,
    document: job.document,
    session: sessionId,
    suite,
    truncation,
    fractionBits,
    compareBits,
    security,
  };
  // Such a session protects nothing, and whoever reads its log should know.
  const insecure = job.insecureKeys === undefined ? undefined : true;
  if (job.kind === 'micro') return { ...common, insecure, operations: job.operations.length };
  if (job.kind === 'serve') return { ...common, insecure, network: job.network.name, model: job.model };
  const task = { ...common, insecure, network: job.network.name, batch: job.batch };
  if (job.kind === 'infer') return { ...task, images: job.images };
  const { epochs, steps, trainImages, optimizer, loss, learningRate, resume } = job;
  return {
    ...task,
    epochs,
    steps,
    trainImages,
    optimizer,
    lossFunction: loss,
    learningRate,
    resumedFrom: resume?.step,
  };
}
