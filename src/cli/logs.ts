/** Where the log lines of a command go: those of the owner, which is this process, and of the parties it started. */
import { appendFileSync } from 'node:fs';
import { createLog, type Logger } from '../server/log.ts';
import type { LogLevel } from '../server/log-levels.ts';
import { messageOf } from './errors.ts';
import type { LogSettings } from './options/monitoring.ts';

export class Logs {
  readonly level: LogLevel;
  /** The owner's. */
  readonly owner: Logger;
  readonly #file: string | undefined;
  readonly #print: (text: string) => void;
  #broken = false;

  /** @param print puts a line on standard error, clear of a progress bar */
  constructor({ level, file }: LogSettings, print: (text: string) => void) {
    this.level = level;
    this.#file = file;
    this.#print = print;
    this.owner = createLog('owner', level, { write: (text) => this.take(text.trimEnd()) });
  }

  /** A line of anybody's log. A disk that has filled up ends the log, not the run. */
  take(line: string): void {
    if (this.#file === undefined) return this.#print(line);
    if (this.#broken) return;
    try {
      appendFileSync(this.#file, `${line}\n`);
    } catch (error) {
      this.#broken = true;
      this.#print(`the log ends here: ${this.#file} cannot be written: ${messageOf(error)}`);
    }
  }
}
