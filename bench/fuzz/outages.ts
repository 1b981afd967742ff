/** Claims, heartbeats, and connections that come and go under a link. */
import fc from 'fast-check';
import { SessionProgress } from '../../src/channel/progress.ts';
import { ResumableTransport, type Connection } from '../../src/channel/resumable.ts';
import { parseClaim } from '../../src/channel/resume.ts';
import { Inlet, type FrameSink } from '../../src/channel/transport.ts';
import { expect, fuzz, type Fuzz } from './fuzz.ts';

export const CLAIMS: Fuzz = fuzz(
  'claims and heartbeats',
  0.1,
  fc.tuple(
    fc.anything({ maxDepth: 2 }),
    fc.uint8Array({ maxLength: 20 }),
    fc.oneof(fc.double(), fc.integer({ min: -3, max: 8 })),
  ),
  ([content, heartbeat, count]) => {
    const claim = parseClaim(content);
    if (claim !== undefined)
      expect(Number.isSafeInteger(claim.received) && claim.received >= 0, 'a count that is none was read');
    const progress = new SessionProgress(1000);
    progress.hear('P1', heartbeat);
    expect(progress.quietMs >= 0, 'time ran backwards');
    const transport = new ResumableTransport({ patienceMs: 1, onApart: () => undefined, onEnded: () => undefined });
    const connection = idle();
    transport.resume(connection, 0);
    for (let i = 0; i < 3; i++) void transport.send([Uint8Array.of(i)]);
    transport.countsOn(connection).acknowledge(count);
    const possible = Number.isInteger(count) && count >= 0 && count <= 3;
    const ended = !possible && transport.heldBytes === 0;
    expect(possible || ended, `an acknowledgement of ${count} frames of 3 was taken`);
  },
);

function idle(): Connection {
  const ended = { endedCleanly: false, tell: () => undefined, send: () => undefined, close: () => Promise.resolve() };
  return { ...ended, attach: () => undefined, detach: () => undefined, destroy: () => undefined };
}

/** One direction at a time of a connection between two transports; what is under way when it is cut is lost. */
class Wire {
  readonly ends: readonly [WireEnd, WireEnd];

  constructor() {
    const [a, b] = [new WireEnd(), new WireEnd()];
    a.other = b;
    b.other = a;
    this.ends = [a, b];
  }

  cut(): void {
    for (const { inlet } of this.ends) inlet.end('cut');
  }
}

class WireEnd implements Connection {
  readonly endedCleanly = false;
  readonly inlet: Inlet = new Inlet();
  other!: WireEnd;
  /** On the way from here to there. */
  readonly under: Uint8Array[] = [];
  told: (() => number) | undefined;
  acknowledge: ((count: number) => void) | undefined;

  send(parts: readonly Uint8Array[]): undefined {
    this.under.push(parts[0]);
  }
  deliver(): void {
    const next = this.under.shift();
    if (next !== undefined) this.other.inlet.frame([next]);
  }
  tell(): void {
    const count = this.told?.();
    if (count !== undefined) this.other.acknowledge?.(count);
  }
  attach(sink: FrameSink): void {
    this.inlet.attach(sink);
  }
  detach(): void {
    this.inlet.detach();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  /** What is under way may still arrive. */
  destroy(): void {}
}

type Event = { readonly what: 'send' | 'deliver' | 'tell' | 'late' | 'cut' | 'replace'; readonly side: 0 | 1 };

/** Two transports under which connections come and go at any time: each gets what the other has sent, once and in order. */
export const OUTAGES: Fuzz = fuzz(
  'outages',
  0.05,
  fc.array(
    fc.record<Event>({
      what: fc.constantFrom<Event['what']>(
        'send',
        'send',
        'deliver',
        'deliver',
        'deliver',
        'tell',
        'late',
        'cut',
        'replace',
      ),
      side: fc.constantFrom<0 | 1>(0, 1),
    }),
    { maxLength: 200, size: 'max' },
  ),
  (events) => {
    const got: [number[], number[]] = [[], []];
    const sent = [0, 0];
    const ends: string[] = [];
    const make = (which: 0 | 1): ResumableTransport => {
      const one = new ResumableTransport({ patienceMs: 1, onApart: () => undefined, onEnded: () => undefined });
      one.attach({
        onFrame: ([frame]) => void got[which].push(new DataView(frame.buffer, frame.byteOffset).getUint32(0)),
        onClose: (reason) => void ends.push(reason),
      });
      return one;
    };
    const transports = [make(0), make(1)] as const;
    let line: Wire;
    /** Replaced; what was under way on it comes too late. */
    let before: Wire | undefined;
    const join = (): void => {
      before = line;
      line = new Wire();
      // As the handshake does it: who dials lets go first, then who listens; each says how much it has.
      const received = transports.map((transport) => transport.suspend());
      for (const which of [0, 1] as const) {
        const end = line.ends[which];
        const counts = transports[which].countsOn(end);
        end.told = () => counts.told();
        end.acknowledge = (count) => counts.acknowledge(count);
        transports[which].resume(end, received[1 - which]);
      }
    };
    join();
    for (const { what, side } of events) {
      if (what === 'send') {
        const frame = Buffer.alloc(4);
        frame.writeUInt32BE(sent[side]++);
        void transports[side].send([new Uint8Array(frame)]);
      } else if (what === 'deliver') line!.ends[side].deliver();
      else if (what === 'tell') line!.ends[side].tell();
      else if (what === 'late') {
        before?.ends[side].deliver();
        // As it was told before the connection was replaced: nothing yet.
        before?.ends[side].acknowledge?.(0);
      } else {
        if (what === 'cut') line!.cut();
        join();
      }
    }
    for (const end of line!.ends) while (end.under.length > 0) end.deliver();
    for (const end of line!.ends) end.tell();
    expect(ends.length === 0, `a link failed: ${ends.join()}`);
    for (const side of [0, 1] as const) {
      expect(got[1 - side].length === sent[side], `${got[1 - side].length} frames of ${sent[side]} arrived`);
      expect(
        got[1 - side].every((number, i) => number === i),
        'frames arrived out of order',
      );
      expect(transports[side].heldBytes === 0, 'frames that the peer has are kept');
    }
  },
);
