/**
 * An ONNX graph followed from its input to its output: what depends on no input is computed, the rest becomes layers. Nodes that the output
 * does not need are not looked at.
 */
import { Problem } from '../data/problem.ts';
import { type Constant, readTensor } from './constant.ts';
import { endingOf } from './ending.ts';
import type { OnnxFile } from './file.ts';
import { type ImageOrder, inputOf, type InputOptions, reshapedInput } from './input.ts';
import type { Layer, Note, Source } from './layer.ts';
import { neededFor } from './needed.ts';
import { Node } from './node.ts';
import { type Context, given, type NewLayer, type Operator, type Value } from './operator.ts';
import { OPERATORS, operatorOf } from './operators/table.ts';
import type { AttributeProto, FunctionProto, NodeProto, TensorProto } from './schema.ts';
import { type Axis, orderOf, type Tensor } from './tensor.ts';
import { quoted } from './words.ts';

export interface Interpreted {
  readonly layers: readonly Layer[];
  /** What is given in the end: the scores, before what only rescales them. */
  readonly result: Tensor;
  /** The file's name of it. */
  readonly output: string;
  readonly input: {
    readonly name: string;
    /** The file's shape of one sample. */
    readonly shape: readonly number[];
    /** As it lies here. */
    readonly axes: readonly number[];
    /** For each number of a sample as it lies here, its index in the file's. */
    readonly places: Uint32Array;
    readonly order: ImageOrder | undefined;
    /** The batch that the file fixes. */
    readonly batch: number | undefined;
  };
  readonly notes: readonly Note[];
}

export interface InterpretOptions extends InputOptions {
  /** The output to follow, of several. */
  readonly output?: string | undefined;
}

/** Functions of a file may call each other; no exporter nests deeper. */
const DEEPEST = 16;

class Reading implements Context {
  readonly opset: number;
  readonly batch: Axis;
  readonly layers: Layer[] = [];
  readonly notes: Note[] = [];
  input: Tensor;
  readonly #file: OnnxFile;
  readonly #flattened: Map<Source, Tensor['source']> = new Map();
  readonly #constants: Map<string, Constant> = new Map();
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  readonly #narrow: Set<string> = new Set();

  constructor(file: OnnxFile, batch: number | undefined, axes: readonly Axis[], dims: readonly (readonly Axis[])[]) {
    this.#file = file;
    this.opset = file.opset;
    this.batch = { size: batch ?? NaN };
    this.input = given(undefined, axes, [[this.batch], ...dims]);
    this.#initializers = new Map(file.graph.initializer.map((tensor) => [tensor.name, tensor]));
    this.#functions = new Map(file.model.functions.map((one) => [`${one.domain}:${one.name}`, one]));
  }

  note(kind: Note['kind'], text: string): void {
    this.notes.push({ kind, text });
  }

  read(tensor: TensorProto, where: string): Constant {
    const constant = readTensor(tensor, where, this.#file.beside);
    const { narrow } = constant;
    if (narrow !== undefined && !this.#narrow.has(narrow)) {
      this.#narrow.add(narrow);
      this.note('note', `weights of type ${narrow}: taken as they are; here they are fixed-point numbers`);
    }
    return constant;
  }

  layer(node: Pick<Node, 'where'>, sources: readonly Source[], made: NewLayer): Layer {
    const { type, fields = {}, tensors = new Map() } = made;
    const layer: Layer = { type, fields, inputs: [...sources], tensors, where: node.where };
    this.layers.push(layer);
    return layer;
  }

  reshapeInput(x: Tensor, target: readonly number[]): Tensor | undefined {
    // What was read as a vector by a layer stays one.
    if (x !== this.input || this.layers.some(({ inputs }) => inputs.includes(undefined))) return undefined;
    const image = reshapedInput(x, target, this.batch);
    if (image === undefined) return undefined;
    this.note('note', 'the input, a vector in the file, is read as an image');
    this.input = given(undefined, image.axes, [[this.batch], ...image.dims]);
    return this.input;
  }

  flattened(node: Node, x: Tensor): Tensor {
    if (x.vector) return x;
    let source = this.#flattened.get(x.source);
    if (source === undefined) {
      source = this.layer(node, [x.source], { type: 'flatten' });
      this.#flattened.set(x.source, source);
    }
    return { ...x, source, vector: true };
  }

  /** A weight, read when a node first asks for it: those that none does may be of any kind. */
  initializer(name: string): Constant | undefined {
    const known = this.#constants.get(name);
    const tensor = this.#initializers.get(name);
    if (known !== undefined || tensor === undefined) return known;
    const constant = this.read(tensor, `weight ${quoted(name)}`);
    this.#constants.set(name, constant);
    return constant;
  }

  run(nodes: readonly Node[], values: Map<string, Value | undefined>, depth: number): void {
    for (const node of nodes) {
      const inputs = node.inputs.map((name) => (name === '' ? undefined : this.#value(name, values, node)));
      const results = this.#results(node, inputs, depth);
      node.outputs.forEach((name, i) => {
        if (name !== '') values.set(name, results[i]);
      });
    }
  }

  #value(name: string, values: ReadonlyMap<string, Value | undefined>, node: Node): Value {
    const value = values.get(name) ?? this.initializer(name);
    if (value !== undefined) return value;
    const why = values.has(name) ? 'which is not computed when a model is imported' : 'which nothing before it gives';
    throw node.problem(`reads ${quoted(name)}, ${why}`);
  }

  #results(node: Node, inputs: readonly (Value | undefined)[], depth: number): (Value | undefined)[] {
    const called = this.#functions.get(`${node.domain}:${node.operator}`);
    if (called !== undefined) return this.#call(called, node, inputs, depth);
    const operator = operatorOf(node.domain, node.operator);
    if (operator === undefined) throw unknown(node);
    const known = inputs.filter((value) => value?.kind !== 'tensor');
    const allKnown = known.length === inputs.length;
    if (allKnown && operator.constants !== undefined) return operator.constants(known, node, this);
    if (!allKnown && operator.tensors !== undefined) return operator.tensors(inputs, node, this);
    if (operator.refused !== undefined)
      throw node.problem(operator.becomes.replace(/^refused: /, ''), operator.refused);
    const what = allKnown ? 'of constants' : 'of a value of the network';
    throw node.problem(`${node.operator} ${what} is not known: ${operator.becomes}`, 'leave it out of the model');
  }

  /** A function that stands in the file, as older exporters of PyTorch wrote them. */
  #call(
    called: FunctionProto,
    node: Node,
    inputs: readonly (Value | undefined)[],
    depth: number,
  ): (Value | undefined)[] {
    if (depth >= DEEPEST) throw node.problem('functions that call each other too deeply');
    const attributes = new Map<string, AttributeProto>(called.attributeProto.map((one) => [one.name, one]));
    for (const [name, value] of node.attributes) attributes.set(name, value);
    const nodes = called.node.map((proto, i) => new Node(proto, i, attributes));
    const values = new Map(called.input.map((name, i) => [name, inputs[i]]));
    this.run(nodesFor(called.output, nodes), values, depth + 1);
    return called.output.map((name) => values.get(name));
  }
}

function unknown(node: Node): Problem {
  if (node.domain !== '' && node.domain !== 'ai.onnx.ml') {
    return node.problem(
      `an operator of ${quoted(node.domain)}`,
      node.domain.startsWith('com.microsoft')
        ? 'give the model as it was exported, not as a runtime has optimised or quantised it'
        : 'only the operators of ONNX itself are known: see docs/onnx.md',
    );
  }
  const others = OPERATORS.filter((one: Operator) => one.tensors !== undefined && one.domain === undefined);
  return node.problem(
    'an operator that is not known',
    `layers are made of ${others.map(({ name }) => name).join(', ')} (docs/onnx.md); write the model with those`,
  );
}

/** The nodes that outputs depend on, in the file's order. What is left out has no name. */
function nodesFor(outputs: readonly string[], nodes: readonly Node[]): Node[] {
  return neededFor(
    outputs,
    nodes,
    (node) => node.outputs.filter((name) => name !== ''),
    (node) => node.inputs,
  );
}

function nodesOf(protos: readonly NodeProto[]): Node[] {
  return protos.map((proto, i) => new Node(proto, i));
}

export function interpret(file: OnnxFile, options: InterpretOptions = {}): Interpreted {
  const { source, graph } = file;
  if (graph.sparseInitializer.length > 0)
    throw new Problem('sparse weights', 'export the model with ordinary, dense weights');
  const nodes = nodesOf(graph.node);
  const { output, dropped } = endingOf(graph, nodes, options.output);
  const input = inputOf(graph, nodes, options);
  const reading = new Reading(file, input.batch, input.axes, input.dims);
  for (const note of input.notes) reading.note('note', note);
  const values = new Map<string, Value | undefined>([[input.name, reading.input]]);
  reading.run(nodesFor([output], nodes), values, 0);
  const result = values.get(output);
  if (result?.kind !== 'tensor')
    throw new Problem(`output ${quoted(output)} does not depend on the input`, 'export the model again');
  for (const note of dropped) reading.note('dropped', note);
  const { name, shape, batch, order } = input;
  const { axes, dims } = reading.input;
  const places = orderOf({ ...reading.input, dims: [[reading.batch], dims.slice(1).flat()] }, 1, source);
  const lying = { axes: axes.map(({ size }) => size), places };
  return {
    layers: reading.layers,
    result,
    output,
    input: { name, shape, ...lying, order, batch },
    notes: reading.notes,
  };
}
