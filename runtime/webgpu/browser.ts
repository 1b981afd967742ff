/** What a browser needs and Node does not: shaders by fetch. The way to adapters is `navigator.gpu`, in a page of a secure context. */
import type { ReadShader } from './shaders.ts';

/** Reads from the folder shaders/ that lies where this module was loaded from, as in dist/. */
export const fetchShader: ReadShader = async (path) => {
  const url = new URL(`../../shaders/${path}`, import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`webgpu: ${url.href}: HTTP status ${response.status}`);
  return response.text();
};
