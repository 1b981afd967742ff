/** Pooling: windows, the whole image, and padding that stands as a node of its own. */
import type { Constant } from '../constant.ts';
import { axisOf, reduced } from '../fold.ts';
import type { Node } from '../node.ts';
import { type Context, given, type Inputs, type Operator, optionalConstant, tensorAt, unpadded } from '../operator.ts';
import { alone, imageOf, shapeOf, type Tensor } from '../tensor.ts';
import { shown } from '../words.ts';
import { paddingField, slidesOf, strideField } from './window.ts';

function pool(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = tensorAt(inputs, 0, node);
  const [height, width, channels] = imageOf(x, node.where);
  const type = node.operator === 'MaxPool' ? 'maxpool' : 'averagepool';
  const kernel = node.integers('kernel_shape') ?? [];
  if (kernel.length !== 2) throw node.problem(`kernel_shape ${kernel.join(', ')}: expected two for an image`);
  const [windowHeight, windowWidth] = kernel;
  const dilations = node.integers('dilations') ?? [1, 1];
  if (dilations.some((dilation, i) => dilation !== 1 && kernel[i] !== 1))
    throw node.problem(`dilations ${dilations.join(', ')}`, 'windows without gaps are known: use dilation 1');
  if (node.outputs.length > 1 && node.outputs[1] !== '')
    context.note('note', `${node.where}: its second output, the places of the largest, is not computed`);
  checkPad(x, type, node);
  const slides = slidesOf(node, x, [height.size, width.size], [windowHeight, windowWidth], 'pool');
  const { padding, output } = slides;
  const counted = type === 'averagepool' && counts(node, x, padding);
  const padded = padding.some((side) => side > 0);
  const layer = context.layer(node, [x.source], {
    type,
    fields: {
      window: windowHeight === windowWidth ? windowHeight : [windowHeight, windowWidth],
      ...(windowHeight === windowWidth && slides.strides.every((stride) => stride === windowHeight)
        ? {}
        : { stride: 1, ...strideField(slides.strides) }),
      ...paddingField(padding),
      ...(type === 'averagepool' && padded && !counted && { countPadding: false }),
    },
  });
  const axes = [{ size: output[0] }, { size: output[1] }, channels];
  return [given(layer, axes, [[context.batch], alone(channels), alone(axes[0]), alone(axes[1])])];
}

/** Whether the zeros of the padding are part of an average. */
function counts(node: Node, x: Tensor, padding: readonly number[]): boolean {
  const include = node.integer('count_include_pad', 0) !== 0;
  const own = node.integers('pads') ?? [0, 0, 0, 0];
  const zeros = x.pad?.sides ?? [0, 0, 0, 0];
  const said = own.map((side, i) => side + zeros[i]);
  const hangsOver = padding.some((side, i) => side > said[i] && node.text('auto_pad', 'NOTSET') === 'NOTSET');
  const before = zeros.some((side) => side > 0);
  const ownPads = own.some((side) => side > 0) || node.text('auto_pad', 'NOTSET').startsWith('SAME');
  if ((hangsOver && (include || before) && said.some((side) => side > 0)) || (before && ownPads && !include)) {
    throw node.problem(
      'an average of which part of the padding counts and part does not (ceil_mode with count_include_pad)',
      'use ceil_mode=False, or padding 0',
    );
  }
  // Only what hangs over lies outside the image then, and that counts nowhere, whatever `count_include_pad` says.
  return before || (include && !hangsOver);
}

/** Padding before a maxpool must never win, or be what the pool would take itself. */
function checkPad(x: Tensor, type: 'maxpool' | 'averagepool', node: Node): void {
  if (x.pad === undefined) return;
  const positive = ['relu', 'relu6', 'sigmoid'].includes(x.source?.type ?? 'input');
  const neutral = type === 'averagepool' ? x.pad.value === 0 : x.pad.value < -1e30 || (x.pad.value === 0 && positive);
  if (!neutral) {
    throw node.problem(
      `padding with ${x.pad.value} before it`,
      type === 'maxpool' ? "use the pool's own padding, which is never the largest" : 'pad with zeros',
    );
  }
}

function globalAverage(x: Tensor, node: Node, context: Context, keep: boolean): Tensor {
  const [, , channels] = imageOf(unpadded(x, node), node.where);
  const layer = context.layer(node, [x.source], { type: 'globalaveragepool' });
  const tail = keep ? [[], []] : [];
  return given(layer, [channels], [[context.batch], alone(channels), ...tail]);
}

/** The whole image as one window. */
function largest(x: Tensor, node: Node, context: Context, dims: Tensor['dims']): Tensor {
  const [height, width, channels] = x.axes;
  const window = height.size === width.size ? height.size : [height.size, width.size];
  const square = typeof window === 'number';
  const layer = context.layer(node, [x.source], { type: 'maxpool', fields: { window, ...(!square && { stride: 1 }) } });
  return given(layer, [{ size: 1 }, { size: 1 }, channels], dims);
}

function globalMax(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = unpadded(tensorAt(inputs, 0, node), node);
  const [, , channels] = imageOf(x, node.where);
  return [largest(x, node, context, [[context.batch], alone(channels), [], []])];
}

/** The axes that are reduced, counted from 0; undefined: all. In an attribute, in newer versions in an input. */
function reducedAxes(inputs: Inputs, node: Node, rank: number): number[] | undefined {
  const axes = node.integers('axes') ?? optionalConstant(inputs, 1, node, 'axes')?.data;
  if (axes === undefined || axes.length === 0) return undefined;
  return Array.from(axes, (axis) => axisOf(axis, rank, node.where));
}

/** The file's axes of what is left of an image when height and width are reduced, found by their places: Keras has channels last. */
function reducedImage(x: Tensor, inputs: Inputs, node: Node, what: string): Tensor['dims'] {
  const axes = reducedAxes(inputs, node, x.dims.length) ?? [];
  const keep = node.integer('keepdims', 1) !== 0;
  const spatial = x.vector ? [] : alone(x.axes[0], x.axes[1]);
  const over = axes.flatMap((axis) => x.dims[axis]);
  if (x.vector || axes.includes(0) || over.length !== spatial.length || !spatial.every((axis) => over.includes(axis))) {
    throw node.problem(
      `a ${what} over axes ${axes.join(', ') || 'all'} of ${shown(shapeOf(x))}`,
      'of height and width of an image together it is known',
    );
  }
  return x.dims.flatMap((dim, i) => (axes.includes(i) ? (keep ? [[]] : []) : [dim]));
}

function reduceMean(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = unpadded(tensorAt(inputs, 0, node), node);
  const dims = reducedImage(x, inputs, node, 'mean');
  const layer = context.layer(node, [x.source], { type: 'globalaveragepool' });
  return [given(layer, [x.axes[2]], dims)];
}

/** What PyTorch's newer exporter makes of AdaptiveMaxPool2d(1). */
function reduceMax(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = unpadded(tensorAt(inputs, 0, node), node);
  return [largest(x, node, context, reducedImage(x, inputs, node, 'maximum'))];
}

function reduceOf(
  combine: (a: number, b: number) => number,
  start: number,
  last: (result: number, count: number) => number = (result) => result,
): NonNullable<Operator['constants']> {
  return (inputs, node) => {
    const [x] = inputs;
    if (x === undefined) throw node.problem('its input is missing');
    const none = node.integer('noop_with_empty_axes', 0) !== 0 ? [] : x.shape.map((_, i) => i);
    const axes = reducedAxes(inputs, node, x.shape.length) ?? none;
    const results = reduced(x, axes, node.integer('keepdims', 1) !== 0, combine, start);
    const count = axes.reduce((product, axis) => product * x.shape[axis], 1);
    return [{ ...results, data: results.data.map((result) => last(result, count)) }];
  };
}

/** Zeros, or the smallest number, around an image: the next layer takes them along. */
function pad(inputs: Inputs, node: Node): Tensor[] {
  const x = unpadded(tensorAt(inputs, 0, node), node);
  if (node.text('mode', 'constant') !== 'constant')
    throw node.problem(`padding of mode ${node.text('mode', '')}`, 'zeros are known');
  const pads = [...(node.integers('pads') ?? optionalConstant(inputs, 1, node, 'pads')?.data ?? [])];
  const value = optionalConstant(inputs, 2, node, 'value')?.data[0] ?? node.float('value', 0);
  const rank = x.dims.length;
  const axes = optionalConstant(inputs, 3, node, 'axes')?.data ?? Float64Array.from(x.dims, (_, i) => i);
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, i) => {
    before[axisOf(axis, rank, node.where)] = pads[i] ?? NaN;
    after[axisOf(axis, rank, node.where)] = pads[axes.length + i] ?? NaN;
  });
  const all = [...before, ...after];
  if (pads.length !== 2 * axes.length || all.some((side) => !Number.isSafeInteger(side)))
    throw node.problem(`pads ${pads.join(', ')}`);
  if (all.every((side) => side === 0)) return [x];
  imageOf(x, node.where);
  if (all.some((side) => side < 0)) throw node.problem('padding below zero, which cuts', 'cut the images before');
  if (before[0] + after[0] + before[1] + after[1] > 0)
    throw node.problem('padding of channels', 'only height and width are padded');
  return [{ ...x, pad: { value, sides: [before[2], before[3], after[2], after[3]] } }];
}

function paddedConstant([x, pads]: readonly (Constant | undefined)[], node: Node): Constant[] {
  const sides = node.integers('pads') ?? [...(pads?.data ?? [])];
  if (x === undefined || sides.some((side) => side !== 0)) throw node.problem('padding of a constant');
  return [x];
}

export const POOLING: readonly Operator[] = [
  {
    name: 'MaxPool',
    versions: [8, 10, 11, 12, 22],
    becomes: 'maxpool; `ceil_mode` becomes padding behind; dilations 1',
    tensors: pool,
  },
  {
    name: 'AveragePool',
    versions: [7, 10, 11, 19, 22],
    becomes:
      'averagepool, with `countPadding` from `count_include_pad`; `ceil_mode` becomes padding behind; dilations 1',
    tensors: pool,
  },
  {
    name: 'GlobalAveragePool',
    versions: [1, 22],
    becomes: 'globalaveragepool',
    tensors: (inputs, node, context) => [globalAverage(tensorAt(inputs, 0, node), node, context, true)],
  },
  { name: 'GlobalMaxPool', versions: [1, 22], becomes: 'maxpool with the image as its window', tensors: globalMax },
  {
    name: 'ReduceMean',
    versions: [1, 11, 13, 18],
    becomes: 'over height and width: globalaveragepool',
    tensors: reduceMean,
    constants: reduceOf(
      (a, b) => a + b,
      0,
      (sum, count) => sum / count,
    ),
  },
  {
    name: 'ReduceMax',
    versions: [1, 11, 12, 13, 18, 20],
    becomes: 'over height and width: maxpool with the image as its window',
    tensors: reduceMax,
    constants: reduceOf(Math.max, -Infinity),
  },
  {
    name: 'ReduceL2',
    versions: [1, 11, 13, 18],
    becomes: 'computed, on constants alone',
    constants: reduceOf((a, b) => a + b * b, 0, Math.sqrt),
  },
  {
    name: 'ReduceProd',
    versions: [1, 11, 13, 18],
    becomes: 'computed, on constants alone',
    constants: reduceOf((a, b) => a * b, 1),
  },
  {
    name: 'ReduceSum',
    versions: [1, 11, 13],
    becomes: 'computed, on constants alone',
    constants: reduceOf((a, b) => a + b, 0),
  },
  {
    name: 'Pad',
    versions: [2, 11, 13, 18, 19, 21, 23, 24, 25],
    becomes: 'padding of the convolution or pooling behind it: zeros around height and width',
    tensors: pad,
    constants: paddedConstant,
  },
];
