/**
 * Progress on standard error: a bar on a terminal, a plain line every few seconds elsewhere. Standard output stays free for results.
 */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Spent } from '../client/spent.ts';
import { megabytesPerSecond, shareInWords, waitShare } from './pace.ts';

const LINE_EVERY_MS = 5000;
/** Speeds are those of the last steps that took so long together, or of the last one. */
const RECENT_SECONDS = 10;

export interface StepProgress {
  readonly done: number;
  /** `epoch 2/5`, say. */
  readonly stage: string;
  readonly loss?: number | undefined;
  readonly spent: Spent;
}

/** Seconds as a person reads them. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s} s` : `${s} s`;
}

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #bars: MultiBar | undefined;
  #bar: SingleBar | undefined;
  #below: SingleBar | undefined;
  #what = 'step';
  #total = 0;
  #before = 0;
  #started = 0;
  /** The last one shown: not every step has one. */
  #loss: number | undefined;
  /** Of the last test, a share. */
  #accuracy: number | undefined;
  #recent: Spent[] = [];
  #lastLine = 0;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** A line that stays; above the bar while there is one. */
  line(text: string): void {
    if (this.#bars && this.#stream.isTTY) this.#bars.log(`${text}\n`);
    else this.#stream.write(`${text}\n`);
  }

  /** Starts counting `total` steps (`what`: `step`, `batch`), of which some may be done; time left is reckoned from here. */
  begin(total: number, what: string, done = 0): void {
    this.#what = what;
    this.#total = total;
    this.#before = done;
    this.#started = performance.now();
    this.#lastLine = this.#started;
    if (!this.#stream.isTTY) return;
    this.#bars = new MultiBar({
      stream: this.#stream,
      format: `{bar} ${what} {value}/{total} {where}`,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
    });
    this.#bar = this.#bars.create(total, done, { where: '' });
    // A line of its own: both fit a terminal of some 90 columns.
    this.#below = this.#bars.create(total, done, { figures: '' }, { format: '{figures}' });
  }

  /** Shown from the next step on. */
  tested(accuracy: number): void {
    this.#accuracy = accuracy;
  }

  step({ done, stage, loss, spent }: StepProgress): void {
    this.#loss = loss ?? this.#loss;
    // A session's first step is not like the others (`paceOf`).
    if (done === this.#before + 2) this.#recent = [];
    this.#recent.push(spent);
    let seconds = this.#recent.reduce((sum, step) => sum + step.seconds, 0);
    while (this.#recent.length > 1 && seconds > RECENT_SECONDS) seconds -= this.#recent.shift()!.seconds;
    const now = performance.now();
    const where = `${stage} · ${duration(this.#left(now, done))} left`;
    const figures = this.#figures(seconds / this.#recent.length);
    if (this.#bars) {
      this.#bar?.update(done, { where });
      this.#below?.update(done, { figures });
    } else if (now - this.#lastLine >= LINE_EVERY_MS || done === this.#total) {
      this.#lastLine = now;
      this.line(`${done}/${this.#total} · ${where} · ${figures}`);
    }
  }

  #figures(secondsEach: number): string {
    const megabytes = megabytesPerSecond(this.#recent);
    const wait = waitShare(this.#recent);
    return [
      ...(this.#loss === undefined ? [] : [`loss ${this.#loss.toFixed(4)}`]),
      ...(this.#accuracy === undefined ? [] : [`accuracy ${(100 * this.#accuracy).toFixed(2)} %`]),
      `${secondsEach.toFixed(3)} s/${this.#what}`,
      ...(megabytes === 0 ? [] : [`${megabytes.toFixed(2)} MB/s`]),
      ...(wait === undefined ? [] : [shareInWords(100 * wait)]),
    ].join(' · ');
  }

  /** Seconds, by all that passed since the beginning, tests included. */
  #left(now: number, done: number): number {
    return ((now - this.#started) / 1000 / (done - this.#before)) * (this.#total - done);
  }

  /** Takes the bar away and gives the terminal back as it was. Further lines are plain. */
  stop(): void {
    this.#bars?.stop();
    this.#bars = undefined;
    this.#bar = undefined;
    this.#below = undefined;
  }
}
