/** What a process that died says of its end, among all that it and its libraries printed, and what helps. */
import { isOutOfMemory, MEMORY_FIX } from '../data/memory.ts';

/** Sent from outside: what was printed before has nothing to do with it. */
const FROM_OUTSIDE: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGXCPU'];
/** V8 prints its reason for a crash as a line of its own; an uncaught error names itself at the start of a line. */
const REASON = /^(#\s+)?(FATAL ERROR|Fatal error|[A-Za-z]*Error)\b/;
/** Dawn and Vulkan's loader warn of every driver that is not there, with the place in their source. */
const NOISE = /^\s*(warn(ing)?|info|debug|note)\b|^\s+at |^\s*$/i;

/**
 * One line, or '' where nothing explains the end.
 *
 * @param printed what came on standard error, without lines of a log
 * @param signal that ended the process
 */
export function lastWords(printed: string, signal: NodeJS.Signals | null): string {
  if (signal !== null && FROM_OUTSIDE.includes(signal)) return '';
  const lines = printed.split('\n').filter((line) => !NOISE.test(line));
  return (lines.find((line) => REASON.test(line)) ?? lines.at(-1) ?? '').trim();
}

/** What most likely ends a party in this way, and what helps. */
export function remedy(signal: NodeJS.Signals | null, said: string): string {
  if (signal === 'SIGKILL') return `the system kills so when memory runs out: ${MEMORY_FIX}; then start again`;
  if (isOutOfMemory(said)) return `${MEMORY_FIX}; then start again`;
  const native = ['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT'].includes(signal ?? '');
  return native ? 'native code crashed, a GPU driver perhaps: try --backend wasm' : 'start again';
}
