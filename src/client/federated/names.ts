/** Names that become those of files and keys. */
import { Problem } from '../../data/problem.ts';
import { NAME } from '../../federation/card.ts';

export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new Problem(
    `${JSON.stringify(name.slice(0, 80))} is no name`,
    'give small letters, digits, dot, dash, underscore, 64 at most, a letter or digit first',
  );
}
