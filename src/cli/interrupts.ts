/** Ctrl-C and its relatives, as one AbortSignal for everything the command started. */
import { once } from 'node:events';
import { Interrupted } from './errors.ts';

/**
 * Aborts with `Interrupted` at the first signal. A second one ends this process at once; what still runs below it is then killed
 * by the exit handlers that started it.
 */
export function listenForInterrupts(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const interruption = new Interrupted(signal);
      if (controller.signal.aborted) process.exit(interruption.exitCode);
      controller.abort(interruption);
    });
  }
  return controller.signal;
}

/** Resolves at the first signal. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** The task's result; rejects with the signal's reason once it is aborted. The signal is not listened to any longer than that. */
export async function unlessAborted<T>(
  signal: AbortSignal,
  task: Promise<T>,
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const end = (): void => reject(signal.reason as Error);
    stop = () => void before().then(end, end);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([task, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
