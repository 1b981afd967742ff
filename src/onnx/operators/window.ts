/** Strides and padding of convolutions and pooling, in all the ways in which files say them. */
import type { Node } from '../node.ts';
import type { Tensor } from '../tensor.ts';

type Pair = readonly [height: number, width: number];
export type Sides = readonly [top: number, left: number, bottom: number, right: number];

export interface Slides {
  readonly strides: Pair;
  readonly padding: Sides;
  readonly output: Pair;
}

function pair(values: readonly number[] | undefined, fallback: Pair, what: string, node: Node): Pair {
  const [height, width] = values ?? fallback;
  if ((values !== undefined && values.length !== 2) || !(height >= 1) || !(width >= 1))
    throw node.problem(`${what} ${values?.join(', ')}: expected two for an image`);
  return [height, width];
}

/**
 * How windows slide over an image of height × width.
 * @param kind pools ignore `pads` beside `auto_pad`, which convolutions refuse
 */
export function slidesOf(node: Node, x: Tensor, image: Pair, window: Pair, kind: 'conv' | 'pool'): Slides {
  const strides = pair(node.integers('strides'), [1, 1], 'strides', node);
  const padding = paddingOf(node, image, window, strides, kind);
  const before = x.pad?.sides ?? [0, 0, 0, 0];
  const all: Sides = [padding[0] + before[0], padding[1] + before[1], padding[2] + before[2], padding[3] + before[3]];
  const rounded = kind === 'pool' && node.integer('ceil_mode', 0) !== 0;
  const [height, bottom] = count(image[0], window[0], strides[0], all[0], all[2], rounded);
  const [width, right] = count(image[1], window[1], strides[1], all[1], all[3], rounded);
  if (height < 1 || width < 1)
    throw node.problem(`a window of ${window.join('x')} over an image of ${image.join('x')}`);
  return { strides, padding: [all[0], all[1], bottom, right], output: [height, width] };
}

/** Windows along an axis, and the padding behind it: more where `ceil_mode` lets the last window hang over. */
function count(
  length: number,
  window: number,
  stride: number,
  before: number,
  after: number,
  rounded: boolean,
): [count: number, after: number] {
  const steps = (length + before + after - window) / stride;
  if (!rounded || Number.isInteger(steps)) return [Math.floor(steps) + 1, after];
  let windows = Math.ceil(steps) + 1;
  // One that would begin in the padding is dropped.
  if ((windows - 1) * stride >= length + before) windows--;
  return [windows, Math.max(after, (windows - 1) * stride + window - length - before)];
}

function paddingOf(node: Node, image: Pair, window: Pair, strides: Pair, kind: 'conv' | 'pool'): Sides {
  const auto = node.text('auto_pad', 'NOTSET');
  const pads = node.integers('pads');
  if (auto === 'NOTSET') {
    if (pads === undefined) return [0, 0, 0, 0];
    if (pads.length !== 4) throw node.problem(`pads ${pads.join(', ')}: expected four for an image`);
    if (pads.some((side) => side < 0)) {
      throw node.problem(`pads ${pads.join(', ')}: padding below zero, which cuts`, 'cut the images before');
    }
    return [pads[0], pads[1], pads[2], pads[3]];
  }
  if (pads?.some((side) => side !== 0) && kind === 'conv') throw node.problem('both auto_pad and pads');
  if (auto === 'VALID') return [0, 0, 0, 0];
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') throw node.problem(`auto_pad ${JSON.stringify(auto)}`);
  const [top, bottom] = same(image[0], window[0], strides[0], auto);
  const [left, right] = same(image[1], window[1], strides[1], auto);
  return [top, left, bottom, right];
}

/** As many windows as the stride alone would give; the odd one goes behind (UPPER) or before (LOWER). */
function same(length: number, window: number, stride: number, auto: 'SAME_UPPER' | 'SAME_LOWER'): [number, number] {
  const all = Math.max(0, (Math.ceil(length / stride) - 1) * stride + window - length);
  const less = Math.floor(all / 2);
  return auto === 'SAME_UPPER' ? [less, all - less] : [all - less, less];
}

/** `stride` and `padding` as a network file says them: in the shortest form. */
export function paddingFields({ strides, padding }: Pick<Slides, 'strides' | 'padding'>): Record<string, unknown> {
  return { ...strideField(strides), ...paddingField(padding) };
}

export function strideField([vertical, horizontal]: Pair): Record<string, unknown> {
  const stride = vertical === horizontal ? vertical : [vertical, horizontal];
  return stride === 1 ? {} : { stride };
}

export function paddingField([top, left, bottom, right]: Sides): Record<string, unknown> {
  if (top !== bottom || left !== right) return { padding: [top, left, bottom, right] };
  if (top !== left) return { padding: [top, left] };
  return top === 0 ? {} : { padding: top };
}
