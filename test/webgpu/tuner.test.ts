import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Tuner, type Candidate, type TuningStore } from '../../runtime/webgpu/tuner.ts';

const RIGHT = BigUint64Array.of(1n, 2n, 3n);

class Fake implements Candidate {
  readonly name: string;
  readonly eligible: boolean;
  readonly calls: string[] = [];
  readonly #ms: number;
  readonly #result: BigUint64Array;

  constructor(name: string, ms: number, eligible = true, result: BigUint64Array = RIGHT) {
    this.name = name;
    this.eligible = eligible;
    this.#ms = ms;
    this.#result = result;
  }

  prepare(): Promise<void> {
    this.calls.push('prepare');
    return Promise.resolve();
  }

  async run(): Promise<BigUint64Array> {
    this.calls.push('run');
    await sleep(this.#ms);
    return this.#result;
  }
}

function memoryStore(choices: Record<string, string> = {}): TuningStore & { readonly choices: Record<string, string> } {
  return {
    choices,
    load: () => Promise.resolve({ ...choices }),
    save: (key, choice) => {
      choices[key] = choice;
      return Promise.resolve();
    },
  };
}

const none = (): void => {
  throw new Error('no kernel was wrong');
};

describe('tuner', () => {
  test('tries each candidate once for a shape, then runs the fastest', async () => {
    const slow = new Fake('slow', 40);
    const fast = new Fake('fast', 2);
    const store = memoryStore();
    const tuner = new Tuner(store, none);
    // Two at once: the second waits for the first one's trial.
    const both = await Promise.all([tuner.run('a', [slow, fast]), tuner.run('a', [slow, fast])]);
    expect(both).toEqual([RIGHT, RIGHT]);
    expect(slow.calls).toEqual(['prepare', 'run', 'run']);
    expect(fast.calls).toEqual(['prepare', 'run', 'run', 'run']);
    expect(store.choices).toEqual({ a: 'fast' });
    await tuner.run('b', [slow, fast]);
    expect(store.choices).toEqual({ a: 'fast', b: 'fast' });
  });

  test('takes what another process found, unless this device lacks it', async () => {
    const [slow, fast] = [new Fake('slow', 30), new Fake('fast', 1)];
    const tuner = new Tuner(memoryStore({ a: 'slow', b: 'gone' }), none);
    await tuner.run('a', [slow, fast]);
    expect(fast.calls).toEqual([]);
    await tuner.run('b', [slow, fast]);
    expect(fast.calls).toEqual(['prepare', 'run', 'run']);
  });

  test('never uses a kernel whose result differs', async () => {
    const wrong: string[] = [];
    const tuner = new Tuner(undefined, (name, key) => wrong.push(`${name} ${key}`));
    const reference = new Fake('cpu', 5, false);
    const broken = new Fake('broken', 0, true, BigUint64Array.of(1n, 2n, 4n));
    const short = new Fake('short', 0, true, BigUint64Array.of(1n, 2n));
    const good = new Fake('good', 10);
    expect(await tuner.run('a', [reference, broken, short, good])).toEqual(RIGHT);
    expect(wrong).toEqual(['broken a', 'short a']);
    expect(await tuner.run('a', [reference, broken, short, good])).toEqual(RIGHT);
    expect(good.calls.length).toBeGreaterThan(broken.calls.length);
    expect(reference.calls).toEqual(['prepare', 'run']);
  });

  test('stays with the reference where no other kernel is right', async () => {
    const wrong: string[] = [];
    const tuner = new Tuner(undefined, (name) => wrong.push(name));
    const reference = new Fake('cpu', 1, false);
    const broken = new Fake('broken', 0, true, BigUint64Array.of(0n));
    for (let i = 0; i < 2; i++) expect(await tuner.run('a', [reference, broken])).toEqual(RIGHT);
    expect(wrong).toEqual(['broken']);
  });

  test('a trial that fails does not stop the next', async () => {
    const tuner = new Tuner(undefined, none);
    const failing: Candidate = {
      ...new Fake('x', 0),
      name: 'x',
      eligible: true,
      prepare: () => Promise.resolve(),
      run,
    };
    function run(): Promise<BigUint64Array> {
      return Promise.reject(new Error('the device is lost'));
    }
    await expect(tuner.run('a', [failing])).rejects.toThrow('the device is lost');
    expect(await tuner.run('a', [new Fake('fine', 0)])).toEqual(RIGHT);
  });
});
