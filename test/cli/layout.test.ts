import { describe, expect, it } from 'vitest';
import { layTable, widthOf, wrapParts, wrapText } from '../../src/cli/layout.ts';

describe('layout', () => {
  it('limits lines on a terminal only', () => {
    expect(widthOf({ isTTY: true, columns: 60 })).toBe(60);
    expect(widthOf({ isTTY: true, columns: 0 })).toBe(80);
    expect(widthOf({ isTTY: false, columns: 60 })).toBe(Infinity);
  });

  it('wraps parts where they no longer fit, and cuts none', () => {
    expect(wrapParts(['ab', 'cd', 'ef'], 7, ' · ')).toEqual(['ab · cd', 'ef']);
    expect(wrapParts(['ab', 'cd', 'ef'], 6, ' · ')).toEqual(['ab', 'cd', 'ef']);
    expect(wrapParts(['abcdefgh', 'i'], 4, ' · ')).toEqual(['abcdefgh', 'i']);
    expect(wrapParts([], 4, ' · ')).toEqual([]);
    expect(wrapParts(['a', 'b'], Infinity, ' · ')).toEqual(['a · b']);
  });

  it('wraps text between words, line by line, and keeps what is short or indented as it is', () => {
    expect(wrapText('one two three\n  four five six', 9)).toBe('one two\nthree\n  four\n  five\n  six');
    expect(wrapText('a  b', 4)).toBe('a  b');
    expect(wrapText('models/a-very-long-name x', 10)).toBe('models/a-very-long-name\nx');
  });

  it('lays a table in columns where they fit, else row by row', () => {
    const head = ['what', 'rounds', 'MB'];
    const rows = [
      ['a step', '48', '8.97'],
      ['an epoch', '22464', '4197'],
    ];
    const wide = ['what      rounds    MB', 'a step        48  8.97', 'an epoch   22464  4197'];
    expect(layTable(head, rows, 22)).toEqual(wide);
    expect(layTable(head, rows, 21)).toEqual([
      ...['a step', '  rounds 48 · MB 8.97'],
      ...['an epoch', '  rounds 22464', '  MB 4197'],
    ]);
  });
});
