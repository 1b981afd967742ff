/** Canonical JSON: the RFC's own example, and whatever else, as the RFC's author writes it. */
import reference from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes } from '../../src/federation/canonical.ts';

// The package is CommonJS, its types say that it has a default.
const author = reference as unknown as (value: unknown) => string;
const canonical = (document: unknown): string => new TextDecoder().decode(canonicalBytes(document));

describe('canonical JSON', () => {
  it('writes the example of RFC 8785, §3.2.2 and §3.2.3', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "€$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    expect(canonical(JSON.parse(text))).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
    const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.values(JSON.parse(canonical(names)) as object)).toHaveLength(7);
    // Digits alone come first in every object of JavaScript: the text is what counts.
    expect(canonical(names)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  });

  it('writes any document as the author of the RFC does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        expect(canonical(value)).toBe(author(value));
      }),
    );
  });

  it('leaves absent fields out, and refuses what is no JSON', () => {
    expect(canonical({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(() => canonicalBytes(undefined)).toThrow(RangeError);
    expect(() => canonicalBytes(1n)).toThrow(TypeError);
  });
});
