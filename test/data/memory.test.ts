/** Errors that mean that memory ran out say so, with what helps. */
import { describe, expect, it } from 'vitest';
import { errorLine } from '../../src/cli/errors.ts';
import { checkRoomForWeights, explained, MEMORY_FIX } from '../../src/data/memory.ts';
import { Problem } from '../../src/data/problem.ts';
import type { Network } from '../../src/nn/network.ts';

describe('an error', () => {
  it.each([
    'Array buffer allocation failed',
    'Invalid typed array length: 4294967296',
    'Invalid array buffer length',
    'WebAssembly.Memory(): could not allocate memory',
    'WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance',
    'spawn ENOMEM',
    'Worker terminated due to reaching memory limit: JS heap out of memory',
  ])('%s', (text) => {
    expect(explained(new RangeError(text))).toMatchObject({ message: `not enough memory: ${text}`, fix: MEMORY_FIX });
    expect(errorLine(new RangeError(text))).toBe(`securenn: not enough memory: ${text} (fix: ${MEMORY_FIX})`);
  });

  it.each([new Error('P0 lost P1'), new Problem('out of memory', 'as said'), 'out of memory', undefined])(
    'that says something else, or what helps, stays: %s',
    (error) => expect(explained(error)).toBe(error),
  );
});

describe('weights', () => {
  // 4 · 3 weights and 3 biases, in 8 bytes at each of two workers.
  const network: Network = { name: 'n', input: [4], layers: [{ type: 'dense', units: 3 }] };

  it('that fit are accepted, to the byte', () => {
    expect(() => checkRoomForWeights(network, 240)).not.toThrow();
    expect(() => checkRoomForWeights(network, 239)).toThrow(Problem);
  });

  it('that do not are counted', () => {
    const layers = [{ type: 'dense', units: 65536 } as const, { type: 'dense', units: 65536 } as const];
    expect(() => checkRoomForWeights({ name: 'huge', input: [784], layers }, 8 * 2 ** 30)).toThrow(
      'network huge has 4346478592 weights: their shares alone take 64.8 GiB, this machine has 8.0 GiB',
    );
  });
});
