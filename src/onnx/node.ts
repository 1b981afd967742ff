/** A node of an ONNX graph: its attributes, each checked to be of the kind that its operator defines. */
import { Problem } from '../data/problem.ts';
import {
  type AttributeProto,
  AttributeProto_AttributeType as Kind,
  type NodeProto,
  type TensorProto,
} from './schema.ts';
import { quoted } from './words.ts';

const text = new TextDecoder();
const EXPORT_AGAIN = 'export the model again; if it stays so, report it with the file';

export class Node {
  readonly operator: string;
  readonly domain: string;
  /** Names of values; an input that is left out is an empty name. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** As errors and notes name it. */
  readonly where: string;
  readonly #attributes: ReadonlyMap<string, AttributeProto>;

  /** @param given attributes of the call, where the node stands in a function: what `ref_attr_name` means */
  constructor(proto: NodeProto, index: number, given: ReadonlyMap<string, AttributeProto> = new Map()) {
    this.operator = proto.opType;
    this.domain = proto.domain === 'ai.onnx' ? '' : proto.domain;
    this.inputs = proto.input;
    this.outputs = proto.output;
    this.where = `node ${proto.name === '' ? index : quoted(proto.name)} (${quoted(proto.opType).slice(1, -1)})`;
    const attributes = new Map<string, AttributeProto>();
    for (const attribute of proto.attribute) {
      const meant = attribute.refAttrName === '' ? attribute : given.get(attribute.refAttrName);
      if (meant !== undefined) attributes.set(attribute.name, meant);
    }
    this.#attributes = attributes;
  }

  get attributes(): ReadonlyMap<string, AttributeProto> {
    return this.#attributes;
  }

  has(name: string): boolean {
    return this.#attributes.has(name);
  }

  #attribute(name: string, kind: keyof typeof Kind): AttributeProto | undefined {
    const found = this.#attributes.get(name);
    // Very old writers leave the kind out.
    if (found !== undefined && found.type !== Kind[kind] && found.type !== Kind.UNDEFINED)
      throw new Problem(`${this.where}: attribute ${name}: expected ${kind.toLowerCase()}`, EXPORT_AGAIN);
    return found;
  }

  integer(name: string, fallback: number): number {
    const value = Number(this.#attribute(name, 'INT')?.i ?? fallback);
    if (!Number.isSafeInteger(value))
      throw new Problem(`${this.where}: attribute ${name}: ${value} is not a whole number`, EXPORT_AGAIN);
    return value;
  }

  float(name: string, fallback: number): number {
    return this.#attribute(name, 'FLOAT')?.f ?? fallback;
  }

  text(name: string, fallback: string): string {
    const found = this.#attribute(name, 'STRING');
    return found === undefined ? fallback : text.decode(found.s);
  }

  integers(name: string): number[] | undefined {
    return this.#attribute(name, 'INTS')?.ints.map(Number);
  }

  floats(name: string): readonly number[] | undefined {
    return this.#attribute(name, 'FLOATS')?.floats;
  }

  tensor(name: string): TensorProto | undefined {
    return this.#attribute(name, 'TENSOR')?.t;
  }

  /** An error about it. */
  problem(what: string, fix: string = EXPORT_AGAIN): Problem {
    return new Problem(`${this.where}: ${what}`, fix);
  }
}
