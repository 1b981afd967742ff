/**
 * One party's side of a profile: the recorder its protocols run under, and the part it leaves in a folder, `P0.part`: at the end, when
 * it fails, and every ten seconds, so that even a killed party leaves what it measured until shortly before.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerClock, askClock } from '../channel/clock.ts';
import type { Link, PeerName } from '../channel/channel.ts';
import type { PartyName } from '../profile/line.ts';
import { type ClockReading, encodePart, type LinkTraffic } from '../profile/part.ts';
import { type RankCounters, spentBetween } from '../profile/rank-counters.ts';
import { type Probe, rootProbe } from '../profile/probe.ts';
import { Recorder } from '../profile/recorder.ts';

const KEEP_EVERY_MS = 10_000;
/** Two clocks that need no exchange: a party's own. */
const OWN_CLOCK: ClockReading = { offsetMs: 0, uncertaintyMs: 0 };

export function partFile(folder: string, party: PartyName): string {
  return join(folder, `${party}.part`);
}

export interface ProfilingOptions {
  readonly folder: string;
  readonly party: PartyName;
  readonly session: string;
  readonly links: ReadonlyMap<PeerName, Link>;
  /** Of a party of several ranks: what each has spent so far. */
  readonly ranks?: (() => readonly RankCounters[]) | undefined;
}

export class Profiling {
  readonly probe: Probe;
  readonly #recorder: Recorder;
  readonly #options: ProfilingOptions;
  readonly #clock: ClockReading;
  #before: readonly LinkTraffic[] = [];
  #ranksBefore: readonly RankCounters[] = [];
  #rounds: () => number = () => 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: ProfilingOptions, recorder: Recorder, clock: ClockReading) {
    this.#options = options;
    this.#recorder = recorder;
    this.#clock = clock;
    this.probe = rootProbe(recorder);
  }

  /** Compares clocks with P0, or with P0's peers as P0; all three parties do it before anything else travels. */
  static async open(options: ProfilingOptions, recorder: Recorder = new Recorder()): Promise<Profiling> {
    const { party, links } = options;
    if (party === 'P0') {
      await Promise.all([answerClock(links.get('P1')!, recorder.now), answerClock(links.get('P2')!, recorder.now)]);
      return new Profiling(options, recorder, OWN_CLOCK);
    }
    const { offsetMs, roundTripMs } = await askClock(links.get('P0')!, recorder.now);
    return new Profiling(options, recorder, { offsetMs, uncertaintyMs: roundTripMs / 2 });
  }

  /** The protocols start. @param rounds online rounds of this party so far */
  begin(rounds: () => number): void {
    const before = rounds();
    this.#rounds = () => rounds() - before;
    this.#before = this.#counted();
    this.#ranksBefore = this.#options.ranks?.() ?? [];
    this.#recorder.begin();
    this.#timer = setInterval(() => this.#keep(false), KEEP_EVERY_MS).unref();
  }

  /** Writes the part for the last time. `complete`: the party did its whole job. */
  end(complete: boolean): void {
    clearInterval(this.#timer);
    this.#keep(complete);
  }

  /** The part as it is now. */
  part(complete: boolean): Uint8Array {
    const { session, party } = this.#options;
    const traffic = this.#counted().map((now, i): LinkTraffic => {
      const before = this.#before[i] ?? now;
      return {
        peer: now.peer,
        messages: now.messages - before.messages,
        payloadBytes: now.payloadBytes - before.payloadBytes,
        frameBytes: now.frameBytes - before.frameBytes,
      };
    });
    const now = this.#options.ranks?.();
    const ranks = now && spentBetween(this.#ranksBefore, now);
    const own = { session, party, clock: this.#clock, complete, traffic, rounds: this.#rounds(), ranks };
    return encodePart(own, this.#recorder.recording());
  }

  #counted(): LinkTraffic[] {
    return [...this.#options.links].flatMap(([peer, { sent }]) => (peer === 'owner' ? [] : [{ peer, ...sent }]));
  }

  #keep(complete: boolean): void {
    const path = partFile(this.#options.folder, this.#options.party);
    try {
      rmSync(`${path}.tmp`, { force: true });
      writeFileSync(`${path}.tmp`, this.part(complete), { flag: 'wx' });
      renameSync(`${path}.tmp`, path);
    } catch {
      // A disk that has filled up must not cost the job its result. The report says which part is missing.
    }
  }
}
