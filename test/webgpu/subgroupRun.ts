/**
 * Runs the WGSL text of tier (c)'s multiply kernels on the CPU: every invocation of a workgroup goes to the next barrier before any goes on, and a
 * subgroup's first lane does its matrix work. Uninitialized memory is not zeroed, accesses are checked against the array, and the order
 * of lanes can be reversed, which shows a missing barrier.
 */
import type { Expression, Program, Statement, Type } from './subgroupParse.ts';

/** Elements of `width` words each. */
interface Memory {
  readonly words: Uint32Array;
  readonly width: number;
}

interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

type Value = number | boolean | readonly number[] | Map<string, Value> | Memory | Matrix | undefined;

export interface Dispatch {
  readonly program: Program;
  /** By the name of the variable. A uniform's struct is filled word by word. */
  readonly bindings: Readonly<Record<string, Uint32Array>>;
  readonly constants?: Readonly<Record<string, number>>;
  readonly groups: readonly [number, number, number];
  readonly subgroupSize: number;
  readonly reverse?: boolean;
}

export function runWgsl(dispatch: Dispatch): void {
  const { program, bindings, constants = {}, groups, subgroupSize, reverse = false } = dispatch;
  const globals = new Scope();
  for (const name of program.overrides) globals.set(name, constants[name]);
  for (const [name, { space, type }] of program.variables) {
    if (space === 'uniform') {
      const fields = program.structs.get(type.name) ?? [];
      globals.set(name, new Map(fields.map((field, index) => [field.name, bindings[name][index]])));
    } else if (space === 'storage') {
      globals.set(name, { words: bindings[name], width: widthOf(type.args[0] as Type) });
    }
  }
  const machine = new Machine(program, globals);
  for (const [name, value] of program.constants) globals.set(name, machine.evaluate(value, globals));
  const size = machine.evaluate(program.workgroupSize as Expression, globals) as number;
  const main = program.functions.get('main');
  if (main === undefined) throw new Error('no main');

  for (let group = 0; group < groups[0] * groups[1] * groups[2]; group++) {
    for (const [name, { space, type }] of program.variables) {
      if (space !== 'workgroup') continue;
      const width = widthOf(type.args[0] as Type);
      globals.set(name, { words: new Uint32Array(width * (type.args[1] as number)).fill(0xa5a5a5a5), width });
    }
    const builtins = (lane: number): Record<string, Value> => ({
      'builtin(workgroup_id)': [
        group % groups[0],
        Math.floor(group / groups[0]) % groups[1],
        Math.floor(group / (groups[0] * groups[1])),
      ],
      'builtin(local_invocation_index)': lane,
      'builtin(subgroup_id)': Math.floor(lane / subgroupSize),
    });
    const lanes = Array.from({ length: size }, (_, lane) => {
      const scope = new Scope(globals);
      scope.set('#leads', lane % subgroupSize === 0);
      for (const { name, attributes } of main.parameters) scope.set(name, builtins(lane)[attributes]);
      return machine.run(main.body, scope);
    });
    if (reverse) lanes.reverse();
    for (let running = true; running;) {
      const finished = lanes.filter((lane) => lane.next().done === true).length;
      if (finished !== 0 && finished !== size)
        throw new Error(`barrier reached by ${size - finished} of ${size} lanes`);
      running = finished === 0;
    }
  }
}

class Scope {
  readonly #values = new Map<string, Value>();
  readonly #parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  get(name: string): Value {
    if (this.#values.has(name)) return this.#values.get(name);
    if (this.#parent === undefined) throw new ReferenceError(name);
    return this.#parent.get(name);
  }

  assign(name: string, value: Value): void {
    if (this.#values.has(name)) this.#values.set(name, value);
    else if (this.#parent === undefined) throw new ReferenceError(name);
    else this.#parent.assign(name, value);
  }
}

class Returned {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}

class Machine {
  readonly #program: Program;
  readonly #globals: Scope;

  constructor(program: Program, globals: Scope) {
    this.#program = program;
    this.#globals = globals;
  }

  /** Yields at every barrier. */
  *run(body: readonly Statement[], scope: Scope): Generator<undefined, Returned | undefined> {
    for (const statement of body) {
      const returned = yield* this.#step(statement, scope);
      if (returned !== undefined) return returned;
    }
    return undefined;
  }

  *#step(statement: Statement, scope: Scope): Generator<undefined, Returned | undefined> {
    switch (statement.kind) {
      case 'declare': {
        const { name, type, value } = statement;
        scope.set(name, value === undefined ? this.#zero(type as Type) : this.evaluate(value, scope));
        return undefined;
      }
      case 'assign':
        this.#assign(statement.target, this.evaluate(statement.value, scope), scope);
        return undefined;
      case 'call':
        if (statement.call.kind === 'call' && statement.call.name === 'workgroupBarrier') yield;
        else this.evaluate(statement.call, scope);
        return undefined;
      case 'if':
        return this.evaluate(statement.test, scope) === true
          ? yield* this.run(statement.body, new Scope(scope))
          : undefined;
      case 'for': {
        const inner = new Scope(scope);
        yield* this.#step(statement.start, inner);
        while (this.evaluate(statement.test, inner) === true) {
          const returned = yield* this.run(statement.body, new Scope(inner));
          if (returned !== undefined) return returned;
          yield* this.#step(statement.next, inner);
        }
        return undefined;
      }
      case 'block':
        return yield* this.run(statement.body, new Scope(scope));
      case 'return':
        return new Returned(statement.value === undefined ? undefined : this.evaluate(statement.value, scope));
    }
  }

  #assign(target: Expression, value: Value, scope: Scope): void {
    if (target.kind === 'name') scope.assign(target.name, value);
    else if (target.kind === 'index') {
      const { words, width } = this.evaluate(target.of, scope) as Memory;
      const at = this.evaluate(target.at, scope) as number;
      words.set([value as number | readonly number[]].flat(), inside(words, at * width, width));
    } else throw new SyntaxError(`cannot assign to ${target.kind}`);
  }

  evaluate(expression: Expression, scope: Scope): Value {
    switch (expression.kind) {
      case 'number':
        return expression.value;
      case 'name':
        return scope.get(expression.name);
      case 'binary': {
        const left = this.evaluate(expression.left, scope);
        if (expression.operator === '||' && left === true) return true;
        if (expression.operator === '&&' && left === false) return false;
        return each(expression.operator, left, this.evaluate(expression.right, scope));
      }
      case 'member': {
        const of = this.evaluate(expression.of, scope);
        if (of instanceof Map) return of.get(expression.field);
        return (of as readonly number[])['xyzw'.indexOf(expression.field)];
      }
      case 'index': {
        const of = this.evaluate(expression.of, scope) as Memory | readonly number[];
        const at = this.evaluate(expression.at, scope) as number;
        if (!('words' in of)) return of[at];
        const from = inside(of.words, at * of.width, of.width);
        return of.width === 1 ? of.words[from] : [...of.words.subarray(from, from + of.width)];
      }
      case 'call':
        return this.#call(expression.name, expression.types, expression.args, scope);
    }
  }

  #call(name: string, types: readonly Type[], args: readonly Expression[], scope: Scope): Value {
    // A subgroup does its matrix work once.
    if (name.startsWith('subgroupMatrix') && scope.get('#leads') !== true) return undefined;
    const values = args.map((arg) => this.evaluate(arg, scope));
    if (/^vec[234]$/.test(name)) {
      return values.length === 1 ? new Array<number>(Number(name[3])).fill(values[0] as number) : (values as number[]);
    }
    if (name === 'select') {
      const [no, yes, test] = values;
      if (typeof test === 'boolean') return test ? yes : no;
      return (test as unknown as boolean[]).map((chosen, i) => ((chosen ? yes : no) as readonly number[])[i]);
    }
    if (name === 'min') return Math.min(...(values as number[]));
    if (name === 'subgroupMatrixLoad') return this.#load(types[0], types[1].name, values);
    if (name === 'subgroupMatrixStore') return storeMatrix(types[0].name, values);
    if (name === 'subgroupMatrixMultiplyAccumulate') return multiply(...(values as [Matrix, Matrix, Matrix]));
    const fields = this.#program.structs.get(name);
    if (fields !== undefined) return new Map(fields.map((field, index) => [field.name, values[index]]));
    const called = this.#program.functions.get(name);
    if (called === undefined) throw new ReferenceError(name);
    const inner = new Scope(this.#globals);
    called.parameters.forEach((parameter, index) => inner.set(parameter.name, values[index]));
    const { value, done } = this.run(called.body, inner).next();
    if (done !== true) throw new SyntaxError(`${name} has a barrier`);
    return value?.value;
  }

  #zero(type: Type): Value {
    const { name, args } = this.#program.aliases.get(type.name) ?? type;
    if (name === 'u32') return 0;
    if (/^vec[234]$/.test(name)) return new Array<number>(Number(name[3])).fill(0);
    if (name.startsWith('subgroup_matrix')) {
      const [columns, rows] = args.slice(1) as number[];
      return { rows, columns, values: new Float64Array(rows * columns) };
    }
    const fields = this.#program.structs.get(name);
    if (fields === undefined) throw new ReferenceError(name);
    return new Map(fields.map((field) => [field.name, this.#zero(field.type)]));
  }

  /** Bytes of a matrix. Offset and stride count elements of the array. */
  #load(type: Type, majorness: string, [from, offset, stride]: readonly Value[]): Matrix {
    const matrix = this.#zero(type) as Matrix;
    const { words, width } = from as Memory;
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    for (let row = 0; row < matrix.rows; row++) {
      for (let column = 0; column < matrix.columns; column++) {
        const [major, minor] = majorness === 'row_major' ? [row, column] : [column, row];
        const at = ((offset as number) + major * (stride as number)) * 4 * width + minor;
        matrix.values[row * matrix.columns + column] = bytes[inside(bytes, at, 1)];
      }
    }
    return matrix;
  }
}

function storeMatrix(majorness: string, [to, offset, matrix, stride]: readonly Value[]): undefined {
  if (majorness !== 'row_major') throw new SyntaxError(`store ${majorness}`);
  const { words, width } = to as Memory;
  const { rows, columns, values } = matrix as Matrix;
  for (let row = 0; row < rows; row++) {
    const at = inside(words, ((offset as number) + row * (stride as number)) * width, columns);
    words.set(values.subarray(row * columns, (row + 1) * columns), at);
  }
}

function multiply(left: Matrix, right: Matrix, sum: Matrix): Matrix {
  const values = sum.values.slice();
  for (let i = 0; i < left.rows; i++) {
    for (let p = 0; p < left.columns; p++) {
      const a = left.values[i * left.columns + p];
      for (let j = 0; j < right.columns; j++) {
        values[i * right.columns + j] += a * right.values[p * right.columns + j];
      }
    }
  }
  if (values.some((value) => value >= 2 ** 32)) throw new RangeError('an accumulator overflows');
  return { ...sum, values };
}

function inside(array: Uint8Array | Uint32Array, at: number, length: number): number {
  if (!(at >= 0 && at + length <= array.length)) throw new RangeError(`access to ${at} of ${array.length}`);
  return at;
}

function widthOf({ name }: Type): number {
  return name === 'u32' ? 1 : Number(name[3]);
}

/** An operator on u32 or, component by component, on vectors. */
function each(operator: string, left: Value, right: Value): Value {
  if (!Array.isArray(left)) return binary(operator, left as number, right as number);
  return left.map((value: number, i) => binary(operator, value, (right as readonly number[])[i])) as number[];
}

function binary(operator: string, a: number, b: number): number | boolean {
  switch (operator) {
    case '+':
      return (a + b) >>> 0;
    case '*':
      return Math.imul(a, b) >>> 0;
    case '/':
      return Math.floor(a / b);
    case '%':
      return a % b;
    case '<<':
    case '>>':
      if (b > 31) throw new RangeError(`shift by ${b}`);
      return operator === '<<' ? (a << b) >>> 0 : a >>> b;
    case '<':
      return a < b;
    case '>=':
      return a >= b;
    case '!=':
      return a !== b;
    case '||':
    case '&&':
      return Boolean(b);
    default:
      throw new SyntaxError(`operator ${operator}`);
  }
}
