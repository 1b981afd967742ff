import { ChannelError } from '../channel/channel.ts';
import { reasonFor } from '../channel/reason.ts';
import { Problem } from '../data/problem.ts';
import type { FailureNotice } from './ipc.ts';

/** An error in words; one that nobody foresaw also says where it happened, for whoever looks into it. */
export function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Problem || error instanceof ChannelError) return error.message;
  const place = /\(?([^\s(/]+:\d+:\d+)\)?$/m.exec(error.stack ?? '')?.[1];
  return place === undefined ? error.message : `${error.message} (${error.name} at ${place})`;
}

/** What a process or thread says that it failed of. */
export function failureNotice(error: unknown): FailureNotice & { readonly told: string } {
  const fix = error instanceof Problem ? { fix: error.fix } : {};
  const origin = error instanceof ChannelError ? 'link' : 'here';
  return { type: 'error', message: described(error), origin, told: reasonFor(error), ...fix };
}
