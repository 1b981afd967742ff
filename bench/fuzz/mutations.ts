/** Things from outside, nearly right: JSON with anything in the place of anything, text with letters changed. */
import fc from 'fast-check';
import { change, changed, type Change } from './fuzz.ts';

/** What may stand at any place of a JSON value. */
export const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(null, '', -1, 0, 1e308, 1.5, 2 ** 53, true, [], {}, 'x'.repeat(10_000), '\ud800'),
  fc.constantFrom<unknown>('__proto__', '../../etc/passwd', '\u0000', 'P0', '00'.repeat(32), { __proto__: null }),
);

export interface Edit {
  /** Which of all places, counted round. */
  readonly at: number;
  readonly how: 'put' | 'remove' | 'add';
  readonly value: unknown;
}

export const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    at: fc.nat(10_000),
    how: fc.constantFrom<Edit['how']>('put', 'put', 'remove', 'add'),
    value: odd,
  }),
  { maxLength: 3 },
);

/** A copy with these edits. */
export function edited(json: unknown, all: readonly Edit[]): unknown {
  let now = structuredClone(json);
  for (const { at, how, value } of all) {
    const found = places(now);
    const path = found[at % found.length];
    if (path.length === 0) {
      if (how === 'put') now = value;
      continue;
    }
    const parent = path.slice(0, -1).reduce((inner, key) => (inner as Record<string, unknown>)[key], now);
    const holder = parent as Record<string, unknown>;
    const key = path.at(-1)!;
    if (how === 'put') holder[key] = value;
    else if (how === 'add') holder[`${key}x`] = value;
    else Reflect.deleteProperty(holder, key);
  }
  return now;
}

function places(json: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof json !== 'object' || json === null) return [path];
  return [path, ...Object.entries(json).flatMap(([key, value]) => places(value, [...path, key]))];
}

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(change, { minLength: 1, maxLength: 4 });

export function changedText(text: string, all: readonly Change[]): string {
  return Buffer.from(changed(Buffer.from(text), all)).toString('utf8');
}
