/**
 * Progress on standard error: a bar on a terminal, a plain line every few seconds elsewhere. Standard output stays free for results.
 */
import { MultiBar, type SingleBar } from 'cli-progress';

const LINE_EVERY_MS = 5000;

export interface StepProgress {
  readonly done: number;
  /** `epoch 2/5`, say. */
  readonly stage: string;
  readonly loss: number | undefined;
  /** By all parties together, on average; 0 when nothing is sent. */
  readonly bytesPerStep: number;
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
  #total = 0;
  #before = 0;
  #started = 0;
  /** The last one shown: not every step has one. */
  #loss: number | undefined;
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
    this.#total = total;
    this.#before = done;
    this.#started = performance.now();
    this.#lastLine = this.#started;
    if (!this.#stream.isTTY) return;
    this.#bars = new MultiBar({
      stream: this.#stream,
      format: `{bar} ${what} {value}/{total} {details}`,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
    });
    this.#bar = this.#bars.create(total, done, { details: '' });
  }

  step(progress: StepProgress): void {
    this.#loss = progress.loss ?? this.#loss;
    const now = performance.now();
    const perStep = (now - this.#started) / 1000 / (progress.done - this.#before);
    const details = [
      progress.stage,
      ...(this.#loss === undefined ? [] : [`loss ${this.#loss.toFixed(4)}`]),
      `${perStep.toFixed(3)} s each`,
      ...(progress.bytesPerStep === 0 ? [] : [`${(progress.bytesPerStep / 1e6).toFixed(2)} MB sent each`]),
      `${duration(perStep * (this.#total - progress.done))} left`,
    ].join(' · ');
    if (this.#bar) {
      this.#bar.update(progress.done, { details });
    } else if (now - this.#lastLine >= LINE_EVERY_MS || progress.done === this.#total) {
      this.#lastLine = now;
      this.line(`${progress.done}/${this.#total} · ${details}`);
    }
  }

  /** Takes the bar away and gives the terminal back as it was. Further lines are plain. */
  stop(): void {
    this.#bars?.stop();
    this.#bars = undefined;
    this.#bar = undefined;
  }
}
