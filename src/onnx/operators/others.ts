/** What stands at the end of a classifier and changes no order of scores; and operators that have no counterpart here, with what to do. */
import type { Node } from '../node.ts';
import type { Operator } from '../operator.ts';

/** Over the classes, which are the last axis, or the second of two: before opset 13 the axis was 1 by itself. */
function overClasses(node: Node): string | undefined {
  const axis = node.integer('axis', -1);
  return axis === -1 || axis === 1 ? 'the order of the scores stays the same' : undefined;
}

const SAME_ORDER = 'the order of the scores stays the same';

const ENDINGS: readonly Operator[] = [
  {
    name: 'Softmax',
    versions: [1, 11, 13],
    becomes: 'dropped at the end; elsewhere refused',
    ending: overClasses,
    refused: 'a softmax is dropped at the end of a network, after the scores; leave others out',
  },
  {
    name: 'LogSoftmax',
    versions: [1, 11, 13],
    becomes: 'dropped at the end; elsewhere refused',
    ending: overClasses,
    refused: 'a softmax is dropped at the end of a network, after the scores; leave others out',
  },
  {
    name: 'ArgMax',
    versions: [1, 11, 12, 13],
    becomes: 'dropped at the end',
    ending: (node) => (Math.abs(node.integer('axis', 0)) === 1 ? 'inference finds the class itself' : undefined),
    refused: 'the largest score is found after the network: leave it out',
  },
  {
    name: 'ZipMap',
    domain: 'ai.onnx.ml',
    versions: [1],
    becomes: 'dropped at the end',
    ending: () => 'scores are told in the order of the classes',
    refused: 'leave it out',
  },
  {
    name: 'Normalizer',
    domain: 'ai.onnx.ml',
    versions: [1],
    becomes: 'dropped at the end',
    ending: () => SAME_ORDER,
    refused: 'normalise the data before',
  },
];

function refused(names: readonly string[], becomes: string, fix: string, domain?: 'ai.onnx.ml'): Operator[] {
  return names.map((name) => ({
    name,
    versions: [],
    becomes: `refused: ${becomes}`,
    refused: fix,
    ...(domain && { domain }),
  }));
}

const FLOAT_MODEL =
  'give the model as it was before it was quantised, with float32 weights: shares are fixed-point numbers anyway';
const RELU = 'train with ReLU, LeakyReLU, ReLU6, sigmoid or tanh in its place';
const FEED_FORWARD = 'networks of dense layers and convolutions are known';

const REFUSED: readonly Operator[] = [
  ...refused(
    [
      'QuantizeLinear',
      'DequantizeLinear',
      'DynamicQuantizeLinear',
      'QLinearConv',
      'QLinearMatMul',
      'ConvInteger',
      'MatMulInteger',
    ],
    'an int8-quantised model',
    FLOAT_MODEL,
  ),
  ...refused(
    [
      'Elu',
      'Selu',
      'Celu',
      'Gelu',
      'HardSigmoid',
      'HardSwish',
      'Mish',
      'Softplus',
      'Softsign',
      'Swish',
      'ThresholdedRelu',
      'Erf',
    ],
    'an activation that is not known',
    RELU,
  ),
  ...refused(
    ['LSTM', 'GRU', 'RNN', 'Attention', 'If', 'Loop', 'Scan', 'Einsum'],
    'recurrence, attention and branches',
    FEED_FORWARD,
  ),
  ...refused(
    [
      'LayerNormalization',
      'GroupNormalization',
      'InstanceNormalization',
      'RMSNormalization',
      'LRN',
      'LpNormalization',
      'MeanVarianceNormalization',
    ],
    'a normalisation by values of the sample itself',
    'train with BatchNorm in its place',
  ),
  ...refused(
    [
      'ConvTranspose',
      'Resize',
      'Upsample',
      'DepthToSpace',
      'SpaceToDepth',
      'LpPool',
      'GlobalLpPool',
      'MaxUnpool',
      'GridSample',
      'DeformConv',
    ],
    'what changes the size of an image in another way',
    'use convolutions with a stride, MaxPool and AveragePool',
  ),
  ...refused(
    [
      'TreeEnsembleClassifier',
      'TreeEnsembleRegressor',
      'SVMClassifier',
      'SVMRegressor',
      'LinearRegressor',
      'Imputer',
      'OneHotEncoder',
      'LabelEncoder',
      'ArrayFeatureExtractor',
    ],
    'no network',
    'of scikit-learn, MLPClassifier, LogisticRegression and StandardScaler are known',
    'ai.onnx.ml',
  ),
];

export const OTHERS: readonly Operator[] = [...ENDINGS, ...REFUSED];
