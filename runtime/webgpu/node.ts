/** What Node needs and a browser does not: Dawn from the package `webgpu`, shaders from files. */
import { readFile } from 'node:fs/promises';
import type { ReadShader } from './shaders.ts';

/**
 * Dawn's entry point. Node stays alive while the object it returns is referenced: hold it only while choosing an adapter, and close the
 * device at the end. `flags` are Dawn's own, e.g. `backend=null`. Experimental features (subgroup matrices) are let in and timestamps are
 * not rounded, as they are for web pages: the shaders are this program's own.
 */
export async function loadDawn(flags: readonly string[] = []): Promise<GPU> {
  try {
    const { create } = await import('webgpu');
    return create(['enable-dawn-features=allow_unsafe_apis', 'disable-dawn-features=timestamp_quantization', ...flags]);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const what = missing ? 'is not installed' : `does not load on ${process.platform}-${process.arch}`;
    throw new Error(`webgpu: the package "webgpu" ${what}`, { cause });
  }
}

/** Reads from shaders/ of the checkout, or of dist/. */
export const readShaderFile: ReadShader = async (path) =>
  readFile(new URL(`../../shaders/${path}`, import.meta.url), 'utf8');
