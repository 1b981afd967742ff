/** Ctrl-C and its relatives, as one AbortSignal for everything the command started. */
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

/** Rejects with the signal's reason once it is aborted; otherwise never settles. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
