/**
 * JSON that people keep in files: cards, the federation file, configuration. What is wrong is said with its place, and of what is not secret
 * with what was found there. A name that stands twice in an object is refused: programs differ in which of the two they take.
 */
import { createScanner, printParseErrorCode, visit, type ParseOptions } from 'jsonc-parser';
import type { z } from 'zod';
import { Problem } from '../data/problem.ts';

export interface Origin {
  /** Names the file in errors. */
  readonly source: string;
  /** How to put right whatever is wrong with it. */
  readonly fix: string;
  /** Its values are not to be shown. */
  readonly secret?: boolean | undefined;
}

const LONGEST_BYTES = 2 ** 20;
const DEEPEST = 64;
const JSON_ONLY: ParseOptions = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };
/** JSON with comments, and a comma after the last field. */
export const COMMENTED: ParseOptions = { disallowComments: false, allowTrailingComma: true, allowEmptyContent: false };

/** Throws a Problem with line and column. */
export function parseJson(text: string, { source, fix }: Origin, options: ParseOptions = JSON_ONLY): unknown {
  const wrong = (what: string, line: number, column: number): Problem =>
    new Problem(`${source}: line ${line + 1}, column ${column + 1}: ${what}`, fix);
  if (text.length > LONGEST_BYTES) throw new Problem(`${source}: is longer than any such file`, fix);
  if (depthOf(text) > DEEPEST) throw new Problem(`${source}: is nested too deeply`, fix);
  let found: Problem | undefined;
  const open: { readonly names: Set<string>; readonly set: (value: unknown) => void }[] = [];
  let root: unknown;
  let name: string | undefined;
  /** Puts a value where it belongs. */
  const put = (value: unknown): void => {
    const inner = open.at(-1);
    if (inner === undefined) root = value;
    else inner.set(value);
  };
  const begin = (value: Record<string, unknown> | unknown[]): void => {
    put(value);
    const set = Array.isArray(value)
      ? (each: unknown): void => void value.push(each)
      : (each: unknown): void => {
          const rest = { enumerable: true, configurable: true, writable: true };
          // Not by assignment: `__proto__` is a name like any other.
          Object.defineProperty(value, name!, { value: each, ...rest });
        };
    open.push({ names: new Set(), set });
  };
  visit(
    text,
    {
      onObjectBegin: () => begin({}),
      onArrayBegin: () => begin([]),
      onObjectEnd: () => void open.pop(),
      onArrayEnd: () => void open.pop(),
      onObjectProperty: (property, _offset, _length, line, column) => {
        const { names } = open.at(-1)!;
        if (names.has(property)) found ??= wrong(`${JSON.stringify(property.slice(0, 64))} stands twice`, line, column);
        names.add(property);
        name = property;
      },
      onLiteralValue: (value) => put(value),
      onError: (error, _offset, _length, line, column) =>
        void (found ??= wrong(`no JSON: ${inWords(printParseErrorCode(error))}`, line, column)),
    },
    options,
  );
  if (found !== undefined) throw found;
  return root;
}

/** What is nested too deeply is not for a parser that calls itself. */
function depthOf(text: string): number {
  const scanner = createScanner(text, true);
  let [depth, deepest] = [0, 0];
  while (scanner.getPosition() < text.length) {
    scanner.scan();
    // A text of one bracket has its quotes besides.
    const letter = scanner.getTokenLength() === 1 ? text[scanner.getTokenOffset()] : '';
    if (letter === '{' || letter === '[') deepest = Math.max(deepest, ++depth);
    if (letter === '}' || letter === ']') depth--;
  }
  return deepest;
}

/** `ColonExpected` → `colon expected`. */
function inWords(code: string): string {
  return code.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}

/** Throws a Problem that names the first field that is wrong. */
export function checkForm<T>(schema: z.ZodType<T>, json: unknown, { source, fix, secret }: Origin): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
  const message = issue.message.replace(/^Invalid input: /, '');
  const value = valueAt(json, issue.path);
  const shown = secret === true || issue.code === 'unrecognized_keys' ? '' : `, found ${brief(value)}`;
  throw new Problem(`${source}: ${place}${message}${shown}`, fix);
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], json);
}

function brief(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
