/** `Engine.overlapping`, for every engine: tasks that begin while another goes on. */
import type { Begin } from './engine.ts';

/** Resolves with what `body` gives once it and all that it began are done; rejects with the first failure. @param start on a fork */
export async function overlapping<T>(
  body: (begin: Begin) => Promise<T>,
  start: (task: Parameters<Begin>[0]) => Promise<void>,
): Promise<T> {
  const begun: Promise<void>[] = [];
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined); // The body may be over when a task fails.
  const begin: Begin = (task) => {
    const running = start(task);
    running.catch(fail);
    begun.push(running);
  };
  const result = await Promise.race([body(begin), failed]);
  await Promise.all(begun);
  return result;
}
