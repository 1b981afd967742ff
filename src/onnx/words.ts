/** How things of a file are named in errors and notes: its names may be any text. */
const LONGEST = 60;

/** A name from a file: quoted, cut, on one line. */
export function quoted(name: string): string {
  return JSON.stringify(name.length <= LONGEST ? name : `${name.slice(0, LONGEST)}…`);
}

/** `[N,3,32,32]`: a shape in which NaN stands for the batch. */
export function shown(shape: readonly number[]): string {
  return `[${shape.map((extent) => (Number.isNaN(extent) ? 'N' : extent)).join(',')}]`;
}
