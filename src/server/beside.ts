/** @returns where a program lies that is next to the file `from`, with the same ending: run from source, compiled, or in a bundle */
export function beside(from: string, name: string): URL {
  const [ending] = /(\.bundle)?\.[jt]s$/.exec(from)!;
  return new URL(`./${name}${ending}`, from);
}
