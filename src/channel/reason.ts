/**
 * What others are told of an error. An error's own words are for whoever it happened to: they may hold its paths or, where a library or
 * the engine wrote them, a number of its data. So they stay in this process, and an abort says no more than what kind of error it was,
 * unless whoever made the error has written words for others.
 */
import { ChannelError } from './channel.ts';

/** An error with words for others: names, sizes, steps; no value, no path. */
export interface ToldError extends Error {
  readonly told: string | undefined;
}

/** An error's own words, for whoever it happened to. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The texts of a ChannelError are made of names of parties, labels, types and lengths: both ends know them. */
export function reasonFor(error: unknown): string {
  if (error instanceof ChannelError) return error.message;
  if (!(error instanceof Error)) return 'an error of its own';
  const { told } = error as Partial<ToldError>;
  // The class alone: a name could have been assigned.
  return told ?? `an error of its own (${error.constructor.name}), which it alone knows`;
}
