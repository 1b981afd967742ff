/** What the command line says when something goes wrong: one line, what and how to put it right. */
import { explained } from '../data/memory.ts';
import { Problem } from '../data/problem.ts';

/** The user, or the system, asked the command to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;
  /** For the parties. */
  readonly told: string;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`);
    this.told = this.message;
    this.exitCode = 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal];
  }
}

export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ').trim();
}

/** `securenn: what (fix: how)`. */
export function errorLine(thrown: unknown): string {
  const error = explained(thrown);
  const fix = error instanceof Problem ? ` (fix: ${error.fix})` : '';
  return `securenn: ${messageOf(error)}${fix}`;
}

export function exitCodeOf(error: unknown): number {
  return error instanceof Interrupted ? error.exitCode : 1;
}
