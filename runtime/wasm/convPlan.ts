/**
 * How a convolution is cut into calls, and what part of each tensor a call takes. The three maps have the same pieces: windows of some
 * images, rows of the kernel, filters. Which of image, filter and output is the result makes no difference here but for the room.
 */
import { convOutput, type ConvMap, type ConvShape } from '../compute.ts';
import { TILE, spans, type Span } from './gemm.ts';
import { REGION_BYTES, roomFor } from './kernels.ts';

export type Role = 'image' | 'filter' | 'output';

/** The operands and the result of each map. */
export const ROLES: Readonly<Record<ConvMap, { readonly x: Role; readonly y: Role; readonly out: Role }>> = {
  forward: { x: 'image', y: 'filter', out: 'output' },
  inputGradient: { x: 'output', y: 'filter', out: 'image' },
  weightGradient: { x: 'image', y: 'output', out: 'filter' },
};

/** The part of a convolution that one call computes. `windows` and `taps` are rows of the output and of the kernel. */
export interface Piece {
  readonly images: Span;
  readonly windows: Span;
  readonly taps: Span;
  readonly filters: Span;
}

/** Share of a region for the filter, for one row of windows of output and image. */
const FILTER_BYTES_LIMIT = 6 * 1024 * 1024;
const OUTPUT_ROW_BYTES_LIMIT = 4 * 1024 * 1024;
const IMAGE_ROW_BYTES_LIMIT = 5 * 1024 * 1024;
/** Image and output of a call, unless one row takes more: they should stay in the caches between copy and kernel. */
const BAND_BYTES = 2 * 1024 * 1024;
/** A frame is thirteen u32. */
export const FRAME_BYTES: number = 4 * 13;

/** Elements of image, filter and output. */
export function lengths(shape: ConvShape): Record<Role, number> {
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  return {
    image: batch * height * width * channels,
    filter: kernelHeight * kernelWidth * channels * filters,
    output: batch * outHeight * outWidth * filters,
  };
}

/** Cuts into pieces that fit a region, at least `parts` if there are enough rows of windows. */
export function pieces(map: ConvMap, shape: ConvShape, terms: number, parts: number): Piece[] {
  const { batch, channels, kernelHeight, kernelWidth, stride } = shape;
  const [outHeight, outWidth] = convOutput(shape);
  const { out } = ROLES[map];
  // An operand comes in once for each term.
  const bytesOf = (role: Role): number => 8 * (role === out ? 1 : terms);
  const tapRow = bytesOf('filter') * kernelWidth * channels;
  const imageRow = bytesOf('image') * paddedRow(shape).length;
  const windowRow = bytesOf('output') * outWidth;

  const filterLimit = Math.min(
    Math.floor(FILTER_BYTES_LIMIT / (kernelHeight * tapRow)),
    Math.floor(OUTPUT_ROW_BYTES_LIMIT / windowRow),
  );
  const filterSpans = spans(shape.filters, Math.max(TILE, filterLimit));
  const filters = filterSpans[0].end;
  const tapLimit = Math.min(
    Math.floor(FILTER_BYTES_LIMIT / (filters * tapRow)),
    Math.floor(IMAGE_ROW_BYTES_LIMIT / imageRow),
  );
  if (tapLimit < 1 || filters * windowRow > OUTPUT_ROW_BYTES_LIMIT) {
    const sizes = `${shape.width} pixels of ${channels} channels, padding ${shape.padding}, under a kernel ${kernelWidth} wide`;
    throw new RangeError(`conv: a row of ${sizes} is more than a call can take`);
  }
  const tapSpans = spans(kernelHeight, tapLimit, 1);
  const taps = tapSpans[0].end;

  const fixed = roomFor(FRAME_BYTES) + roomFor(filters * taps * tapRow) + 2 * roomFor(0);
  const firstRow = taps * imageRow + filters * windowRow;
  const nextRow = stride * imageRow + filters * windowRow;
  const room = Math.min(REGION_BYTES - fixed, Math.max(BAND_BYTES, firstRow));
  const wholeImage = firstRow + (outHeight - 1) * nextRow;
  const together = evenShare(batch, parts, Math.max(1, Math.floor(room / wholeImage)));
  const band = evenShare(outHeight, Math.ceil(parts / batch), Math.floor((room - firstRow) / nextRow) + 1);

  return spans(batch, together, 1).flatMap((images) =>
    spans(outHeight, band, 1).flatMap((windows) =>
      tapSpans.flatMap((tapSpan) =>
        filterSpans.map((filterSpan) => ({ images, windows, taps: tapSpan, filters: filterSpan })),
      ),
    ),
  );
}

/** Length of a span of at most `limit` such that each of `parts` workers gets equally many of them. */
function evenShare(length: number, parts: number, limit: number): number {
  const share = Math.ceil(length / parts);
  return Math.ceil(share / Math.ceil(share / limit));
}

/** A row of a padded image, in values: zeros, a row of the image, zeros as far as windows reach. */
function paddedRow(shape: ConvShape): { left: number; plain: number; right: number; length: number } {
  const { width, channels, kernelWidth, stride, padding } = shape;
  const [, outWidth] = convOutput(shape);
  const left = padding * channels;
  const plain = width * channels;
  const right = Math.max(0, (outWidth - 1) * stride + kernelWidth - padding - width) * channels;
  return { left, plain, right, length: left + plain + right };
}

/** Rows that a piece's windows cover: zeros above, rows of the image, zeros below. */
function coveredRows({ height, stride, padding }: ConvShape, { windows, taps }: Piece): Cover {
  const from = windows.start * stride + taps.start - padding;
  const to = (windows.end - 1) * stride + taps.end - padding;
  const start = Math.min(Math.max(from, 0), height);
  const end = Math.min(Math.max(to, start), height);
  const top = Math.min(Math.max(0, -from), to - from);
  return { top, rows: { start, end }, bottom: to - from - top - (end - start) };
}

interface Cover {
  readonly top: number;
  readonly rows: Span;
  readonly bottom: number;
}

/** Elements of a piece's part of each tensor, and of the padded images. */
export function pieceLengths(shape: ConvShape, piece: Piece): Record<Role | 'padded', number> {
  const [, outWidth] = convOutput(shape);
  const { top, rows, bottom } = coveredRows(shape, piece);
  const { plain, length } = paddedRow(shape);
  const images = size(piece.images);
  const filters = size(piece.filters);
  return {
    image: images * size(rows) * plain,
    padded: images * (top + size(rows) + bottom) * length,
    filter: size(piece.taps) * shape.kernelWidth * shape.channels * filters,
    output: images * size(piece.windows) * outWidth * filters,
  };
}

/** Geometry of a piece's images for the kernels: class Frame of assembly/convPack.ts. */
export function frameOf(shape: ConvShape, piece: Piece): Uint32Array {
  const { channels, kernelWidth, stride } = shape;
  const [, outWidth] = convOutput(shape);
  const { top, rows, bottom } = coveredRows(shape, piece);
  const { left, plain, right, length } = paddedRow(shape);
  return Uint32Array.of(
    size(piece.images),
    ...[top, size(rows), bottom],
    ...[left, plain, right],
    ...[size(piece.windows), outWidth],
    ...[stride * length, stride * channels],
    ...[size(piece.taps), kernelWidth * channels],
  );
}

/** Whether the piece is all there is to its part of the result. */
export function isAlone(map: ConvMap, shape: ConvShape, { images, windows, taps, filters }: Piece): boolean {
  const [outHeight] = convOutput(shape);
  const allTaps = size(taps) === shape.kernelHeight;
  const allWindows = size(windows) === outHeight;
  switch (map) {
    case 'forward':
      return allTaps;
    case 'inputGradient':
      return allTaps && allWindows && size(filters) === shape.filters;
    case 'weightGradient':
      return allWindows && size(images) === shape.batch;
  }
}

/** Calls `visit` for each stretch of adjacent elements of the piece's part of a tensor, in order. */
export function eachRun(role: Role, shape: ConvShape, piece: Piece, visit: (at: number, length: number) => void): void {
  const { images, windows, taps, filters } = piece;
  const [outHeight, outWidth] = convOutput(shape);
  if (role === 'image') {
    const row = shape.width * shape.channels;
    eachPart(images, shape.height, coveredRows(shape, piece).rows, (start, end) =>
      visit(start * row, (end - start) * row),
    );
    return;
  }
  // Output and filter are rows of filters.
  const row = role === 'output' ? outWidth : shape.kernelWidth * shape.channels;
  const width = size(filters);
  const visitRows = (start: number, end: number): void => {
    if (width === shape.filters) {
      visit(start * row * width, (end - start) * row * width);
      return;
    }
    for (let i = start * row; i < end * row; i++) visit(i * shape.filters + filters.start, width);
  };
  if (role === 'output') eachPart(images, outHeight, windows, visitRows);
  else visitRows(taps.start, taps.end);
}

/** The same rows of each image, or all rows of all images at once. */
function eachPart(images: Span, height: number, rows: Span, visit: (start: number, end: number) => void): void {
  if (size(rows) === height) {
    visit(images.start * height, images.end * height);
    return;
  }
  for (let image = images.start; image < images.end; image++)
    visit(image * height + rows.start, image * height + rows.end);
}

export function size({ start, end }: Span): number {
  return end - start;
}
