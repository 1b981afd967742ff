/** A few pieces of work at a time. */

/**
 * Runs `task` on every item, on at most so many at once; each lane goes on with the next item when its own is done.
 * @param pause waited for before each
 */
export async function inLanes<T>(
  lanes: number,
  items: Iterator<T>,
  pause: () => Promise<void>,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const lane = async (first: T): Promise<void> => {
    for (let item: IteratorResult<T> = { value: first }; item.done !== true; item = items.next()) {
      await pause();
      await task(item.value);
    }
  };
  const running: Promise<void>[] = [];
  while (running.length < lanes) {
    const item = items.next();
    if (item.done === true) break;
    running.push(lane(item.value));
  }
  await (running.length === 1 ? running[0] : Promise.all(running));
}

export function* range(total: number): Generator<number, void> {
  for (let index = 0; index < total; index++) yield index;
}
