/**
 * Progress on standard error: a bar on a terminal, a plain line every few seconds elsewhere. Standard output stays free for results.
 */
import { MultiBar } from 'cli-progress';
import type { Sharing } from '../client/owner.ts';
import type { Spent } from '../client/spent.ts';
import type { Logger } from '../server/log.ts';
import { widthOf, wrapParts, wrapText } from './layout.ts';
import { megabytesPerSecond, shareInWords, slowestRank, waitShare } from './pace.ts';

const LINE_EVERY_MS = 5000;
/** Speeds are those of the last steps that took so long together, or of the last one. */
const RECENT_SECONDS = 10;
const BAR = 24;
/** Below this a bar says nothing. */
const SHORTEST_BAR = 8;

export interface StepProgress {
  readonly done: number;
  /** `epoch 2/5`, say. */
  readonly stage: string;
  readonly loss?: number | undefined;
  readonly spent: Spent;
}

/** What else there is to do, and what is done. */
export interface Beside {
  /** Steps done in sessions before. */
  readonly done?: number | undefined;
  /** Evaluations still to come, and of how many images each. */
  readonly tests?: number | undefined;
  readonly testImages?: number | undefined;
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
  /** Milliseconds. */
  readonly #clock: () => number;
  #bars: MultiBar | undefined;
  /** What stands on the terminal, a bar each (of which the first line has one). */
  #shown: readonly string[] = [];
  #barCount = 0;
  #what = 'step';
  #total = 0;
  #before = 0;
  #testImages = 0;
  #started = 0;
  #done = 0;
  #stage = '';
  /** Of the evaluation under way: since when, and how many images are done. */
  #testing: { readonly since: number; images: number } | undefined;
  #testsLeft = 0;
  /** Milliseconds that evaluations took: all of them, and the last one. */
  #tested = { all: 0, last: undefined as number | undefined };
  /** The last one shown: not every step has one. */
  #loss: number | undefined;
  /** Of the last test, a share. */
  #accuracy: number | undefined;
  #recent: Spent[] = [];
  #recentSeconds = 0;
  /** There is more to tell than stands on the terminal. */
  #stale = false;
  #lastLine = 0;
  #sharing: { readonly since: number; input: string } | undefined;

  constructor(stream: NodeJS.WriteStream = process.stderr, clock: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** A line that stays; above the bar while there is one. */
  line(text: string): void {
    const wrapped = wrapText(text, widthOf(this.#stream));
    if (this.#bars) this.#bars.log(`${wrapped}\n`);
    else this.#stream.write(`${wrapped}\n`);
  }

  /** The owner's inputs on their way to the parties. @param doing what is done with them */
  sharing({ input, sent, total }: Sharing, doing = 'sharing'): void {
    const now = this.#clock();
    if (this.#sharing === undefined) {
      this.#sharing = { since: now, input: '' };
      this.#lastLine = now;
      this.#open(true);
    }
    const begins = input !== this.#sharing.input;
    this.#sharing.input = input;
    const megabytes = `${Math.floor(sent / 1e6)}/${Math.ceil(total / 1e6)} MB`;
    const seconds = sent === 0 ? undefined : ((now - this.#sharing.since) / 1000 / sent) * (total - sent);
    const left = seconds === undefined ? [] : [`${duration(seconds)} left`];
    if (this.#bars) this.#draw(sent / total, [[`${doing} ${megabytes}`, input, ...left]]);
    else if (begins) this.line(`${doing} ${input}`);
    else if (this.#isDue(now)) this.line([`${doing} ${input}`, megabytes, ...left].join(' · '));
    if (sent === total) this.stop();
  }

  /** Starts counting `total` steps (`what`: `step`, `batch`); time left is reckoned from here. */
  begin(total: number, what: string, { done = 0, tests = 0, testImages = 0 }: Beside = {}): void {
    this.stop();
    this.#stale = false;
    this.#what = what;
    this.#total = total;
    this.#before = this.#done = done;
    this.#testsLeft = tests;
    this.#testImages = testImages;
    this.#started = this.#clock();
    this.#lastLine = this.#started;
    this.#open(false);
    this.#draw(done / total, [[this.#counted()]]);
  }

  step({ done, stage, loss, spent }: StepProgress): void {
    this.#loss = loss ?? this.#loss;
    this.#stage = stage;
    this.#done = done;
    // A session's first step is not like the others (`paceOf`).
    if (done === this.#before + 2) [this.#recent, this.#recentSeconds] = [[], 0];
    this.#recent.push(spent);
    this.#recentSeconds += spent.seconds;
    while (this.#recent.length > 1 && this.#recentSeconds > RECENT_SECONDS)
      this.#recentSeconds -= this.#recent.shift()!.seconds;
    this.#show(done === this.#total);
  }

  /** An evaluation has done so many images; it began when this is told first. */
  testing(images: number): void {
    this.#testing ??= { since: this.#clock(), images };
    this.#testing.images = images;
    this.#show(false);
  }

  /** The evaluation is over; shown from the next step on. */
  tested(accuracy: number): void {
    this.#accuracy = accuracy;
    this.#testsLeft = Math.max(0, this.#testsLeft - 1);
    if (this.#testing === undefined) return;
    const last = this.#clock() - this.#testing.since;
    this.#tested = { all: this.#tested.all + last, last };
    this.#testing = undefined;
    // The line that stands says nothing of a test that is over.
    if (this.#bars) this.#show(false);
  }

  /** Takes the bar away and gives the terminal back as it was. Further lines are plain. */
  stop(): void {
    // What was printed above and waits for the next drawing.
    this.#bars?.update();
    this.#bars?.stop();
    this.#bars = undefined;
    this.#barCount = 0;
  }

  /** Some times a second on a terminal (`#open`), now and then elsewhere: steps may take a millisecond. */
  #show(isLast: boolean): void {
    this.#stale = true;
    if (this.#bars === undefined && (isLast || this.#isDue(this.#clock()))) this.#tell();
  }

  #tell(): void {
    const now = this.#clock();
    this.#stale = false;
    const where = [this.#stage, ...this.#test(now), `${this.#left(now)} left`].filter((part) => part !== '');
    const figures = this.#figures();
    if (this.#bars) this.#draw(this.#done / this.#total, [[this.#counted(), ...where], figures]);
    else {
      this.#lastLine = now;
      this.line([`${this.#done}/${this.#total}`, ...where, ...figures].join(' · '));
    }
  }

  #counted(): string {
    return `${this.#what} ${this.#done}/${this.#total}`;
  }

  #figures(): string[] {
    const megabytes = megabytesPerSecond(this.#recent);
    const wait = waitShare(this.#recent);
    const seconds = this.#recentSeconds / this.#recent.length;
    const slowest = slowestRank(this.#recent);
    return [
      ...(this.#loss === undefined ? [] : [`loss ${this.#loss.toFixed(4)}`]),
      ...(this.#accuracy === undefined ? [] : [`accuracy ${(100 * this.#accuracy).toFixed(2)} %`]),
      `${seconds.toFixed(3)} s/${this.#what}`,
      ...(megabytes === 0 ? [] : [`${megabytes.toFixed(2)} MB/s`]),
      ...(wait === undefined ? [] : [shareInWords(100 * wait)]),
      ...(slowest === undefined ? [] : [rankInWords(slowest)]),
    ];
  }

  #test(now: number): string[] {
    if (this.#testing === undefined) return [];
    const seconds = this.#testLeft(now);
    const left = seconds === undefined ? '' : ` (${duration(seconds)} left)`;
    return [`testing ${this.#testing.images}/${this.#testImages} images${left}`];
  }

  /** Seconds of the evaluation under way: by its pace, or by the last one's; undefined when neither is known. */
  #testLeft(now: number): number | undefined {
    const { since, images } = this.#testing!;
    const { last } = this.#tested;
    if (images === 0) return last === undefined ? undefined : Math.max(0, last - (now - since)) / 1000;
    return ((now - since) / 1000 / images) * Math.max(0, this.#testImages - images);
  }

  /** What is left: steps by the mean of those that are done, evaluations by the last one. */
  #left(now: number): string {
    const { last, all } = this.#tested;
    const under = this.#testing === undefined ? 0 : now - this.#testing.since;
    const steps = this.#done - this.#before;
    const stepping = ((now - this.#started - all - under) / 1000 / steps) * (this.#total - this.#done);
    const testing = this.#testing === undefined ? 0 : this.#testLeft(now);
    const further = this.#testsLeft - (this.#testing === undefined ? 0 : 1);
    const each = last ?? (testing === undefined || this.#testing === undefined ? undefined : under + 1000 * testing);
    if (testing === undefined || (further > 0 && each === undefined)) return `${duration(stepping)} + testing`;
    return duration(stepping + testing + (further > 0 ? (further * each!) / 1000 : 0));
  }

  #isDue(now: number): boolean {
    if (now - this.#lastLine < LINE_EVERY_MS) return false;
    this.#lastLine = now;
    return true;
  }

  /** @param passing the bar leaves no trace */
  #open(passing: boolean): void {
    if (!this.#stream.isTTY) return;
    this.#bars = new MultiBar({
      stream: this.#stream,
      hideCursor: true,
      clearOnComplete: passing,
      // A line that was printed above has moved the bars down.
      forceRedraw: true,
    }).on('update-pre', () => {
      if (this.#stale) this.#tell();
    });
  }

  /** Each group begins a line, and the first one has the bar. */
  #draw(progress: number, groups: readonly (readonly string[])[]): void {
    const bars = this.#bars;
    if (bars === undefined) return;
    const width = widthOf(this.#stream);
    const [[title, ...rest], ...others] = groups;
    const [head, ...below] = wrapParts([title, ...rest], width - SHORTEST_BAR - 1, ' · ');
    const size = Math.min(BAR, Math.max(SHORTEST_BAR, width - head.length - 1));
    const full = Math.round(size * Math.min(1, progress));
    const bar = '█'.repeat(full) + '░'.repeat(size - full);
    this.#shown = [`${bar} ${head}`, ...below, ...others.flatMap((group) => wrapParts(group, width, ' · '))];
    for (; this.#barCount < this.#shown.length; this.#barCount++) {
      const row = this.#barCount;
      bars.create(1, 0, {}, { format: () => this.#shown[row] ?? '' });
    }
  }
}

/** `slowest rank: 2 of P1, 1.08 × the mean`. */
function rankInWords({ party, rank, overMean }: NonNullable<ReturnType<typeof slowestRank>>): string {
  return `slowest rank: ${rank} of ${party}, ${overMean.toFixed(2)} × the mean`;
}

/** Shows how sharing goes, in the owner's log and to the user. */
export function showSharing(progress: Progress, log: Logger): (sharing: Sharing) => void {
  let before: string | undefined;
  return (sharing) => {
    log[sharing.input === before ? 'debug' : 'info'](sharing, 'sharing');
    before = sharing.input;
    progress.sharing(sharing);
  };
}
