/** What a file holds, by its first bytes: for errors about files that are something else. Bytes in, words out; no IO. */

const BEGINNINGS: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['a gzip file', [0x1f, 0x8b]],
  ['a PNG image', [0x89, 0x50, 0x4e, 0x47]],
  ['a JPEG image', [0xff, 0xd8, 0xff]],
  ['a NumPy array (.npy)', [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
  ['a zip archive (PyTorch .pt, Keras .keras and NumPy .npz are such)', [0x50, 0x4b, 0x03, 0x04]],
  ['an HDF5 file (Keras .h5 is one)', [0x89, 0x48, 0x44, 0x46]],
  ['a Parquet file', [0x50, 0x41, 0x52, 0x31]],
  ['a GGUF model', [0x47, 0x47, 0x55, 0x46]],
  ['a Python pickle', [0x80, 0x02]],
  ['a Python pickle', [0x80, 0x03]],
  ['a Python pickle', [0x80, 0x04]],
  ['a Python pickle', [0x80, 0x05]],
];

/** Read at the beginning of a file to tell text from bytes. */
const LOOKED_AT = 256;

/** Words for the error, or undefined when the bytes say nothing. */
export function formatOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'an empty file';
  const known = BEGINNINGS.find(([, beginning]) => beginning.every((byte, i) => bytes[i] === byte));
  if (known !== undefined) return known[0];
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, LOOKED_AT));
  if (/^\s*<(!doctype|html)/i.test(text)) return 'a web page (HTML): the download failed';
  if (/^version https:\/\/git-lfs/.test(text)) return 'a pointer of Git LFS in place of the file';
  return /^[\t\n\r\x20-\x7e]+$/.test(text) ? 'text' : undefined;
}
