/** Text and tables laid out for the width of a terminal: what does not fit goes to the next line, nothing is cut. */

/** Columns of a stream; Infinity where no terminal limits a line. */
export function widthOf(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>): number {
  return stream.isTTY ? stream.columns || 80 : Infinity;
}

/** Parts side by side, as many a line as fit; one that is longer than a line stands alone. */
export function wrapParts(parts: readonly string[], width: number, joint: string): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = `${lines.at(-1)}${joint}${part}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines;
}

/** Each line wrapped between words; what goes on keeps the line's indentation. A word that is longer than a line is left whole, to be copied. */
export function wrapText(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      if (line.length <= width) return [line];
      const indent = /^ */.exec(line)![0];
      const words = line.trim().split(' ');
      return wrapParts(words, width - indent.length, ' ').map((part) => indent + part);
    })
    .join('\n');
}

/** Columns side by side, the first flush left. Where they do not fit, each row is a paragraph that names its cells. */
export function layTable(head: readonly string[], rows: readonly (readonly string[])[], width: number): string[] {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  if (widths.reduce((sum, each) => sum + each + 2, -2) <= width) {
    return [head, ...rows].map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    );
  }
  return rows.flatMap(([first, ...cells]) => {
    const parts = cells.map((cell, i) => `${head[i + 1]} ${cell}`);
    return [first, ...wrapParts(parts, width - 2, ' · ').map((line) => `  ${line}`)];
  });
}
