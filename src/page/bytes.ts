/** Bytes made visible: as grey pixels, as hexadecimal digits, as a size. */
import { SIDE } from './digit.ts';

/** An element of a message, 64 bits, little endian. */
const ELEMENT = 8;

/** One grey pixel a value, from black. */
export function drawGrey(canvas: HTMLCanvasElement, values: ArrayLike<number>): void {
  [canvas.width, canvas.height] = [SIDE, SIDE];
  const image = new ImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) image.data.set([values[i], values[i], values[i], 255], 4 * i);
  // Kept in memory: what is shown is small, and may be read back.
  canvas.getContext('2d', { willReadFrequently: true })!.putImageData(image, 0, 0);
}

/** Of each element its highest byte, that which a picture would show first. */
export function highestBytes(elements: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: elements.length / ELEMENT }, (_, i) => elements[ELEMENT * i + ELEMENT - 1]);
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The beginning, in groups that an eye can hold. */
export function shortHex(bytes: Uint8Array, count = 8): string {
  const groups = hex(bytes.subarray(0, count)).match(/.{1,4}/g) ?? [];
  return groups.join(' ') + (bytes.length > count ? ' …' : '');
}

/** An element as people write numbers: highest digit first. */
export function elementHex(elements: Uint8Array, i: number): string {
  return hex(elements.slice(ELEMENT * i, ELEMENT * (i + 1)).reverse());
}

export function size(bytes: number): string {
  return `${bytes.toLocaleString('en')} ${bytes === 1 ? 'byte' : 'bytes'}`;
}
