import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { encode, type ImageData } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { readImageFile } from '../../src/data/image-file.ts';
import { type Pixels, withChannels, withDepth } from '../../src/data/pixels.ts';
import { decodePng } from '../../src/data/png-file.ts';
import type { Network } from '../../src/nn/network.ts';
import { temporaryFolder } from '../folder.ts';

const [WIDTH, HEIGHT] = [5, 3];
const grey = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => 17 * i);
const colours = Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => 5 * i);

function png(data: ImageData['data'], channels: number, depth: 8 | 16 = 8): Uint8Array {
  return encode({ width: WIDTH, height: HEIGHT, data, channels, depth });
}

/** With an opaque last channel, but for what is said. */
function withAlpha(data: Uint8Array, channels: number, alpha = 255): Uint8Array {
  const pixels = data.length / channels;
  return Uint8Array.from({ length: data.length + pixels }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / (channels + 1)), i % (channels + 1)];
    return channel === channels ? (pixel === 7 ? alpha : 255) : data[pixel * channels + channel];
  });
}

/** Of the forms that the library reads and does not write. */
function packed(
  depth: number,
  kind: number,
  rows: readonly (readonly number[])[],
  palette?: readonly number[],
): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(WIDTH, 0);
  head.writeUInt32BE(rows.length, 4);
  head.set([depth, kind], 8);
  const chunk = (name: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    framed.set(body, 4);
    framed.writeUInt32BE(crc(body), 4 + body.length);
    return framed;
  };
  const lines = Uint8Array.from(rows.flatMap((row) => [0, ...row]));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
    chunk('IHDR', head),
    ...(palette === undefined ? [] : [chunk('PLTE', Uint8Array.from(palette))]),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', new Uint8Array()),
  ]);
}

/** CRC-32 of ISO 3309, bit by bit. */
function crc(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ~rest >>> 0;
}

/** As a network of so many channels takes it, 8 bits a value. */
function readPng(
  bytes: Uint8Array,
  source: string,
  channels: number,
): Omit<Pixels, 'values'> & { pixels: Pixels['values'] } {
  const { rows, columns, ...found } = decodePng(bytes, source);
  const pixels = withDepth(withChannels({ rows, columns, ...found }, channels, source), false);
  return { rows, columns, channels, pixels };
}

describe('a PNG image', () => {
  it.each([
    ['one bit', packed(1, 0, [[0b10110_000], [0b00001_000]]), 1, [255, 0, 255, 255, 0, 0, 0, 0, 0, 255]],
    ['two bits', packed(2, 0, [[0b00_01_10_11, 0b01_000000]]), 1, [0, 85, 170, 255, 85]],
    [
      'a palette',
      packed(4, 3, [[0x01, 0x10, 0x10]], [9, 9, 9, 1, 2, 3]),
      3,
      [9, 9, 9, 1, 2, 3, 1, 2, 3, 9, 9, 9, 1, 2, 3],
    ],
  ])('packed: %s', (_, bytes, channels, pixels) => {
    expect([...readPng(bytes, 'x.png', channels).pixels]).toEqual(pixels);
  });

  it('with an index that its palette lacks is refused', () => {
    const bytes = packed(4, 3, [[0x01, 0x10, 0x20]], [9, 9, 9, 1, 2, 3]);
    expect(() => readPng(bytes, 'x.png', 3)).toThrow('x.png: not readable as PNG');
  });

  it.each([
    ['grey', png(grey, 1), 1, grey],
    [
      'grey, 16 bits',
      png(
        Uint16Array.from(grey, (value) => 257 * value),
        1,
        16,
      ),
      1,
      grey,
    ],
    ['grey, opaque', png(withAlpha(grey, 1), 2), 1, grey],
    ['colours', png(colours, 3), 3, colours],
    ['colours, opaque', png(withAlpha(colours, 3), 4), 3, colours],
    ['grey for a network of three', png(grey, 1), 3, Uint8Array.from(colours, (_, i) => grey[Math.floor(i / 3)])],
    [
      'colours that are all grey, for one',
      png(
        Uint8Array.from(colours, (_, i) => grey[Math.floor(i / 3)]),
        3,
      ),
      1,
      grey,
    ],
  ])('%s', (_, bytes, channels, pixels) => {
    const found = readPng(bytes, 'x.png', channels);
    expect({ ...found, pixels: [...found.pixels] }).toEqual({
      ...{ rows: HEIGHT, columns: WIDTH, channels },
      pixels: [...pixels],
    });
  });

  it('is read where an image is asked for', async () => {
    const path = join(temporaryFolder('png'), 'new.png');
    writeFileSync(path, png(grey, 1));
    const network: Network = { name: 'flat', input: [15], layers: [{ type: 'dense', units: 4 }] };
    const set = await readImageFile(path, { network });
    expect({ ...set, images: [...set.images] }).toMatchObject({
      ...{ name: path, count: 1, rows: HEIGHT, columns: WIDTH, channels: 1, images: [...grey] },
    });
  });

  it('is refused with what is wrong', () => {
    expect(() => readPng(png(withAlpha(grey, 1, 128), 2), 'x.png', 1)).toThrow('x.png: parts of it are transparent');
    expect(() => readPng(png(colours, 3), 'x.png', 1)).toThrow(
      'x.png: an image in colours, the network takes grey ones',
    );
    const damaged = png(grey, 1).slice();
    damaged[45] ^= 1;
    expect(() => readPng(damaged, 'x.png', 1)).toThrow('x.png: not readable as PNG');
    expect(() => readPng(png(grey, 1).slice(0, 30), 'x.png', 1)).toThrow('x.png: not readable as PNG');
    const huge = png(grey, 1).slice();
    new DataView(huge.buffer).setUint32(16, 2 ** 30);
    expect(() => readPng(huge, 'x.png', 1)).toThrow(`x.png: ${2 ** 30} x 3 pixels`);
  });
});
