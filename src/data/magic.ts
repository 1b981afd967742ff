/** By what files begin with, whatever they are called. */

export const PNG_MAGIC = [0x89, 0x50, 0x4e, 0x47] as const;
export const JPEG_MAGIC = [0xff, 0xd8, 0xff] as const;

export function begins(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
