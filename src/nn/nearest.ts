/** What was probably meant by a word that is unknown. */
import { closestMatch } from 'leven';

/** Words shorter than this resemble everything. */
const SHORTEST = 3;

/** The choice that is the word in other case, goes on after it (`conv`), or differs least: by about a letter in three. */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const same = choices.find((choice) => choice.toLowerCase() === lower);
  if (same !== undefined || lower.length < SHORTEST) return same;
  const longer = choices.find((choice) => choice.toLowerCase().startsWith(lower));
  return longer ?? closestMatch(lower, choices, { maxDistance: Math.round(lower.length / 3) });
}

/** `; did you mean "conv2d"?`, or nothing. */
export function didYouMean(word: string, choices: readonly string[]): string {
  const choice = nearest(word, choices);
  return choice === undefined ? '' : `; did you mean "${choice}"?`;
}
