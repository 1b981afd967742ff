/** Pictures made into what the network was trained on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asDigit, type Grey, SIDE } from '../../src/page/digit.ts';

/** White on black: what `isInk` says, on paper of this size. */
function drawn(side: number, isInk: (x: number, y: number) => boolean): Grey {
  const values = Uint8Array.from({ length: side * side }, (_, i) => (isInk(i % side, Math.floor(i / side)) ? 255 : 0));
  return { width: side, height: side, values };
}

const inverted = ({ width, height, values }: Grey): Grey => ({ width, height, values: values.map((v) => 255 - v) });
/** An L: its mass is neither in the middle of the paper nor in that of its box. */
const corner = (side: number): Grey =>
  drawn(side, (x, y) => (x > 20 && x < 40 && y > 30 && y < 230) || (x > 20 && x < 120 && y > 210 && y < 230));

function facts(pixels: Uint8Array): { box: number; x: number; y: number } {
  let [mass, x, y] = [0, 0, 0];
  const inked: [number, number][] = [];
  for (const [i, value] of pixels.entries()) {
    const [column, row] = [i % SIDE, Math.floor(i / SIDE)];
    mass += value;
    x += value * (column + 0.5);
    y += value * (row + 0.5);
    if (value > 100) inked.push([column, row]);
  }
  const extent = (axis: 0 | 1): number => {
    const all = inked.map((place) => place[axis]);
    return Math.max(...all) - Math.min(...all) + 1;
  };
  return { box: Math.max(extent(0), extent(1)), x: x / mass, y: y / mass };
}

describe('a picture as a digit', () => {
  it('has its longer side 20 pixels long and its centre of mass in the middle, wherever it was drawn', () => {
    const { pixels } = asDigit(corner(280))!;
    const { box, x, y } = facts(pixels);
    expect([Math.round(x), Math.round(y)]).toEqual([14, 14]);
    // The middle of a pixel or its edge: 20 pixels cover parts of 21.
    expect([20, 21]).toContain(box);
    expect(Math.max(...pixels)).toBe(255);
  });

  it('is the same dark on light, on grey paper, and twice as large', () => {
    const { pixels, inverted: was } = asDigit(corner(280))!;
    expect(was).toBe(false);
    expect(asDigit(inverted(corner(280)))).toEqual({ pixels, inverted: true });
    const faint = inverted(corner(280));
    expect(asDigit({ ...faint, values: faint.values.map((v) => (v === 255 ? 200 : 60)) })!.pixels).toEqual(pixels);
    const { values } = corner(280);
    const twice = drawn(560, (x, y) => values[(y >> 1) * 280 + (x >> 1)] > 0);
    expect(asDigit(twice)!.pixels).toEqual(pixels);
  });

  it('loses what is fainter than ink: shadows, and what JPEG leaves around edges', () => {
    const clean = corner(280);
    const noisy = clean.values.map((value, i) => (value > 0 ? value : (i * 7919) % 23));
    const { pixels } = asDigit(clean)!;
    const apart = asDigit({ ...clean, values: noisy })!.pixels.map((v, i) => Math.abs(v - pixels[i]));
    expect(Math.max(...apart)).toBeLessThan(16);
  });

  it('is taken as it is where it has 28 x 28 pixels already', () => {
    const small = drawn(SIDE, (x, y) => x === 3 && y > 2 && y < 9);
    expect(asDigit(small)).toEqual({ pixels: small.values, inverted: false });
    expect(asDigit(inverted(small))).toEqual({ pixels: small.values, inverted: true });
  });

  it('is none where nothing is to be seen', () => {
    for (const side of [SIDE, 100]) {
      expect(asDigit(drawn(side, () => false))).toBeUndefined();
      expect(asDigit(drawn(side, () => true))).toBeUndefined();
    }
    expect(asDigit({ width: 1, height: 1, values: new Uint8Array(1) })).toBeUndefined();
  });

  it('keeps all its ink on the paper, however far from the middle its mass is', () => {
    const heavy = (x: number, y: number): boolean => x > 4 && x < 64 && y > 4 && y < 104;
    const arm = (x: number, y: number): boolean => x > 4 && x < 274 && y > 4 && y < 12;
    const { box, x, y } = facts(asDigit(drawn(280, (x, y) => heavy(x, y) || arm(x, y)))!.pixels);
    expect([20, 21]).toContain(box);
    // The arm would have been cut off with the mass in the middle.
    expect(x).toBeLessThan(13);
    expect(Math.round(y)).toBe(14);
  });
});

describe('the page’s colours', () => {
  const css = readFileSync(join(import.meta.dirname, '../../src/page/style.css'), 'utf8');
  const schemes = [...css.matchAll(/:root \{([^}]*)\}/g)].map(
    ([, block]) =>
      new Map([...block.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value])),
  );

  /** WCAG 2.2, relative luminance. */
  function luminance(colour: string): number {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  it('are there for light and dark', () => expect(schemes).toHaveLength(2));

  it.each([0, 1])('keep the contrast of WCAG AA for text (scheme %i)', (scheme) => {
    const of = (name: string): string => schemes[scheme].get(name)!;
    const pairs = ['ink', 'soft', 'accent', 'p0', 'p1', 'p2', 'bad'].map((name) => [name, 'card']);
    pairs.push(['ink', 'paper'], ['soft', 'paper'], ['accent', 'paper'], ['on-accent', 'accent'], ['soft', 'track']);
    for (const [text, behind] of pairs) {
      const [dark, light] = [luminance(of(text)), luminance(of(behind))].sort((a, b) => a - b);
      expect((light + 0.05) / (dark + 0.05), `${text} on ${behind}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
