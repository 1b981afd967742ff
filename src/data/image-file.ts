/** Images to classify that stand in a file of their own, with or without labels in another. */
import { inputSize, type Network } from '../nn/network.ts';
import type { ImageSet } from './dataset.ts';
import { imagesOf, readBytes, readLabels } from './mnist.ts';
import { Problem } from './problem.ts';
import { OF_BYTES } from './scaling.ts';

/** An IDX file of unsigned bytes with three dimensions, as of images. */
const MAGIC = [0, 0, 8, 3] as const;
const PNG_MAGIC = [0x89, 0x50, 0x4e, 0x47] as const;

/**
 * An IDX file of images; one PNG image; or one image of as many bytes as the network has inputs: a byte a pixel, row by row, channels innermost.
 * They may be gzipped.
 */
export async function readImageFile(path: string, network: Network, labels?: string): Promise<ImageSet> {
  const bytes = await readBytes(path);
  const begins = (magic: readonly number[]): boolean => magic.every((byte, i) => bytes[i] === byte);
  const alone = begins(PNG_MAGIC) ? pngImage : rawImage;
  const images = begins(MAGIC) ? imagesOf(bytes, path) : await alone(bytes, path, network);
  const known = labels === undefined ? undefined : await readLabels(labels, images);
  return { channels: 1, scaling: OF_BYTES, ...images, name: path, labels: known };
}

type Alone = Omit<ImageSet, 'name' | 'labels' | 'scaling'> & { readonly source: string };

async function pngImage(bytes: Uint8Array, source: string, network: Network): Promise<Alone> {
  // Loaded for those who have such a file: every command would wait for it.
  const { readPng } = await import('./png-file.ts');
  const { pixels, ...size } = readPng(bytes, source, network.input[2] ?? 1);
  return { images: pixels, count: 1, ...size, source };
}

function rawImage(bytes: Uint8Array, source: string, network: Network): Alone {
  const size = inputSize(network);
  if (bytes.length !== size) {
    throw new Problem(
      `--images: ${source}: neither an IDX file of images, nor a PNG image, nor one image of ${size} bytes, as network ${network.name} takes: found ${bytes.length} bytes`,
      'give an IDX file as MNIST has them (docs/data.md), a PNG image, or one image with a byte for each pixel',
    );
  }
  const [rows, columns, channels] = network.input.length === 3 ? network.input : [1, size, 1];
  return { images: bytes, count: 1, rows, columns, channels, source };
}
