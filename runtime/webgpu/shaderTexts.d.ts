/** The files of shaders/ by their path there, for a page, which reads no files: the build (scripts/build.mjs) writes the module into dist/. */
export declare const SHADER_TEXTS: Readonly<Record<string, string>>;
