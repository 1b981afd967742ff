import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChannelError } from '../../src/channel/channel.ts';
import { decodeFrame, encodeFrame, headerBytes, printable, type Frame } from '../../src/channel/frame.ts';

const FRAME: Frame = {
  kind: 'u64',
  sequence: 7,
  depth: 3,
  label: 'train/0:open',
  data: BigUint64Array.of(1n, 2n ** 64n - 1n),
};

function bytesOf(frame: Frame): Uint8Array {
  const { header, payload } = encodeFrame(frame);
  return new Uint8Array(Buffer.concat([header, payload]));
}

/** The bytes at an odd place in memory. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const memory = new Uint8Array(bytes.length + by);
  memory.set(bytes, by);
  return memory.subarray(by);
}

describe('layout', () => {
  it('is what the wire format says', () => {
    const hex = Buffer.from(bytesOf(FRAME)).toString('hex');
    expect(hex.slice(0, 40)).toBe('534e4e66' + '01' + '01' + '0c00' + '07000000' + '03000000' + '02000000');
    expect(hex.slice(48, 80)).toBe(Buffer.from('train/0:open').toString('hex') + '00000000'); // padded from 36 to 40 bytes
    expect(hex.slice(80)).toBe('0100000000000000' + 'ffffffffffffffff');
  });

  it('starts the payload at a multiple of 8 whatever the label', () => {
    for (let length = 1; length <= 512; length++) {
      const { header } = encodeFrame({ ...FRAME, label: 'x'.repeat(length) });
      expect(header.length % 8).toBe(0);
      expect(header.length - 24 - length).toBeLessThan(8);
      expect(headerBytes(length)).toBe(header.length);
    }
  });

  it('does not copy the payload', () => {
    const { payload } = encodeFrame(FRAME);
    expect(payload.buffer).toBe(FRAME.data.buffer);
  });
});

describe('round trip', () => {
  it('of any frame, in one piece or several, anywhere in memory', () => {
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }).map((bytes) => ['u8', bytes] as const),
      fc.bigUint64Array({ maxLength: 400 }).map((elements) => ['u64', elements] as const),
    );
    const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const label = fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(
        data,
        u32,
        u32,
        label,
        fc.nat(7),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (typed, sequence, depth, name, shift, cut) => {
          const frame = { kind: typed[0], sequence, depth, label: name, data: typed[1] };
          const { header, payload } = encodeFrame(frame);
          const whole = bytesOf(frame);
          const at = Math.floor(cut * whole.length);
          expect(decodeFrame([whole])).toEqual(frame);
          expect(decodeFrame([shifted(whole, shift)])).toEqual(frame);
          expect(decodeFrame([Buffer.from(whole)])).toEqual(frame);
          expect(decodeFrame([header, shifted(payload, shift)])).toEqual(frame);
          expect(decodeFrame([whole.subarray(0, at), whole.subarray(at)])).toEqual(frame);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('views an aligned payload, copies one that is not, or that would keep a larger buffer alive', () => {
    const large: Frame = { ...FRAME, data: new BigUint64Array(1000).fill(5n) };
    const whole = bytesOf(large);
    expect(decodeFrame([whole]).data.buffer).toBe(whole.buffer);
    const odd = shifted(whole, 3);
    const decoded = decodeFrame([odd]).data;
    expect(decoded).toEqual(large.data);
    expect(decoded.buffer).not.toBe(odd.buffer);
    const pool = new Uint8Array(65_536);
    pool.set(bytesOf(FRAME), 8);
    expect(decodeFrame([pool.subarray(8, 8 + bytesOf(FRAME).length)]).data.buffer.byteLength).toBe(16);
  });

  it('takes payloads in shared memory', () => {
    const shared = new BigUint64Array(new SharedArrayBuffer(32), 8, 2);
    shared.set([5n, 6n]);
    expect(decodeFrame([bytesOf({ ...FRAME, data: shared })]).data).toEqual(BigUint64Array.of(5n, 6n));
  });
});

describe('what encode refuses', () => {
  it.each<[string, Partial<Frame>, string]>([
    ['a long label', { label: 'y'.repeat(513) }, 'has 513 characters, the limit is 512'],
    ['an empty label', { label: '' }, 'a u64 message needs a label'],
    ['a labelled bye', { kind: 'bye' }, 'a bye message has no label'],
    ['other characters', { label: 'tränen' }, 'label "tr?nen": character 2 is not printable ASCII'],
    ['control characters', { label: 'a\nb' }, 'label "a?b": character 1 is not printable ASCII'],
    ['a negative depth', { depth: -1 }, '"train/0:open": depth -1 is not in 0…2^32−1'],
    ['a sequence number too large', { sequence: 2 ** 32 }, 'sequence number 4294967296 is not in 0…2^32−1'],
  ])('%s', (_what, change, text) => {
    expect(() => encodeFrame({ ...FRAME, ...change })).toThrow(text);
    expect(() => encodeFrame({ ...FRAME, ...change })).toThrow(ChannelError);
  });

  it('a frame above the limit', () => {
    expect(() => encodeFrame(FRAME, 55)).toThrow(
      '"train/0:open": a frame of 56 bytes exceeds the limit of 55: send it in chunks',
    );
    expect(encodeFrame(FRAME, 56).header.length).toBe(40);
    expect(() => decodeFrame([bytesOf(FRAME)], 55)).toThrow('a frame of 56 bytes exceeds the limit of 55');
  });
});

describe('what decode refuses', () => {
  const whole = bytesOf(FRAME);

  it('every truncation and every extension', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeFrame([whole.slice(0, length)]), `cut to ${length}`).toThrow(ChannelError);
    }
    for (const extra of [1, 7, 8]) {
      expect(() => decodeFrame([whole, new Uint8Array(extra)])).toThrow(
        `${16 + extra} bytes of payload, expected 16 for 2 elements`,
      );
    }
    expect(() => decodeFrame([])).toThrow('a frame of 0 bytes is shorter than a header');
  });

  it('every change of one byte of the header', () => {
    for (let at = 0; at < 40; at++) {
      for (let bits = 1; bits < 256; bits++) {
        const changed = whole.slice();
        changed[at] ^= bits;
        expect(() => decodeFrame([changed]), `byte ${at} ^ ${bits}`).toThrow(ChannelError);
      }
    }
  });

  it('random bytes, with and without a true beginning', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, begin) => {
        if (begin) bytes.set(whole.subarray(0, Math.min(6, bytes.length)));
        expect(() => decodeFrame([bytes])).toThrow(ChannelError);
      }),
      { numRuns: 2000 },
    );
  });

  /** A frame with fields changed and a right check: what a faulty or hostile peer can send. */
  function forged(change: (view: DataView) => void): Uint8Array {
    const bytes = whole.slice();
    const view = new DataView(bytes.buffer);
    change(view);
    let hash = 0x811c9dc5;
    for (let i = 0; i < headerBytes(view.getUint16(6, true)) && i < bytes.length; i++) {
      if (i < 20 || i >= 24) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    }
    view.setUint32(20, hash >>> 0, true);
    return bytes;
  }

  it.each<[string, (view: DataView) => void, string]>([
    ['magic', (v) => v.setUint8(3, 0x46), 'not a frame: it does not begin with SNNf'],
    ['version', (v) => v.setUint8(4, 2), 'frame version 2, expected 1'],
    ['kind', (v) => v.setUint8(5, 4), 'unknown frame kind 4'],
    ['type', (v) => v.setUint8(5, 0), '"train/0:open": 16 bytes of payload, expected 2 for 2 elements'],
    ['control kind', (v) => v.setUint8(5, 3), 'a bye frame with a label'],
    ['label length 0', (v) => v.setUint16(6, 0, true), 'a u64 frame without a label'],
    ['label beyond the frame', (v) => v.setUint16(6, 500, true), 'is cut short: its header has 528'],
    ['shorter label', (v) => v.setUint16(6, 9, true), 'frame padding is not zero'],
    ['label character', (v) => v.setUint8(24, 0x7f), 'label byte 0 is 0x7f, expected printable ASCII'],
    ['count', (v) => v.setUint32(16, 2 ** 32 - 1, true), 'expected 34359738360 for 4294967295 elements'],
    ['padding', (v) => v.setUint8(38, 1), 'frame padding is not zero'],
  ])('a forged %s', (_what, change, text) => {
    expect(() => decodeFrame([forged(change)])).toThrow(text);
  });

  it('a label above the limit', () => {
    const bytes = new Uint8Array(1024);
    bytes.set(whole);
    new DataView(bytes.buffer).setUint16(6, 513, true);
    expect(() => decodeFrame([bytes])).toThrow(ChannelError);
  });
});

it('printable cuts and cleans', () => {
  expect(printable('a\x1b[31m\nü€')).toBe('a?[31m???');
  expect(printable('x'.repeat(600))).toHaveLength(500);
});
