/** A data set from files that a person has chosen or dropped: IDX, as MNIST's are, also packed (.gz). */
import { imagesOfArray, labelsOfArray } from '../data/formats/array.ts';
import { parseIdx } from '../data/formats/idx.ts';
import type { Elements, ImageShape } from '../data/elements.ts';
import type { RawLabels } from '../data/formats/reader.ts';
import { Problem } from '../data/problem.ts';
import { joinBytes } from '../random/text.ts';

/** What a `File` or `Blob` is to us. */
export interface GivenFile {
  readonly name?: string | undefined;
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> };
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Images and labels of a set, a file each. */
export interface Files {
  readonly files: { readonly images: GivenFile; readonly labels: GivenFile };
  /** How many classes there are, where not every one has an image; or what they are called. */
  readonly classes?: number | readonly string[] | undefined;
}

export interface ReadFiles extends ImageShape {
  readonly images: Elements;
  readonly count: number;
  readonly labels: RawLabels;
  readonly source: string;
}

/** More than a page can hold: what unpacks to more is not unpacked. */
const MOST_BYTES = 2 ** 31;

export async function readFiles({ files }: Files): Promise<ReadFiles> {
  const [name, labelName] = [files.images.name ?? 'images', files.labels.name ?? 'labels'];
  const [bytes, labelBytes] = await Promise.all([bytesOf(files.images, name), bytesOf(files.labels, labelName)]);
  const { images, count, rows, columns, channels } = imagesOfArray(parseIdx(bytes, name), name, {});
  const labels = labelsOfArray(parseIdx(labelBytes, labelName), labelName);
  return { images, labels, count, rows, columns, channels, source: name };
}

async function bytesOf(file: GivenFile, name: string): Promise<Uint8Array> {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const isPacked = head[0] === 0x1f && head[1] === 0x8b;
  if (!isPacked) return new Uint8Array(await file.arrayBuffer());
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    const unpacked = file.stream().pipeThrough(new DecompressionStream('gzip'));
    for (let reader = unpacked.getReader(), read = await reader.read(); !read.done; read = await reader.read()) {
      const part = read.value as Uint8Array;
      length += part.length;
      if (length > MOST_BYTES) throw new Problem(`${name}: unpacks to more than 2 GiB`, 'give a part of it');
      parts.push(part);
    }
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem(`${name}: cannot be unpacked`, 'fetch the file again', { cause });
  }
  return joinBytes(parts);
}
