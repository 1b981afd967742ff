/**
 * Counts, by who did it, what this process does to memory: copies into and out of WebAssembly's memories and between arrays, arrays made,
 * key stream, kernels with the operands that lie at the addresses they are given, bytes handed to sockets. For that it stands in for
 * typed arrays' methods and for WebAssembly's constructors, so it must be there before the build's modules are.
 */
import { createCipheriv } from 'node:crypto';
import { Socket } from 'node:net';
import { coreWaitMeter } from '../../src/profile/core-wait.ts';
import { fileOf, labelOf, siteOf, type Frame } from './site.ts';

/** What is done: `into`, `out`: of WebAssembly's memory; `copy`: between arrays. */
export const DEEDS = ['kernel', 'into', 'out', 'copy', 'new', 'cipher', 'socket'] as const;
export type Deed = (typeof DEEDS)[number];

export interface Count {
  readonly label: string;
  readonly deed: Deed;
  /** Kernel; else empty. */
  readonly name: string;
  calls: number;
  readBytes: number;
  writtenBytes: number;
  /** Time in the deed itself; of a socket's only that on a core. */
  ms: number;
}

/** What is smaller is no pass over memory. */
const LEAST_BYTES = 512;
const FRAMES = 24;

/** What V8 has beside an error's own. */
const V8_ERROR = Error as {
  stackTraceLimit: number;
  prepareStackTrace?: ((error: Error, sites: NodeJS.CallSite[]) => unknown) | undefined;
};

type Words = Uint8Array | BigUint64Array;

export class Counter {
  readonly #root: string;
  readonly #counts: Map<string, Count> = new Map();
  /** Of each memory: bytes of the array that was last put at an address. */
  readonly #memories: Map<WebAssembly.Memory, Map<number, number>> = new Map();
  readonly #ciphers: Set<object> = new Set();
  readonly #waitedMs = coreWaitMeter() ?? ((): number => 0);
  #on = false;

  /** @param root address of `dist`, with a slash at its end */
  constructor(root: string) {
    this.#root = root;
  }

  start(): void {
    this.#counts.clear();
    this.#on = true;
  }

  stop(): Count[] {
    this.#on = false;
    return [...this.#counts.values()];
  }

  install(): void {
    this.#countKernels();
    this.#countCopies();
    for (const name of ['Uint8Array', 'BigUint64Array'] as const) this.#countNew(name);
    this.#countCipher();
    this.#countSockets();
  }

  #add(deed: Deed, name: string, read: number, written: number, ms: number): Count {
    const label = this.#label();
    const key = `${deed} ${name} ${label}`;
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { label, deed, name, calls: 0, readBytes: 0, writtenBytes: 0, ms: 0 };
      this.#counts.set(key, count);
    }
    count.calls++;
    count.readBytes += read;
    count.writtenBytes += written;
    count.ms += ms;
    return count;
  }

  #label(): string {
    const before = { stackTraceLimit: V8_ERROR.stackTraceLimit, prepareStackTrace: V8_ERROR.prepareStackTrace };
    V8_ERROR.stackTraceLimit = FRAMES;
    V8_ERROR.prepareStackTrace = (_, sites) =>
      sites.map((site): Frame => ({
        name: site.getFunctionName() ?? '',
        file: fileOf(site.getFileName() ?? '', this.#root),
      }));
    const { stack } = new Error() as unknown as { stack: Frame[] };
    Object.assign(V8_ERROR, before);
    const site = siteOf(stack);
    return site === undefined ? 'node' : labelOf(site);
  }

  /** What lies where in the memory of this buffer; undefined for ordinary arrays. */
  #operandsIn(buffer: ArrayBufferLike): Map<number, number> | undefined {
    for (const [memory, operands] of this.#memories) if (memory.buffer === buffer) return operands;
    return undefined;
  }

  #countKernels(): void {
    const memories = this.#memories;
    WebAssembly.Memory = class extends WebAssembly.Memory {
      constructor(descriptor: ConstructorParameters<typeof WebAssembly.Memory>[0]) {
        super(descriptor);
        memories.set(this, new Map());
      }
    };
    WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
      construct: (target, args: ConstructorParameters<typeof WebAssembly.Instance>) => {
        const instance = new target(...args);
        const operands = memories.get(args[1].env.memory) ?? new Map<number, number>();
        const exports = Object.entries(instance.exports).map(([name, value]) => [
          name,
          typeof value === 'function' ? this.#kernel(name, value, operands) : value,
        ]);
        const value: unknown = Object.fromEntries(exports);
        return Object.create(instance, { exports: { value } }) as WebAssembly.Instance;
      },
    });
  }

  #kernel(
    name: string,
    run: (...args: number[]) => number | undefined,
    operands: ReadonlyMap<number, number>,
  ): typeof run {
    return (...args) => {
      if (!this.#on) return run(...args);
      const start = performance.now();
      const result = run(...args);
      const ms = performance.now() - start;
      this.#add(
        'kernel',
        name,
        args.reduce((bytes, argument) => bytes + (operands.get(argument) ?? 0), 0),
        0,
        ms,
      );
      return result;
    };
  }

  #countCopies(): void {
    const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
    standIn(prototype, 'set', (set, to: Words, args: [Words, number?]) => {
      const [from, at = 0] = args;
      if (!this.#on || !ArrayBuffer.isView(from)) return set.apply(to, args);
      const start = performance.now();
      set.apply(to, args);
      const ms = performance.now() - start;
      const bytes = from.byteLength;
      const into = this.#operandsIn(to.buffer);
      into?.set(to.byteOffset + at * to.BYTES_PER_ELEMENT, bytes);
      const deed = into ? 'into' : this.#operandsIn(from.buffer) ? 'out' : 'copy';
      if (bytes >= LEAST_BYTES) this.#add(deed, '', bytes, bytes, ms);
      return undefined;
    });
    standIn(prototype, 'slice', (slice, from: Words, args) => {
      const start = performance.now();
      const made = slice.call(from, ...args) as Words;
      const ms = performance.now() - start;
      const deed = this.#operandsIn(from.buffer) ? 'out' : 'copy';
      if (this.#on && made.byteLength >= LEAST_BYTES) this.#add(deed, 'slice', made.byteLength, made.byteLength, ms);
      return made;
    });
    standIn(prototype, 'fill', (fill, to: Words, args) => {
      const start = performance.now();
      fill.call(to, ...args);
      const ms = performance.now() - start;
      if (this.#on && to.byteLength >= LEAST_BYTES) this.#add('copy', 'fill', 0, to.byteLength, ms);
      return to;
    });
  }

  #countNew(name: 'Uint8Array' | 'BigUint64Array'): void {
    const stand: object = new Proxy(globalThis[name] as new (...args: unknown[]) => Words, {
      construct: (target, args: readonly unknown[], newTarget) => {
        const [first, at, length] = args;
        const start = performance.now();
        const made = Reflect.construct(target, args, newTarget === stand ? target : newTarget) as Words;
        const ms = performance.now() - start;
        if (!this.#on || made.byteLength < LEAST_BYTES) return made;
        if (typeof first === 'number') this.#add('new', '', 0, made.byteLength, ms);
        else if (ArrayBuffer.isView(first)) this.#add('new', 'copy', made.byteLength, made.byteLength, ms);
        // Scratch bytes: an operand that is not copied.
        else this.#operandsIn(first as ArrayBufferLike)?.set(at as number, length as number);
        return made;
      },
    });
    Object.assign(globalThis, { [name]: stand });
  }

  #countCipher(): void {
    for (const mode of ['aes-128-ctr', 'aes-128-ecb']) {
      const made = createCipheriv(mode, Buffer.alloc(16), mode.endsWith('ecb') ? null : Buffer.alloc(16));
      const prototype = Object.getPrototypeOf(made) as object;
      if (this.#ciphers.has(prototype)) continue;
      this.#ciphers.add(prototype);
      standIn(prototype, 'update', (update, cipher: object, args: [Uint8Array]) => {
        const start = performance.now();
        const result = update.apply(cipher, args) as Uint8Array;
        if (this.#on) this.#add('cipher', '', args[0].length, result.length, performance.now() - start);
        return result;
      });
    }
  }

  /** In the very call the system wakes whoever waits for the bytes, who may take the core. */
  #countSockets(): void {
    standIn(Socket.prototype, '_writeGeneric', (write, socket: Socket, args: [boolean, unknown]) => {
      const [several, data] = args;
      const [start, waited] = [performance.now(), this.#waitedMs()];
      const result = write.apply(socket, args);
      const ms = performance.now() - start - (this.#waitedMs() - waited);
      const pieces = (several ? data : [data]) as (Uint8Array | string | { chunk: Uint8Array })[];
      const bytes = pieces.reduce(
        (sum, piece) => sum + (typeof piece === 'object' && 'chunk' in piece ? piece.chunk : piece).length,
        0,
      );
      if (this.#on) this.#add('socket', several ? 'writev' : 'write', bytes, bytes, ms);
      return result;
    });
  }
}

/** Puts `instead` in a method's place; it is given the method, what it is called on, and the arguments. */
export function standIn<Of, Args extends readonly unknown[]>(
  prototype: object,
  name: string,
  instead: (method: (this: unknown, ...args: readonly unknown[]) => unknown, of: Of, args: Args) => unknown,
): void {
  const methods = prototype as Record<string, (this: unknown, ...args: readonly unknown[]) => unknown>;
  const method = methods[name];
  methods[name] = function (this: unknown, ...args) {
    return instead(method, this as Of, args as unknown as Args);
  };
}
