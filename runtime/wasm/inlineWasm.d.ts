/** `inline.wasm` in Base64, for a page, which reads no files: the build (scripts/build.mjs) writes the module into dist/. */
export declare const INLINE_WASM: string;
