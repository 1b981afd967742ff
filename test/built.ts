/** Modules of the built program, in a test. */

/**
 * Vitest runs this process on sources (`vitest.config.ts`), and whatever is forked inherits that. What is built, and what that forks, takes what
 * is built.
 */
function takeWhatIsBuilt(): void {
  process.execArgv = process.execArgv.filter(
    (each, i, all) => each !== 'securenn-source' && all[i + 1] !== 'securenn-source',
  );
}

/** @param path under dist: `src/cli/session.js`. The type is that of the source's module */
export async function importBuilt<Module>(path: string): Promise<Module> {
  takeWhatIsBuilt();
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as Module;
}
