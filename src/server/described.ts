import { ChannelError } from '../channel/channel.ts';
import { Problem } from '../data/problem.ts';

/** An error in words; one that nobody foresaw also says where it happened, for whoever looks into it. */
export function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Problem || error instanceof ChannelError) return error.message;
  const place = /\(?([^\s(/]+:\d+:\d+)\)?$/m.exec(error.stack ?? '')?.[1];
  return place === undefined ? error.message : `${error.message} (${error.name} at ${place})`;
}
