/** Colours can be told from what they lie on, in light and in dark (WCAG 2.2: text 4.5 to 1, graphics 3 to 1). */
import { describe, expect, it } from 'vitest';
import { STYLE } from '../../src/profile/style.ts';
import { GROUPS } from '../../src/profile/summary.ts';

/** The page's colours by name: light, then dark. */
const schemes = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, text]) => new Map([...text.matchAll(/--(\w+): (#[0-9a-f]{6})/g)].map(([, name, hex]) => [name, hex])),
);

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

it('reckons contrast as WCAG does', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

describe.each([
  ['light', 0],
  ['dark', 1],
])('%s', (_, scheme) => {
  const of = (name: string): string => schemes[scheme].get(name)!;

  it.each([...GROUPS])('%s stands out', (group) => {
    for (const ground of ['page', 'card']) expect(contrast(of(group), of(ground))).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ...[
      ['ink', 'page'],
      ['ink', 'card'],
      ['soft', 'page'],
      ['soft', 'card'],
    ],
    ...[
      ['ink', 'main'],
      ['ink', 'other'],
      ['messages', 'page'],
      ['messages', 'card'],
    ],
  ])('%s can be read on %s', (text, ground) => {
    expect(contrast(of(text), of(ground))).toBeGreaterThanOrEqual(4.5);
  });
});
