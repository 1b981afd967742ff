/** What the header of a JPEG file says, before anything is decoded; for Node and pages alike. */
import { checkPixels } from './pixels.ts';
import { Problem } from './problem.ts';

export interface Frame {
  readonly components: number;
  readonly rows: number;
  readonly columns: number;
}

/** From the header of its frame (ITU T.81, B.2.2), before anything is decoded. */
function frameOf(bytes: Uint8Array, source: string): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++; // A fill byte.
      continue;
    }
    const length = view.getUint16(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && at + 10 <= bytes.length) {
      if (bytes[at + 4] !== 8) {
        throw new Problem(`${source}: ${bytes[at + 4]} bits a value`, 'save it as JPEG of 8 bits, or as PNG');
      }
      return { rows: view.getUint16(at + 5), columns: view.getUint16(at + 7), components: bytes[at + 9] };
    }
    at += 2 + length;
  }
  throw unreadable(source, 'no image in it');
}

/** Of a picture that is taken: 8 bits a value, grey or in red, green and blue, and not too large. */
export function checkedFrame(bytes: Uint8Array, source: string): Frame {
  const frame = frameOf(bytes, source);
  const { components, rows, columns } = frame;
  checkPixels(columns, rows, source);
  if (components !== 1 && components !== 3) {
    throw new Problem(`${source}: ${components} colours a pixel (CMYK)`, 'save it in red, green and blue, or grey');
  }
  return frame;
}

export function unreadable(source: string, why: string, cause?: unknown): Problem {
  return new Problem(`${source}: not readable as JPEG: ${why}`, 'save it again', { cause });
}
