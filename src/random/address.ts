/**
 * Where a stream stands among all under one key (`streams.ts`): its address, and the counter block of each place in it. Both ways to draw masks
 * (`primitives.ts`) take it from here.
 */
import { sha256 } from '#aes';
import { BLOCK_BYTES } from './aes.ts';

const ADDRESS_BYTES = 12;
/** 2^32 blocks of 16 bytes, after which the counter would come to its first value again. */
export const STREAM_BYTES: number = 2 ** 36;

const utf8 = new TextEncoder();
/** Where short addresses are written; UTF-8 takes at most three bytes for each code unit. */
const ADDRESS_TEXT = new Uint8Array(1024);

/** SHA-256, of which the first 12 bytes are the address. */
export function addressOf(path: string, purpose: string): Uint8Array {
  const most = 8 + 3 * (path.length + purpose.length);
  const text = most <= ADDRESS_TEXT.length ? ADDRESS_TEXT : new Uint8Array(most);
  const end = putText(text, putText(text, 0, path), purpose);
  return sha256(text.subarray(0, end));
}

/** A text behind its length; returns where it ends. */
function putText(bytes: Uint8Array, at: number, text: string): number {
  const from = at + 4;
  let units = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    units |= unit;
    bytes[from + i] = unit;
  }
  const length = units < 0x80 ? text.length : putUnicode(bytes, from, text); // of ASCII, as nearly all are, it is written
  for (let i = 0; i < 4; i++) bytes[at + i] = length >>> (24 - 8 * i);
  return from + length;
}

/** UTF-8 of a text; returns how many bytes. */
function putUnicode(bytes: Uint8Array, at: number, text: string): number {
  // Lone surrogates all become U+FFFD in UTF-8, so they would let two addresses meet.
  if (/\p{Surrogate}/u.test(text)) throw new RangeError('a stream address must be well-formed Unicode');
  return utf8.encodeInto(text, bytes.subarray(at)).written;
}

/** Block `from` of the stream at an address. */
export function counterBlock(address: Uint8Array, from: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(address.subarray(0, ADDRESS_BYTES));
  new DataView(block.buffer).setUint32(ADDRESS_BYTES, from);
  return block;
}

/** Throws unless a stream has elements from … from + n − 1 of Z_{2^64}. */
export function checkPlace(from: number, n: number): void {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(n) && from >= 0 && n >= 0 && 8 * (from + n) <= STREAM_BYTES))
    throw new RangeError(`elements ${from} … ${from + n} of a random stream: it has ${STREAM_BYTES / 8}`);
}
