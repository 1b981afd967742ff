/** Frames as a faulty or hostile peer sends them, alone and on a link. */
import fc from 'fast-check';
import { ChannelError } from '../../src/channel/channel.ts';
import { decodeFrame, encodeFrame, type Frame, type FrameKind } from '../../src/channel/frame.ts';
import { FrameLink } from '../../src/channel/link.ts';
import { Inlet, type Transport } from '../../src/channel/transport.ts';
import { change, changed, expect, fuzz, type Fuzz } from './fuzz.ts';

const label = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)), minLength: 1, maxLength: 40, size: "max" }); // prettier-ignore
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const bytes = fc.uint8Array({ maxLength: 200, size: 'max' });
const message: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constant<FrameKind>('u8'), sequence: u32, depth: u32, label, data: bytes }),
  fc.record({
    ...{ kind: fc.constant<FrameKind>('u64'), sequence: u32, depth: u32, label },
    data: fc.bigUint64Array({ maxLength: 30, size: 'max' }),
  }),
  fc.record({
    ...{ kind: fc.constantFrom<FrameKind>('abort', 'bye'), sequence: u32, depth: u32, label: fc.constant('') },
    data: bytes,
  }),
);

function wire(frame: Frame): Uint8Array {
  const { header, payload } = encodeFrame(frame);
  return new Uint8Array(Buffer.concat([header, payload]));
}

const someBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 300, size: 'max' }),
  fc.tuple(message, fc.array(change, { maxLength: 4 })).map(([frame, changes]) => changed(wire(frame), changes)),
);

/** Pieces of the bytes, cut at these places. */
function pieces(whole: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return places.map((to, i) => whole.subarray(i === 0 ? 0 : places[i - 1], to));
}

export const FRAMES: Fuzz = fuzz(
  'frames',
  0.4,
  fc.tuple(someBytes, fc.array(fc.nat(400), { maxLength: 3 })),
  ([whole, cuts]) => {
    let frame: Frame;
    try {
      frame = decodeFrame(pieces(whole, cuts));
    } catch (error) {
      return expect(error instanceof ChannelError, `decodeFrame threw ${String(error)}`);
    }
    expect(Buffer.from(wire(frame)).equals(whole), 'a frame that is taken is not what was sent');
  },
);

/** A link whose peer sends what it likes, while somebody waits for a message and then for another one. */
export const LINKS: Fuzz = fuzz(
  'frames on a link',
  0.15,
  fc.array(
    fc.oneof(
      someBytes,
      fc
        .tuple(message, fc.boolean())
        .map(([frame, known]) => (known && frame.label !== '' ? { ...frame, label: 'x' } : frame)),
    ),
    { maxLength: 8 },
  ),
  async (said) => {
    const inlet = new Inlet();
    const transport: Transport = {
      send: () => undefined,
      attach: (sink) => inlet.attach(sink),
      detach: () => inlet.detach(),
      close: () => Promise.resolve(inlet.end('closed')),
      destroy: () => inlet.end('cut'),
    };
    const link = new FrameLink('P0', 'P1', transport, { timeoutMs: 60_000, inboxBytes: 10_000 });
    const waiting = [link.receive('x', 'u8', 3), link.receiveUpTo('y', 'u64', 5)];
    for (const [i, one] of said.entries()) {
      inlet.frame([one instanceof Uint8Array ? one : wire({ ...one, sequence: i })]);
    }
    inlet.end('the connection broke');
    const settled = await Promise.allSettled(waiting);
    for (const outcome of settled)
      if (outcome.status === 'rejected')
        expect(outcome.reason instanceof ChannelError, `a wait ended with ${String(outcome.reason)}`);
    await link.failed;
  },
);
