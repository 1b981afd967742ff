/** What the helper has under way: bounded, and awaited by who needs that it is over. */
import { describe, expect, it } from 'vitest';
import { Window } from '../../src/party/window.ts';
import { Deferred } from '../../src/server/deferred.ts';

/** Whether a promise has been settled by the end of this turn of the event loop. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  void promise.then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

describe('Window', () => {
  it('tells when all that was under way is over, in whatever order it ends', async () => {
    const window = new Window(100, 1);
    const [first, second, third] = [new Deferred<void>(), new Deferred<void>(), new Deferred<void>()];
    await window.start(1, () => first.promise);
    void window.watch(second.promise);
    const past = window.past();
    await window.start(1, () => third.promise);
    second.resolve();
    expect(await isOver(past)).toBe(false);
    first.resolve();
    expect(await isOver(past)).toBe(true); // what began later does not count
    const all = window.past();
    expect(await isOver(all)).toBe(false);
    third.resolve();
    await all;
    await window.past();
  });

  it('tells it also where something failed, and whoever drains learns of the failure', async () => {
    const window = new Window(100, 1);
    const [task, watched] = [new Deferred<void>(), new Deferred<void>()];
    await window.start(1, () => task.promise);
    window.watch(watched.promise).catch(() => undefined);
    const past = window.past();
    watched.reject(new Error('watched'));
    expect(await isOver(past)).toBe(false);
    task.reject(new Error('a task'));
    await past;
    await expect(window.drain()).rejects.toThrow('a task');
  });

  it('lets no more begin than there is room for', async () => {
    const window = new Window(10, 1);
    const first = new Deferred<void>();
    await window.start(8, () => first.promise);
    let begun = false;
    const second = window.start(4, () => {
      begun = true;
      return Promise.resolve();
    });
    expect(await isOver(second)).toBe(false);
    expect(begun).toBe(false);
    first.resolve();
    await second;
    expect(begun).toBe(true);
  });
});
