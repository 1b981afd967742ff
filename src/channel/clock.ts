/**
 * How far apart the clocks of two parties are, found over their link before the protocols start (as NTP does): one asks several times,
 * the other answers with when it received the question and when it sends the answer,
 *
 *     offset = ((received − asked) + (answered − heard)) / 2      round trip = (heard − asked) − (answered − received)
 *
 * and the shortest round trip counts: what delayed the others may have delayed one direction alone. The offset is wrong by at most half of
 * that round trip. Times are milliseconds on each party's own clock, sent as 64-bit floats.
 */
import { ChannelError, type Link } from './channel.ts';

export interface ClockOffset {
  /** The peer's clock minus this party's. */
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

/** One question: when it was asked and its answer heard, here; when it was received and answered, there. */
export interface Exchange {
  readonly asked: number;
  readonly received: number;
  readonly answered: number;
  readonly heard: number;
}

/** Questions; one round trip each. */
const QUESTIONS = 8;
const BYTES = 16;

export function offsetOf(exchanges: readonly Exchange[]): ClockOffset {
  let best: ClockOffset | undefined;
  for (const { asked, received, answered, heard } of exchanges) {
    const roundTripMs = Math.max(0, heard - asked - (answered - received));
    if (best !== undefined && best.roundTripMs <= roundTripMs) continue;
    best = { offsetMs: (received - asked + (answered - heard)) / 2, roundTripMs };
  }
  if (best === undefined) throw new RangeError('a clock offset needs one exchange at least');
  return best;
}

export async function askClock(link: Link, now: () => number): Promise<ClockOffset> {
  const exchanges: Exchange[] = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const asked = now();
    await link.send(`clock/${i}`, new Uint8Array(0), 0);
    const { data } = await link.receive(`clock/${i}/answer`, 'u8', BYTES);
    const heard = now();
    const [received, answered] = new Float64Array(new Uint8Array(data).buffer);
    // NaN is on neither side.
    if (!(answered >= received && Math.abs(received) < 1e15 && Math.abs(answered) < 1e15)) {
      throw new ChannelError(`${link.peer} says that it received at ${received} and answered at ${answered}`);
    }
    exchanges.push({ asked, received, answered, heard });
  }
  return offsetOf(exchanges);
}

export async function answerClock(link: Link, now: () => number): Promise<void> {
  for (let i = 0; i < QUESTIONS; i++) {
    await link.receive(`clock/${i}`, 'u8', 0);
    const times = new Float64Array([now(), 0]);
    times[1] = now();
    await link.send(`clock/${i}/answer`, new Uint8Array(times.buffer), 0);
  }
}
