import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { unlessAborted } from '../../src/cli/interrupts.ts';

describe('unlessAborted', () => {
  it('gives the result, or the failure, and listens to the signal no longer', async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) expect(await unlessAborted(signal, Promise.resolve(i))).toBe(i);
    await expect(unlessAborted(signal, Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('rejects with the reason, before and while the task runs', async () => {
    const controller = new AbortController();
    const never = new Promise<void>(() => undefined);
    const running = unlessAborted(controller.signal, never);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await expect(unlessAborted(controller.signal, never)).rejects.toThrow('enough');
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});
