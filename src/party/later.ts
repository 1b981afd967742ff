/** A promise that may fail before anyone waits for it; whoever does still sees the failure. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
