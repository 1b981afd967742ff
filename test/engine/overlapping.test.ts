/** Tasks that begin while another goes on: done when all are, failed when one is. */
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { overlapping } from '../../src/engine/overlapping.ts';
import type { Engine } from '../../src/engine/engine.ts';

const start = (task: (fork: Engine) => Promise<void>): Promise<void> => task({} as Engine);

it('gives what the body gives, once all that it began is done', async () => {
  const done: string[] = [];
  const result = await overlapping(async (begin) => {
    begin(async () => {
      await setImmediate();
      await setImmediate();
      done.push('begun');
    });
    await setImmediate();
    done.push('body');
    return 7;
  }, start);
  expect(result).toBe(7);
  expect(done.toSorted()).toEqual(['begun', 'body']);
});

it('rejects with a failure of the body', async () => {
  const body = async (): Promise<never> => {
    await setImmediate();
    throw new Error('the body');
  };
  await expect(overlapping(body, start)).rejects.toThrow('the body');
});

it('rejects with a failure of what it began, though the body waits for ever', async () => {
  const failing = overlapping((begin) => {
    begin(() => Promise.reject(new Error('begun')));
    return new Promise<never>(() => undefined);
  }, start);
  await expect(failing).rejects.toThrow('begun');
});

it('rejects with a failure of what it began after the body is over', async () => {
  const failing = overlapping((begin) => {
    begin(async () => {
      await setImmediate();
      throw new Error('late');
    });
    return Promise.resolve(1);
  }, start);
  await expect(failing).rejects.toThrow('late');
});
