/**
 * The part of the WebAssembly JavaScript interface that this folder and src/ring/vector.ts use. TypeScript ships these types with the DOM library
 * only, which server code should not see.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }

  type Exports = Record<string, ((...args: number[]) => number | undefined) | Global>;

  class Global {
    readonly value: number;
  }

  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    grow(pages: number): number;
    readonly buffer: ArrayBufferLike;
  }

  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: Exports;
  }

  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
}
