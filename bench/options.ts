/** The command line of a benchmark. `--help` prints what the benchmark's file says of itself, its first comment; what it does not know ends it at once. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs, type ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>['values'];

const HELP = { help: { type: 'boolean', short: 'h' } } as const;

/** @param url `import.meta.url` of the benchmark  @param positionals whether it takes words that are no options */
export function optionsOf<T extends Options>(
  url: string,
  options: T,
  positionals = false,
): { readonly values: Values<T>; readonly positionals: readonly string[] } {
  try {
    const parsed = parseArgs({ options: { ...options, ...HELP }, allowPositionals: positionals });
    if ((parsed.values as { readonly help?: boolean }).help !== true)
      return { values: parsed.values as unknown as Values<T>, positionals: parsed.positionals };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${wordsOf(url)}`);
    process.exit(2);
  }
  console.log(wordsOf(url));
  process.exit(0);
}

/** The first comment of a file, as text. */
export function wordsOf(url: string): string {
  const [, comment = ''] = /^\/\*\*(.*?)\*\//s.exec(readFileSync(fileURLToPath(url), 'utf8')) ?? [];
  return comment.replaceAll(/^ ?\* ?/gm, '').trim();
}
