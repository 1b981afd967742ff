/**
 * What both engines have in common. Linear operations need no message and are the same on a share as on the clear value; only public
 * terms differ: in shares, P0 alone adds them. Products are one bilinear map each.
 *
 * Data is null at the helper, which holds no share: operations there only follow the shapes.
 */
import { encode, encodeOne } from '../ring/fixed.ts';
import type { ConvMap, ConvShape } from '../../runtime/compute.ts';
import { type Border, type Fill, pad, paddedShape, unpad } from '../ring/pad.ts';
import { sameShape, type Shape, sizeOf } from '../ring/shape.ts';
import { type Banded, overlay, roomFor, windowOutput, windows, type WindowShape } from '../ring/windows.ts';
import * as z64 from '../ring/z64.ts';
import * as bilinear from '../protocols/paper/bilinear.ts';
import type { Engine, Level, MatmulOptions, MulOptions, Sign, Value } from './engine.ts';
import { checkProducts, type Pair } from '../protocols/direct/productShape.ts';

/** A value with its ring elements: this party's share, or the clear value; null at the helper. */
export interface RingValue extends Value {
  readonly data: BigUint64Array | null;
}

/** A linear function, on whatever part of its operands a party holds. */
export type Linear = (...operands: BigUint64Array[]) => BigUint64Array;

export abstract class LinearEngine<V extends RingValue> {
  readonly fractionBits: number;

  constructor(fractionBits: number) {
    this.fractionBits = fractionBits;
  }

  /** Whether this party adds public terms to what it holds. */
  protected abstract readonly addsPublic: boolean;
  /** A value from its own data; null at the helper. */
  protected abstract make(shape: Shape, fractionBits: number, data: BigUint64Array | null): V;
  /** A linear function of some values: `compute` of what this party holds of each. */
  protected abstract linear(shape: Shape, fractionBits: number, operands: readonly V[], compute: Linear): V;
  /** Σ factors[i] · operands[i]. */
  protected weighted(shape: Shape, fractionBits: number, factors: readonly bigint[], operands: readonly V[]): V {
    return this.linear(shape, fractionBits, operands, (...datas) => z64.combine(datas, factors));
  }
  /** A linear function of one value, where it takes long. */
  protected abstract paced(
    shape: Shape,
    fractionBits: number,
    x: V,
    compute: (data: BigUint64Array) => Promise<BigUint64Array>,
  ): Promise<V>;
  abstract readonly truncation: 'dealt' | 'local';
  abstract truncate(x: Value, bits: number): Promise<Value>;
  abstract relu(x: Value): ReturnType<Engine['relu']>;
  abstract larger(x: Value, y: Value): ReturnType<Engine['larger']>;
  abstract truncateRelu(x: Value, bits: number): ReturnType<Engine['truncateRelu']>;
  abstract select(sign: Sign, x: Value): Promise<Value>;
  /** x * y for any bilinear map, or twice that, with `bias` added to every row: the one operation here that sends messages. */
  protected abstract product(
    map: bilinear.BilinearMap,
    x: Value,
    y: Value,
    factor: 1 | 2,
    bias?: Bias<V>,
  ): Promise<Value>;
  /** What a party holds of a public value that it does not add; null at the helper. */
  protected abstract zeros(count: number): BigUint64Array | null;
  /** The same elements under another shape or scale: keeps the mask that was opened for them. */
  protected abstract view(x: V, shape: Shape, fractionBits: number): V;

  /** Between pieces of what takes long; where nobody waits for a turn it does nothing. */
  protected pause(): Promise<void> {
    return Promise.resolve();
  }

  constant(shape: Shape, values: ArrayLike<number>, fractionBits: number = this.fractionBits): V {
    if (values.length !== sizeOf(shape))
      throw new RangeError(`constant [${shape.join(',')}]: found ${values.length} values`);
    return this.make(shape, fractionBits, this.addsPublic ? encode(values, fractionBits) : this.zeros(values.length));
  }

  matmul(x: Value, y: Value, { transposeX = false, transposeY = false, bias }: MatmulOptions = {}): Promise<Value> {
    return this.#large(bilinear.matmul(x.shape, y.shape, transposeX, transposeY), x, y, bias);
  }

  conv(map: ConvMap, shape: ConvShape, x: Value, y: Value, bias?: Value): Promise<Value> {
    return this.#large(bilinear.convolution(map, shape, x.shape, y.shape), x, y, bias);
  }

  mul(x: Value, y: Value, { doubled = false }: MulOptions = {}): Promise<Value> {
    const map = bilinear.elementwise(x.shape, y.shape);
    return doubled ? this.#large(map, x, y) : this.product(map, x, y, 1);
  }

  columnDots(x: Value, y: Value, parts = 1): Promise<Value> {
    return this.#large(bilinear.columnDots(x.shape, y.shape, parts), x, y);
  }

  add(x: Value, y: Value): V {
    return this.#sum('add', x, y, 1n);
  }

  sub(x: Value, y: Value): V {
    return this.#sum('sub', x, y, -1n);
  }

  subColumn(x: Value, column: Value): V {
    const [m, n] = matrix('subColumn', x);
    if (!sameShape(column.shape, [m, 1])) {
      throw new RangeError(
        `subColumn: x is (${m},${n}), expected a column (${m},1), found [${column.shape.join(',')}]`,
      );
    }
    sameScale('subColumn', x, column);
    return this.linear(x.shape, x.fractionBits, [x as V, column as V], (data, vector) =>
      z64.sub(data, z64.repeatColumn(vector, n)),
    );
  }

  addRow(x: Value, row: Value): V {
    const [m, n] = matrix('addRow', x);
    if (!sameShape(row.shape, [1, n]))
      throw new RangeError(`addRow: x is (${m},${n}), expected a row (1,${n}), found [${row.shape.join(',')}]`);
    sameScale('addRow', x, row);
    return this.linear(x.shape, x.fractionBits, [x as V, row as V], (data, vector) =>
      z64.accumulate(data.slice(), vector),
    );
  }

  keep(x: Value, kept: Uint8Array): V {
    if (kept.length !== sizeOf(x.shape))
      throw new RangeError(`keep: x is [${x.shape.join(',')}], found ${kept.length} bytes`);
    return this.linear(x.shape, x.fractionBits, [x as V], (data) => z64.keepWhere(kept, data));
  }

  addPublic(x: Value, number: number): V {
    const constant = encodeOne(number, x.fractionBits);
    return this.linear(x.shape, x.fractionBits, [x as V], (data) =>
      this.addsPublic ? z64.addConstant(data, constant) : data,
    );
  }

  scale(x: Value, integer: bigint): V {
    if (integer === 1n) return x as V;
    return this.linear(x.shape, x.fractionBits, [x as V], (data) => z64.scale(data, integer));
  }

  combine(terms: readonly (readonly [factor: bigint, x: Value])[], fractionBits: number): V {
    const [[, { shape }]] = terms;
    const other = terms.find(([, x]) => !sameShape(x.shape, shape))?.[1];
    if (other !== undefined)
      throw new RangeError(`combine: shapes [${shape.join(',')}] and [${other.shape.join(',')}] differ`);
    const factors = terms.map(([factor]) => factor);
    const values = terms.map(([, x]) => x as V);
    return this.weighted(shape, fractionBits, factors, values);
  }

  extend(x: Value, bits: number): V {
    if (bits === 0) return x as V;
    return this.linear(x.shape, x.fractionBits + bits, [x as V], (data) => z64.shiftLeft(data, bits));
  }

  reinterpret(x: Value, fractionBits: number): V {
    return this.view(x as V, x.shape, fractionBits);
  }

  reshape(x: Value, shape: Shape): V {
    if (sizeOf(shape) !== sizeOf(x.shape))
      throw new RangeError(`reshape: [${x.shape.join(',')}] does not fit [${shape.join(',')}]`);
    return this.view(x as V, shape, x.fractionBits);
  }

  split(x: Value, shapes: readonly Shape[]): V[] {
    if (shapes.length === 1) return [this.reshape(x, shapes[0])];
    const flat = this.reshape(x, [sizeOf(x.shape)]);
    let from = 0;
    return shapes.map((shape) => this.reshape(this.slice(flat, from, (from += sizeOf(shape))), shape));
  }

  join(pieces: readonly Value[], shape: Shape): V {
    if (pieces.length === 1) return this.reshape(pieces[0], shape);
    const flat = pieces.map((piece) => this.reshape(piece, [sizeOf(piece.shape)]));
    return this.reshape(this.concatRows(flat), shape);
  }

  transpose(x: Value): V {
    const [m, n] = matrix('transpose', x);
    return this.linear([n, m], x.fractionBits, [x as V], (data) => z64.transpose(data, m, n));
  }

  sumRows(x: Value): V {
    const [m, n] = matrix('sumRows', x);
    return this.linear([1, n], x.fractionBits, [x as V], (data) => z64.sumRows(data, m, n));
  }

  sumColumns(x: Value): V {
    const [m, n] = matrix('sumColumns', x);
    return this.linear([m, 1], x.fractionBits, [x as V], (data) => z64.sumColumns(data, m, n));
  }

  columns(x: Value, from: number, to: number, step = 1): V {
    const [m, n] = matrix('columns', x);
    if (!(from >= 0 && from <= to && to <= n)) throw new RangeError(`columns ${from} … ${to} of a matrix with ${n}`);
    const width = Math.ceil((to - from) / step);
    return this.linear([m, width], x.fractionBits, [x as V], (data) => z64.columns(data, m, from, to, step));
  }

  slice(x: Value, from: number, to: number): V {
    const [rows, ...rest] = x.shape;
    if (!(from >= 0 && from <= to && to <= rows)) throw new RangeError(`rows ${from} … ${to} of ${rows}`);
    const width = sizeOf(rest);
    return this.linear([to - from, ...rest], x.fractionBits, [x as V], (data) =>
      data.subarray(from * width, to * width),
    );
  }

  windows(x: Value, shape: WindowShape): Promise<V> {
    const [image, planes] = windowShapes(shape);
    if (sizeOf(x.shape) !== sizeOf(image))
      throw new RangeError(`windows: x is [${x.shape.join(',')}], expected [${image.join(',')}]`);
    return this.paced(planes, x.fractionBits, x as V, (data) => this.banded(windows, data, shape, sizeOf(planes)));
  }

  overlay(x: Value, shape: WindowShape): Promise<V> {
    const image = this.overlaidShape(x, shape);
    return this.paced(image, x.fractionBits, x as V, (data) => this.banded(overlay, data, shape, sizeOf(image)));
  }

  protected overlaidShape(x: Value, shape: WindowShape): Shape {
    const [image, planes] = windowShapes(shape);
    if (!sameShape(x.shape, planes))
      throw new RangeError(`overlay: planes are [${x.shape.join(',')}], expected [${planes.join(',')}]`);
    return image;
  }

  pad(x: Value, border: Border, fill: Fill): V {
    return this.linear(paddedShape(x.shape, border), x.fractionBits, [x as V], (data) =>
      pad(data, x.shape, border, fill),
    );
  }

  unpad(x: Value, shape: Shape, border: Border, fill: Fill): V {
    const expected = paddedShape(shape, border);
    if (!sameShape(x.shape, expected))
      throw new RangeError(`unpad: x is [${x.shape.join(',')}], expected [${expected.join(',')}]`);
    return this.linear(shape, x.fractionBits, [x as V], (data) => unpad(data, shape, border, fill));
  }

  weigh(x: Value, integers: BigUint64Array): V {
    if (integers.length !== sizeOf(x.shape))
      throw new RangeError(`weigh: x is [${x.shape.join(',')}], found ${integers.length} integers`);
    return this.linear(x.shape, x.fractionBits, [x as V], (data) => z64.multiply(data, integers));
  }

  /** `size` elements that a map between images and planes makes of `from`. */
  protected async banded(map: Banded, from: BigUint64Array, shape: WindowShape, size: number): Promise<BigUint64Array> {
    const out = roomFor(map, shape, size);
    const bands = map(from, shape, out);
    while (bands.next().done !== true) await this.pause();
    return out;
  }

  concatColumns(parts: readonly Value[]): V {
    const [m] = matrix('concatColumns', parts[0]);
    const widths = parts.map((part) => {
      const [rows, columns] = matrix('concatColumns', part);
      if (rows !== m) throw new RangeError(`concatColumns: ${m} rows against ${rows}`);
      sameScale('concatColumns', parts[0], part);
      return columns;
    });
    const total = widths.reduce((sum, width) => sum + width, 0);
    return this.linear([m, total], parts[0].fractionBits, parts as readonly V[], (...datas) =>
      z64.concatColumns(datas, m),
    );
  }

  concatRows(parts: readonly Value[]): V {
    const rest = parts[0].shape.slice(1);
    let rows = 0;
    for (const part of parts) {
      if (!sameShape(part.shape.slice(1), rest)) {
        throw new RangeError(
          `concatRows: rows of shape [${rest.join(',')}] against [${part.shape.slice(1).join(',')}]`,
        );
      }
      sameScale('concatRows', parts[0], part);
      rows += part.shape[0];
    }
    return this.linear([rows, ...rest], parts[0].fractionBits, parts as readonly V[], z64.concat);
  }

  /** `truncateProducts`, one after the other. */
  protected async truncateThenMultiply(
    x: Value,
    bits: number,
    pairs: readonly Pair[],
    truncate: () => Promise<Value> = () => this.truncate(x, bits),
  ): Promise<{ y: Value; products: Value }> {
    checkProducts({ rows: x.shape[0], columns: 0, bits, pairs });
    const y = await truncate();
    if (pairs.length === 0) return { y, products: this.reinterpret(this.slice(y, 0, 0), 2 * y.fractionBits) };
    const rows = (side: 0 | 1): V => this.concatRows(pairs.map((pair) => this.slice(y, pair[side], pair[side] + 1)));
    return { y, products: await this.mul(rows(0), rows(1)) };
  }

  async reluPowers(x: Value, bits: number, degree: number): Promise<readonly Value[]> {
    const { y } = await (bits > 0 ? this.truncateRelu(x, bits) : this.relu(x));
    const powers = [y];
    while (powers.length < degree) powers.push(await this.mul(powers.at(-1)!, y));
    return powers;
  }

  /** `larger`, by max(x, y) = y + ReLU(x − y). */
  protected async reluThenAdd(x: Value, y: Value): ReturnType<Engine['larger']> {
    const positive = await this.relu(this.sub(x, y));
    return { y: this.extend(this.add(y, positive.y), 1), sign: positive.sign };
  }

  /** `largest`, one after the other. */
  protected async largestInTurn([first, ...others]: readonly Value[]): Promise<Value> {
    let largest = first;
    for (const [more, x] of others.entries()) largest = (await this.larger(largest, this.extend(x, more))).y;
    return largest;
  }

  /** `largerRelu`, one after the other. */
  protected async treeThenRelu(x: Value, y: Value, bits: number): Promise<Value> {
    const { y: larger } = await this.larger(x, y);
    return (await this.truncateRelu(larger, bits + 1)).y;
  }

  /** `route` by selects: what it computes. */
  protected async selectDown(levels: readonly Level[], delta: Value): Promise<Value> {
    let current = delta;
    for (const { sign, half } of levels.toReversed()) {
      const winners = this.slice(current, 0, half);
      const left = await this.select(sign, winners);
      current = this.concatRows([left, this.sub(winners, left), this.slice(current, half, current.shape[0])]);
    }
    return current;
  }

  /** Twice a product costs less (`beaver.ts`), and one bit of the ring, which the paper's local truncation cannot spare. */
  #large(map: bilinear.BilinearMap, x: Value, y: Value, bias?: Value): Promise<Value> {
    const factor = this.truncation === 'dealt' ? 2 : 1;
    if (bias === undefined) return this.product(map, x, y, factor);
    const columns = map.shape[map.shape.length - 1];
    if (sizeOf(bias.shape) !== columns)
      throw new RangeError(`${map.name}: a row has ${columns} elements, the bias has shape [${bias.shape.join(',')}]`);
    const shift = x.fractionBits + y.fractionBits + factor - 1 - bias.fractionBits;
    if (shift < 0) throw new RangeError(`${map.name}: the bias has ${-shift} fractional bits more than the product`);
    return this.product(map, x, y, factor, { row: bias as V, shift });
  }

  /** x + factor · y of the same scale. */
  #sum(what: string, x: Value, y: Value, factor: bigint): V {
    checkAlike(what, x, y);
    const terms = [
      [1n, x],
      [factor, y],
    ] as const;
    return this.combine(terms, x.fractionBits);
  }
}

/** What is added to every row of a product: `row` · 2^shift. */
export interface Bias<V extends RingValue> {
  readonly row: V;
  readonly shift: number;
}

/** The ring elements of a value; an engine's values are made by that engine alone. */
export function dataOf<V extends RingValue>(x: Value): BigUint64Array {
  const { data } = x as V;
  if (data === null) throw new Error('the helper holds no data');
  return data;
}

/** Refuses values of different shapes or scales. */
export function checkAlike(what: string, x: Value, y: Value): void {
  if (!sameShape(x.shape, y.shape))
    throw new RangeError(`${what}: shapes [${x.shape.join(',')}] and [${y.shape.join(',')}] differ`);
  sameScale(what, x, y);
}

function matrix(what: string, x: Value): [number, number] {
  if (x.shape.length !== 2) throw new RangeError(`${what}: expected a matrix, found shape [${x.shape.join(',')}]`);
  return [x.shape[0], x.shape[1]];
}

function windowShapes(shape: WindowShape): [image: Shape, planes: Shape] {
  const { batch, height, width, channels, windowHeight, windowWidth } = shape;
  const [rows, columns] = windowOutput(shape);
  return [
    [batch, height, width, channels],
    [windowHeight * windowWidth, batch * rows * columns * channels],
  ];
}

function sameScale(what: string, x: Value, y: Value): void {
  if (x.fractionBits !== y.fractionBits) {
    throw new RangeError(`${what}: ${x.fractionBits} fractional bits against ${y.fractionBits}`);
  }
}
