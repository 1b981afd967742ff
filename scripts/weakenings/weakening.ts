/** One security step taken away: how the source changes, and which tests are to notice. */

/** `find` stands in the file exactly once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Weakening {
  readonly name: string;
  /** What somebody would learn, or be able to do. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** Test files, in the order in which they are asked. */
  readonly tests: readonly string[];
  /** Which of their tests: a pattern for vitest's -t, for speed. */
  readonly only?: string;
}

export function edit(file: string, find: string, replace: string): Edit {
  return { file, find, replace };
}

/** Of one edit. */
export function one(
  name: string,
  breaks: string,
  file: string,
  [find, replace]: readonly [find: string, replace: string],
  tests: readonly string[],
): Weakening {
  return { name, breaks, edits: [edit(file, find, replace)], tests };
}

export const VIEWS = 'test/protocols/views.test.ts';
export const ADDRESSES = 'test/server/addresses.test.ts';

/** The files that edits change, as they leave them. Throws where what an edit looks for is not there exactly once. */
export function weakened(edits: readonly Edit[], read: (file: string) => string): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = files.get(file) ?? read(file);
    const [before, after, ...more] = text.split(find);
    if (after === undefined || more.length > 0)
      throw new Error(`${file}: expected once, found ${more.length + (after === undefined ? 0 : 1)} times: ${find}`);
    files.set(file, `${before}${replace}${after}`);
  }
  return files;
}
