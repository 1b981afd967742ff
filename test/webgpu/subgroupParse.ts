/**
 * Parser for the part of WGSL that tier (c)'s kernels are written in. Unknown constructs throw. For tests: subgroupRun.ts runs the
 * result, so that the text itself is executed where no matrix unit is.
 */

export interface Type {
  readonly name: string;
  readonly args: readonly (Type | number)[];
}

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly types: readonly Type[];
      readonly args: readonly Expression[];
    }
  | { readonly kind: 'member'; readonly of: Expression; readonly field: string }
  | { readonly kind: 'index'; readonly of: Expression; readonly at: Expression };

export type Statement =
  | { readonly kind: 'declare'; readonly name: string; readonly type?: Type; readonly value?: Expression }
  | { readonly kind: 'assign'; readonly target: Expression; readonly value: Expression }
  | { readonly kind: 'call'; readonly call: Expression }
  | { readonly kind: 'if'; readonly test: Expression; readonly body: readonly Statement[] }
  | {
      readonly kind: 'for';
      readonly start: Statement;
      readonly test: Expression;
      readonly next: Statement;
      readonly body: readonly Statement[];
    }
  | { readonly kind: 'block'; readonly body: readonly Statement[] }
  | { readonly kind: 'return'; readonly value?: Expression };

export interface Field {
  readonly name: string;
  readonly type: Type;
  /** Attributes before it, such as `builtin(subgroup_id)`. */
  readonly attributes: string;
}

export interface Program {
  readonly structs: Map<string, readonly Field[]>;
  readonly aliases: Map<string, Type>;
  readonly constants: Map<string, Expression>;
  readonly overrides: Set<string>;
  /** Module variables: bindings and workgroup memory. */
  readonly variables: Map<string, { readonly space: string; readonly type: Type }>;
  readonly functions: Map<string, { readonly parameters: readonly Field[]; readonly body: readonly Statement[] }>;
  workgroupSize: Expression | undefined;
}

const TOKEN = /\/\/.*|[A-Za-z_]\w*|\d+|[<>=!]=|&&|\|\||\+\+|->|\S/g;
/** Names that may be followed by template arguments within an expression. */
const TEMPLATES = /^(vec[234]|subgroupMatrix(Load|Store))$/;
/** Binary operators from the loosest to the tightest. Shifts are two tokens, since `>>` may also close two templates. */
const LEVELS = [['||'], ['&&'], ['<', '>', '<=', '>=', '==', '!='], ['<<', '>>'], ['+', '-'], ['*', '/', '%']];

export function parseWgsl(text: string): Program {
  const tokens = [...text.matchAll(TOKEN)].map(([token]) => token).filter((token) => !token.startsWith('//'));
  return new Parser(tokens).program();
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  program(): Program {
    const program: Program = {
      structs: new Map(),
      aliases: new Map(),
      constants: new Map(),
      overrides: new Set(),
      variables: new Map(),
      functions: new Map(),
      workgroupSize: undefined,
    };
    while (this.#at < this.#tokens.length) this.#declaration(program);
    return program;
  }

  #declaration(program: Program): void {
    while (this.#peek() === '@') {
      this.#take('@');
      const name = this.#next();
      if (!this.#accept('(')) continue;
      const argument = this.#expression();
      if (name === 'workgroup_size') program.workgroupSize = argument;
      this.#take(')');
    }
    const word = this.#next();
    if (word === 'enable') this.#next();
    else if (word === 'override') program.overrides.add(this.#field().name);
    else if (word === 'alias') program.aliases.set(this.#named('='), this.#type());
    else if (word === 'const') program.constants.set(this.#named('='), this.#expression());
    else if (word === 'struct') {
      program.structs.set(this.#named('{'), this.#fields('}'));
      return;
    } else if (word === 'fn') {
      const name = this.#named('(');
      const parameters = this.#fields(')');
      if (this.#accept('->')) this.#type();
      program.functions.set(name, { parameters, body: this.#block() });
      return;
    } else if (word === 'var') {
      this.#take('<');
      const space = this.#next();
      if (this.#accept(',')) this.#next();
      this.#take('>');
      const { name, type } = this.#field();
      program.variables.set(name, { space, type });
    } else throw new SyntaxError(`declaration expected, found ${word}`);
    this.#take(';');
  }

  #named(then: string): string {
    const name = this.#next();
    this.#take(then);
    return name;
  }

  #field(): Field {
    let attributes = '';
    while (this.#accept('@')) {
      attributes += `${this.#next()}${this.#next()}${this.#next()}${this.#next()}`;
    }
    const name = this.#named(':');
    return { name, type: this.#type(), attributes };
  }

  #fields(close: string): Field[] {
    const fields: Field[] = [];
    while (!this.#accept(close)) {
      fields.push(this.#field());
      if (!this.#accept(',') && this.#peek() !== close) throw new SyntaxError(`, or ${close} expected`);
    }
    return fields;
  }

  #type(): Type {
    const name = this.#next();
    return { name, args: this.#peek() === '<' ? this.#templates() : [] };
  }

  #templates(): (Type | number)[] {
    const args: (Type | number)[] = [];
    this.#take('<');
    while (!this.#accept('>')) {
      args.push(/^\d/.test(this.#peek()) ? this.#number() : this.#type());
      this.#accept(',');
    }
    return args;
  }

  #block(): Statement[] {
    const body: Statement[] = [];
    this.#take('{');
    while (!this.#accept('}')) body.push(this.#statement());
    return body;
  }

  #statement(): Statement {
    const word = this.#peek();
    if (word === '{') return { kind: 'block', body: this.#block() };
    if (word === 'if') {
      this.#next();
      return { kind: 'if', test: this.#expression(), body: this.#block() };
    }
    if (word === 'for') {
      this.#next();
      this.#take('(');
      const start = this.#simple();
      this.#take(';');
      const test = this.#expression();
      this.#take(';');
      const next = this.#simple();
      this.#take(')');
      return { kind: 'for', start, test, next, body: this.#block() };
    }
    const statement = this.#simple();
    this.#take(';');
    return statement;
  }

  #simple(): Statement {
    if (this.#accept('return')) {
      return this.#peek() === ';' ? { kind: 'return' } : { kind: 'return', value: this.#expression() };
    }
    if (this.#accept('let') || this.#accept('var')) {
      const name = this.#next();
      const type = this.#accept(':') ? { type: this.#type() } : {};
      const value = this.#accept('=') ? { value: this.#expression() } : {};
      return { kind: 'declare', name, ...type, ...value };
    }
    const target = this.#expression();
    if (this.#accept('=')) return { kind: 'assign', target, value: this.#expression() };
    if (this.#accept('++')) {
      const one: Expression = { kind: 'number', value: 1 };
      return { kind: 'assign', target, value: { kind: 'binary', operator: '+', left: target, right: one } };
    }
    return { kind: 'call', call: target };
  }

  #expression(level = 0): Expression {
    if (level === LEVELS.length) return this.#postfix();
    let left = this.#expression(level + 1);
    for (let operator = this.#operator(); LEVELS[level].includes(operator); operator = this.#operator()) {
      this.#at += operator === '<<' || operator === '>>' ? 2 : 1;
      left = { kind: 'binary', operator, left, right: this.#expression(level + 1) };
    }
    return left;
  }

  #operator(): string {
    const first = this.#peek();
    return (first === '<' || first === '>') && this.#tokens[this.#at + 1] === first ? first + first : first;
  }

  #postfix(): Expression {
    let value = this.#primary();
    for (;;) {
      if (this.#accept('.')) value = { kind: 'member', of: value, field: this.#next() };
      else if (this.#accept('[')) {
        value = { kind: 'index', of: value, at: this.#expression() };
        this.#take(']');
      } else return value;
    }
  }

  #primary(): Expression {
    if (this.#accept('(')) {
      const inner = this.#expression();
      this.#take(')');
      return inner;
    }
    // References appear only as arguments, where naming the variable is enough.
    this.#accept('&');
    if (/^\d/.test(this.#peek())) return { kind: 'number', value: this.#number() };
    const name = this.#next();
    const types = TEMPLATES.test(name) ? this.#templates().filter((arg) => typeof arg !== 'number') : [];
    if (!this.#accept('(')) return { kind: 'name', name };
    const args: Expression[] = [];
    while (!this.#accept(')')) {
      args.push(this.#expression());
      this.#accept(',');
    }
    return { kind: 'call', name, types, args };
  }

  #number(): number {
    const value = Number(this.#next());
    if (this.#peek() === 'u') this.#next();
    return value;
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #next(): string {
    if (this.#at >= this.#tokens.length) throw new SyntaxError('unexpected end');
    return this.#tokens[this.#at++];
  }

  #accept(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  #take(token: string): void {
    const found = this.#next();
    if (found !== token) {
      const near = this.#tokens.slice(Math.max(0, this.#at - 8), this.#at + 3).join(' ');
      throw new SyntaxError(`${token} expected, found ${found} near ${near}`);
    }
  }
}
