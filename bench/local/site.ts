/**
 * Who did it: of a stack the innermost protocol, layer or operation (the owner), and what it called to have it done (the operation), without
 * the helpers that every call passes through.
 */

export interface Frame {
  /** Of the function; empty for one without a name. */
  readonly name: string;
  /** Relative to `dist`, without its ending: `src/ring/z64`. Undefined for what is not of the build. */
  readonly file: string | undefined;
}

/** What every kernel call, element-wise sum or draw passes through. */
const HELPERS =
  /^(runtime\/(measured|scratch|wasm\/(instance|kernels|wasmCompute))|src\/ring\/vector|src\/random\/(measured|streams|aes-node))$/;
const OWNERS = /^src\/(protocols|engine|functions|nn|data|server)\//;

export interface Site {
  readonly owner: string;
  readonly operation: string;
  /** Of the operation. */
  readonly file: string;
}

/** @param frames innermost first */
export function siteOf(frames: readonly Frame[]): Site | undefined {
  const own = frames.filter((frame): frame is Frame & { file: string } => frame.file !== undefined);
  if (own.length === 0) return undefined;
  const operation = own.find(({ file, name }) => !HELPERS.test(file) && !name.startsWith('#')) ?? own[0];
  const owner = own.find(({ file }) => OWNERS.test(file)) ?? own[own.length - 1];
  return { owner: nameOf(owner), operation: nameOf(operation), file: operation.file };
}

export function labelOf({ owner, operation }: Site): string {
  return owner === operation ? owner : `${owner} > ${operation}`;
}

function nameOf({ file, name }: { readonly file: string; readonly name: string }): string {
  const base = file.slice(file.lastIndexOf('/') + 1);
  const last = name.slice(name.lastIndexOf('.') + 1);
  return `${base}.${last === '' ? '()' : last}`;
}

/** The file of a module's address, as frames have it. @param root address of `dist`, with a slash at its end */
export function fileOf(url: string, root: string): string | undefined {
  if (!url.startsWith(root)) return undefined;
  const file = url.slice(root.length).replace(/\.m?js$/, '');
  return file.startsWith('bench/') ? undefined : file;
}
