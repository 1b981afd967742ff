/** Where ⟨U⟩_j of an owner's input stands among the streams of its key (PROTOCOLS §1, "Owners' inputs"). */

/** The purpose. */
export const MASK = 'U';

export function maskPath(name: string): string {
  return `input/${name}`;
}
