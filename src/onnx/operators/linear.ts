/** Convolutions and dense layers: weights brought from the file's order into ours. */
import type { FloatTensor } from '../../data/safetensors.ts';
import { type Constant, constant } from '../constant.ts';
import { stretched, transposed } from '../fold.ts';
import { vector } from '../layer.ts';
import type { Node } from '../node.ts';
import {
  constantAt,
  type Context,
  given,
  type Inputs,
  type Operator,
  optionalConstant,
  tensorAt,
  unpadded,
} from '../operator.ts';
import { alone, type Axis, extentOf, imageOf, orderOf, shapeOf, type Tensor } from '../tensor.ts';
import { shown } from '../words.ts';
import { wholeKernel } from './kernel.ts';
import { paddingFields, slidesOf } from './window.ts';

/** x (N, channels, height, width) * W (filters, channels, kernel height, kernel width) + b. */
function conv(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const x = tensorAt(inputs, 0, node);
  const kernel = constantAt(inputs, 1, node, 'weight');
  const b = optionalConstant(inputs, 2, node, 'bias');
  if (kernel.shape.length !== 4) {
    const dimensions = `a convolution in ${kernel.shape.length - 2} dimension${kernel.shape.length === 3 ? '' : 's'}`;
    throw node.problem(dimensions, 'convolutions of images (Conv2d) are known: use one with a height of 1');
  }
  const W = wholeKernel(kernel, node, context);
  const [filters, channels, kernelHeight, kernelWidth] = W.shape;
  if (b !== undefined && b.data.length !== filters) throw node.problem(`bias ${shown(b.shape)} for ${filters} filters`);
  const bias = b === undefined ? new Float64Array(filters) : b.data;
  if (x.vector && x.pad === undefined) return [pixel(x, W, bias, node, context)];
  const [height, width, inner] = imageOf(x, node.where);
  if (inner.size !== channels) throw node.problem(`input channels ${inner.size}, weights expect ${channels}`);
  if (x.pad !== undefined && x.pad.value !== 0)
    throw node.problem(`padding with ${x.pad.value} before it`, 'pad convolutions with zeros');
  const slides = slidesOf(node, x, [height.size, width.size], [kernelHeight, kernelWidth], 'conv');
  const weight: FloatTensor = transposed(W, [2, 3, 1, 0]);
  const layer = context.layer(node, [x.source], {
    type: 'conv2d',
    fields: {
      filters,
      kernel: kernelHeight === kernelWidth ? kernelHeight : [kernelHeight, kernelWidth],
      ...paddingFields(slides),
    },
    tensors: new Map([
      ['weight', { shape: weight.shape, data: weight.data }],
      ['bias', vector(bias)],
    ]),
  });
  const axes = [{ size: slides.output[0] }, { size: slides.output[1] }, { size: filters }];
  return [given(layer, axes, [[context.batch], alone(axes[2]), alone(axes[0]), alone(axes[1])])];
}

/** A convolution of one pixel is a dense layer. */
function pixel(x: Tensor, W: Constant, bias: Float64Array, node: Node, context: Context): Tensor {
  const [filters, channels, ...kernel] = W.shape;
  const shape = shapeOf(x);
  if (shape.length !== 4 || shape[2] !== 1 || shape[3] !== 1 || kernel.some((extent) => extent !== 1))
    throw node.problem(`expected an image [N, channels, height, width], its input is ${shown(shape)}`);
  if (shape[1] !== channels) throw node.problem(`input channels ${shape[1]}, weights expect ${channels}`);
  const matrix = transposed({ ...W, shape: [filters, channels] }, [1, 0]);
  const y = denseLayer(x, 1, matrix, bias, node, context);
  return { ...y, dims: [[context.batch], y.dims[1], [], []] };
}

/** y = x W + b, where x runs along the file's axis `dim`: rows of W (in, out) are brought into the order in which x lies. */
function denseLayer(
  x: Tensor,
  dim: number,
  W: Constant,
  bias: ArrayLike<number>,
  node: Node,
  context: Context,
): Tensor {
  const [inputs, units] = W.shape;
  if (extentOf(x.dims[dim]) !== inputs)
    throw node.problem(`its input is ${shown(shapeOf(x))}, its weight ${shown(W.shape)}`);
  const order = orderOf(x, dim, node.where);
  const rows = new Float64Array(W.data.length);
  order.forEach((row, i) => rows.set(W.data.subarray(row * units, (row + 1) * units), i * units));
  const layer = context.layer(node, [context.flattened(node, x).source], {
    type: 'dense',
    fields: { units },
    tensors: new Map([
      ['weight', { shape: [inputs, units], data: rows }],
      ['bias', vector(bias)],
    ]),
  });
  const axis: Axis = { size: units };
  return given(layer, [axis], [[context.batch], alone(axis)]);
}

/** The last of two of the file's axes. */
function rowsOf(x: Tensor, node: Node): number {
  unpadded(x, node);
  // What stands between the batch and the last axis has one element.
  const last = x.dims.length - 1;
  if (last < 1 || x.dims.slice(1, last).some((dim) => dim.length > 0)) {
    throw node.problem(
      `a product over the last axis of ${shown(shapeOf(x))}`,
      'flatten what comes before it; for each pixel by itself, use a convolution with a kernel of 1',
    );
  }
  return last;
}

function matmul(inputs: Inputs, node: Node, context: Context): Tensor[] {
  if (inputs[0]?.kind === 'constant')
    throw node.problem('weights from the left', 'write the layer as x · W, as torch.nn.Linear does');
  const x = tensorAt(inputs, 0, node);
  if (inputs[1]?.kind === 'tensor') {
    throw node.problem(
      'a product of two values that are both computed, as attention has it',
      'networks of dense layers and convolutions are known',
    );
  }
  const W = constantAt(inputs, 1, node, 'weight');
  if (W.shape.length !== 2) throw node.problem(`a weight of shape ${shown(W.shape)}, expected a matrix`);
  const y = denseLayer(x, rowsOf(x, node), W, new Float64Array(W.shape[1]), node, context);
  const between = x.dims.slice(1, -1);
  return [{ ...y, dims: [y.dims[0], ...between, y.dims[1]] }];
}

/** alpha · A · B + beta · C. */
function gemm(inputs: Inputs, node: Node, context: Context): Tensor[] {
  if (inputs[0]?.kind === 'constant')
    throw node.problem('weights from the left', 'write the layer as x · W, as torch.nn.Linear does');
  const x = tensorAt(inputs, 0, node);
  if (node.integer('transA', 0) !== 0) throw node.problem('transA: its input transposed', 'write the layer as x · W');
  const B = constantAt(inputs, 1, node, 'weight');
  if (B.shape.length !== 2) throw node.problem(`a weight of shape ${shown(B.shape)}, expected a matrix`);
  const turned = node.integer('transB', 0) === 0 ? B : transposed(B, [1, 0]);
  const alpha = node.float('alpha', 1);
  const W = alpha === 1 ? turned : { ...turned, data: turned.data.map((value) => value * alpha) };
  const C = optionalConstant(inputs, 2, node, 'bias');
  const beta = node.float('beta', 1);
  const bias = C === undefined ? new Float64Array(W.shape[1]) : rowOf(C, W.shape[1], node).map((value) => value * beta);
  return [denseLayer(x, rowsOf(x, node), W, bias, node, context)];
}

/** The same for every sample. */
function rowOf(C: Constant, units: number, node: Node): Float64Array {
  if (C.shape.slice(0, -1).some((extent) => extent !== 1)) throw node.problem(`a bias of shape ${shown(C.shape)}`);
  return stretched({ ...C, shape: C.shape.slice(-1) }, [units], node.where);
}

/** Products of matrices that are known: weights that are put together when the model runs. */
function matmulOf([A, B]: readonly (Constant | undefined)[], node: Node): Constant[] {
  if (A === undefined || B === undefined) throw node.problem('an input is missing');
  if (A.shape.length !== 2 || B.shape.length !== 2 || A.shape[1] !== B.shape[0])
    throw node.problem(`shapes ${shown(A.shape)} and ${shown(B.shape)}`);
  const [rows, inner, columns] = [A.shape[0], A.shape[1], B.shape[1]];
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++)
      for (let j = 0; j < columns; j++) out[i * columns + j] += A.data[i * inner + k] * B.data[k * columns + j];
  return [constant([rows, columns], out)];
}

/** scikit-learn's linear models: coefficients (classes × inputs) and intercepts stand in attributes. The first output is the class. */
function linearClassifier(inputs: Inputs, node: Node, context: Context): (Tensor | undefined)[] {
  const x = tensorAt(inputs, 0, node);
  const last = rowsOf(x, node);
  const coefficients = node.floats('coefficients') ?? [];
  const intercepts = node.floats('intercepts') ?? [];
  const width = extentOf(x.dims[last]);
  const units = coefficients.length / width;
  if (!Number.isInteger(units) || units < 1 || (intercepts.length !== units && intercepts.length !== 0))
    throw node.problem(`${coefficients.length} coefficients and ${intercepts.length} intercepts for ${width} inputs`);
  const W = transposed(constant([units, width], coefficients), [1, 0]);
  const bias = intercepts.length === 0 ? new Float64Array(units) : intercepts;
  const after = node.text('post_transform', 'NONE');
  if (after !== 'NONE')
    context.note('dropped', `${node.where}: ${after.toLowerCase()} of the scores, whose order stays the same`);
  return [undefined, denseLayer(x, last, W, bias, node, context)];
}

export const LINEAR: readonly Operator[] = [
  {
    name: 'Conv',
    versions: [1, 11, 22],
    becomes: 'conv2d: images, any stride, `pads` or `auto_pad`; `group` and `dilations` by kernels with zeros between',
    tensors: conv,
  },
  {
    name: 'Gemm',
    versions: [7, 9, 11, 13],
    becomes: 'dense, with `alpha`, `beta` and `transB` worked into the weights',
    tensors: gemm,
  },
  {
    name: 'MatMul',
    versions: [1, 9, 13],
    becomes: 'dense; an Add behind it is its bias',
    tensors: matmul,
    constants: matmulOf,
  },
  {
    name: 'LinearClassifier',
    domain: 'ai.onnx.ml',
    versions: [1],
    becomes: 'dense; its `post_transform` is dropped: the order of the scores stays',
    tensors: linearClassifier,
  },
];
