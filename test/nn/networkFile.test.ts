/** What is said of a network file that is wrong: the place, what was found there and what was expected. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LAYERS } from '../../src/nn/layers/table.ts';
import { nearest } from '../../src/nn/nearest.ts';
import { readNetworkText } from '../../src/nn/networkFile.ts';

const dense = { type: 'dense', units: 3 };
const whole = 'a whole number from 1 to 65536';
const types =
  'one of conv2d, maxpool, averagepool, globalaveragepool, dense, flatten, relu, leakyrelu, relu6, sigmoid, tanh, batchnorm, dropout, add, concat';
const input = '[inputs] or [height, width, channels], whole numbers from 1 to 65536';

/** What is said of a file with this text. */
function said(text: string): string {
  try {
    readNetworkText(text, 'x.json');
    return 'nothing';
  } catch (error) {
    return (error as Error).message;
  }
}

const withLayers = (...layers: unknown[]): unknown => ({ name: 'x', input: [4], layers });

describe('a network file', () => {
  it.each<[json: unknown, message: string]>([
    [withLayers(dense), 'nothing'],
    // Of the wrong type altogether.
    [null, 'found null, expected an object {…}'],
    [[], 'found [], expected an object {…}'],
    [withLayers(dense, 7), 'layers[1]: found 7, expected an object {…}'],
    [withLayers(null), 'layers[0]: found null, expected an object {…}'],
    // Fields of the network.
    [{ input: [4], layers: [dense] }, 'name: missing, expected a text of 1 to 64 characters'],
    [{ name: '', input: [4], layers: [dense] }, 'name: found "", expected a text of 1 to 64 characters'],
    [{ name: 5, input: [4], layers: [dense] }, 'name: found 5, expected a text of 1 to 64 characters'],
    [{ name: 'x', layers: [dense] }, `input: missing, expected ${input}`],
    [{ name: 'x', input: 784, layers: [dense] }, `input: found 784, expected ${input}`],
    [{ name: 'x', input: [], layers: [dense] }, `input: found [], expected ${input}`],
    [{ name: 'x', input: ['28', 28, 1], layers: [dense] }, `input[0]: found "28", expected ${whole}`],
    [
      { name: 'x', input: [6, 6], layers: [dense] },
      `input: found [6,6], expected ${input}; grey images have one channel: [6, 6, 1]`,
    ],
    [{ name: 'x', input: [1, 6, 6, 1], layers: [dense] }, `input: found [1,6,6,1], expected ${input}`],
    [{ name: 'x', input: [4] }, 'layers: missing, expected a list of 1 to 512 layers'],
    [withLayers(), 'layers: found [], expected a list of 1 to 512 layers'],
    [
      { name: 'x', input: [4], layers: [dense], layer: [] },
      'layer: unknown: a network takes name, input, layers; did you mean "layers"?',
    ],
    // Types of layers.
    [withLayers({ type: 'conv', units: 3 }), `layers[0].type: found "conv", expected ${types}; did you mean "conv2d"?`],
    [withLayers({ type: 'ReLU' }), `layers[0].type: found "ReLU", expected ${types}; did you mean "relu"?`],
    [
      withLayers({ type: 'MaxPool2d' }),
      `layers[0].type: found "MaxPool2d", expected ${types}; did you mean "maxpool"?`,
    ],
    [withLayers({ type: 'Linear' }), `layers[0].type: found "Linear", expected ${types}; did you mean "dense"?`],
    [withLayers(dense, { type: 'lstm' }), `layers[1].type: found "lstm", expected ${types}`],
    [withLayers({ units: 3 }), `layers[0].type: missing, expected ${types}`],
    [withLayers({ type: 3 }), `layers[0].type: found 3, expected ${types}`],
    // Fields of layers.
    [withLayers({ type: 'dense' }), `layers[0].units: missing, expected ${whole}`],
    [withLayers({ type: 'dense', units: 0 }), `layers[0].units: found 0, expected ${whole}`],
    [withLayers({ type: 'dense', units: -5 }), `layers[0].units: found -5, expected ${whole}`],
    [withLayers({ type: 'dense', units: 2.5 }), `layers[0].units: found 2.5, expected ${whole}`],
    [withLayers({ type: 'dense', units: 65537 }), `layers[0].units: found 65537, expected ${whole}`],
    [withLayers({ type: 'dense', units: '10' }), `layers[0].units: found "10", expected ${whole}`],
    [
      withLayers({ ...dense, bias: false }),
      'layers[0].bias: every layer with weights has biases: leave it out; a model without has zeros there',
    ],
    [
      withLayers({ type: 'conv2d', filters: 2, kernel: 3, groups: 2 }),
      'layers[0].groups: groups of channels are not supported: leave it out (one group), or give a convolution over all channels',
    ],
    [
      withLayers({ type: 'conv2d', filters: 2, kernel: 3, dilation: 2 }),
      'layers[0].dilation: dilated kernels are not supported: leave it out (1), or give a larger kernel',
    ],
    [withLayers({ ...dense, size: 3 }), 'layers[0].size: unknown: dense takes units, name, from'],
    [
      withLayers({ type: 'dense', units: 3, unit: 3 }),
      'layers[0].unit: unknown: dense takes units, name, from; did you mean "units"?',
    ],
    [withLayers({ type: 'relu', units: 3 }, dense), 'layers[0].units: unknown: relu takes name, from'],
    [
      withLayers({ type: 'conv2d', filters: 2, kernel: 'big' }),
      `layers[0].kernel: found "big", expected ${whole}, or [height, width]`,
    ],
    [
      withLayers({ type: 'conv2d', filters: 2, kernel: [3, 3, 3] }),
      `layers[0].kernel: found [3,3,3], expected ${whole}, or [height, width]`,
    ],
    [
      withLayers({ type: 'maxpool', window: 2, stride: 0 }),
      'layers[0].stride: found 0, expected a whole number from 1 to 1024',
    ],
    [withLayers(dense, { type: 'relu' }), 'nothing'],
    [withLayers({ type: 'relu' }), 'no layer has weights: give it a dense or a conv2d layer'],
    [
      { name: 'x', input: [4, 4, 1], layers: [{ type: 'relu' }] },
      'the last layer must give a vector, the class scores: layer 0 (relu) gives [4,4,1]',
    ],
    [
      withLayers({ type: 'conv2d', filters: 2, kernel: 3, padding: [1, 1, 1] }),
      'layers[0].padding: found [1,1,1], expected a whole number from 0 to 1024, [vertical, horizontal], or [top, left, bottom, right]',
    ],
    [
      withLayers({ type: 'averagepool', window: 2, countPadding: 1 }),
      'layers[0].countPadding: found 1, expected true or false',
    ],
    // Names and what they name.
    [withLayers({ ...dense, name: '' }, dense), 'layers[0].name: found "", expected a text of 1 to 64 characters'],
    [
      withLayers({ ...dense, from: ['a', 'b'] }),
      'layers[0].from: found ["a","b"], expected the name of a layer before it, or "input"',
    ],
    [
      withLayers(dense, { type: 'add' }),
      'layers[1].from: missing, expected a list of two or more names of layers before it',
    ],
    [
      withLayers(dense, { type: 'concat', from: ['input'] }),
      'layers[1].from: found ["input"], expected a list of two or more names of layers before it',
    ],
    [
      withLayers({ ...dense, name: 'first' }, { type: 'relu', from: 'frist' }),
      'layer 1 (relu): from "frist": no layer has that name; did you mean "first"?',
    ],
    [
      withLayers({ ...dense, from: 'later' }, { type: 'relu', name: 'later' }),
      'layer 0 (dense 3): from "later": layer 1 "later" (relu) comes later: a layer reads earlier ones',
    ],
    [withLayers({ type: 'relu', name: 'r', from: 'r' }), 'layer 0 "r" (relu): from "r": that is its own name'],
    [
      withLayers({ ...dense, name: 'x' }, { type: 'relu', name: 'x' }),
      'layer 1 "x" (relu): layer 0 "x" (dense 3) has that name',
    ],
    [
      withLayers({ ...dense, name: 'input' }),
      'layer 0 "input" (dense 3): "input" is the network’s input: give another name'.replace('’', "'"),
    ],
    [
      withLayers({ type: 'relu', name: 'idle' }, { ...dense, from: 'input' }),
      'layer 0 "idle" (relu): no layer reads its output: name it in the "from" of a later one, or leave it out',
    ],
    [
      withLayers({ ...dense, name: 'three' }, { type: 'add', from: ['input', 'three'] }),
      'layer 1 (add): its inputs differ: "input" gives [4], "three" gives [3]',
    ],
    [
      {
        name: 'x',
        input: [4, 4, 1],
        layers: [
          { type: 'flatten', name: 'f' },
          { type: 'concat', from: ['input', 'f'] },
        ],
      },
      'layer 1 (concat): its inputs differ in more than channels: "input" gives [4,4,1], "f" gives [16]',
    ],
    [
      { name: 'x', input: [40000], layers: [{ type: 'concat', from: ['input', 'input'] }] },
      'layer 0 (concat): its inputs have 80000 channels together, 65536 are allowed',
    ],
    [
      { name: 'x', input: [4, 4, 1], layers: [{ type: 'maxpool', window: 2, padding: 2 }, { type: 'flatten' }] },
      'layer 0 (maxpool 2x2): a window would lie wholly in the padding of its input [4,4,1]: give less padding',
    ],
    [
      withLayers({ type: 'globalaveragepool' }),
      'layer 0 (globalaveragepool): expected an image (height, width, channels), its input is [4]',
    ],
  ])('%j: %s', (json, message) => {
    expect(said(JSON.stringify(json))).toBe(message === 'nothing' ? message : `x.json: ${message}`);
  });

  it.each([
    ['', 'the file is empty'],
    [' \n', 'the file is empty'],
    ['hello', 'line 1, column 1: invalid symbol, found hello'],
    ['{"name": "x",\n "input": [4,],\n', 'line 2, column 14: value expected, found ],'],
    ['{\n  "name": "x"\n  "input": [4]\n}', 'line 3, column 3: comma expected, found "input":'],
    ['{"name": "x", "layers": [', 'line 1, column 26: close bracket expected, found the end of the file'],
    ['// mine\n{}', 'line 1, column 1: invalid comment token, found //'],
    ["{'name': 'x'}", "line 1, column 2: invalid symbol, found 'name':"],
  ])('that is no JSON: %j: %s', (text, message) => {
    expect(said(text)).toBe(`x.json: not readable as JSON: ${message}`);
  });

  it('may begin with a mark of its encoding', () => {
    expect(said(`\ufeff${JSON.stringify(withLayers(dense))}`)).toBe('nothing');
  });

  it('is read as JSON.parse reads it', () => {
    const text = '{"name": "\\u00fc\\n", "input": [4e0], "layers": [{"type": "dense", "units": 3}]}';
    expect(readNetworkText(text, 'x')).toEqual(JSON.parse(text));
  });
});

describe('docs/networks.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/networks.md'), 'utf8');

  it.each(Object.keys(LAYERS))('has a line for %s', (type) => {
    expect(page).toMatch(new RegExp(`^- .*\`${type}\``, 'm'));
  });

  it('has examples that are read', () => {
    const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text);
    expect(examples.length).toBeGreaterThan(1);
    expect(examples.map(said)).toEqual(examples.map(() => 'nothing'));
  });
});

describe('nearest', () => {
  it.each([
    ['conv', 'conv2d'],
    ['Dense', 'dense'],
    ['flaten', 'flatten'],
    ['batchnorm', undefined],
    ['x', undefined],
    ['', undefined],
  ])('%j: %s', (word, choice) => {
    expect(nearest(word, ['conv2d', 'dense', 'flatten', 'relu'])).toBe(choice);
  });
});
