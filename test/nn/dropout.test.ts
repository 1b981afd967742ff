/** Dropout: its public masks, what is left of a mean, and that nothing is sent; an inference passes it by. */
import { describe, expect, it } from 'vitest';
import type { Engine, Value } from '../../src/engine/engine.ts';
import type { TrainingStep } from '../../src/nn/layers/layer.ts';
import { forward } from '../../src/nn/forward.ts';
import type { Network } from '../../src/nn/network.ts';
import { closeTo, type Input, plain, secure, SETTINGS } from '../twins.ts';

const SIZE = 2000;
const ones: Input = { shape: [2, SIZE], numbers: new Array<number>(2 * SIZE).fill(1) };

function network(...rates: readonly number[]): Network {
  return { name: 'dropout', input: [SIZE], layers: rates.map((rate) => ({ type: 'dropout', rate })) };
}

async function after(net: Network, training?: TrainingStep): Promise<Float64Array> {
  const script = async (engine: Engine, x: Value): Promise<Value> =>
    (await forward(engine, net, new Map(), x, training)).logits;
  return (await plain(SETTINGS[0], [ones], script)).numbers;
}

describe('dropout', () => {
  it.each([0.1, 0.5, 0.75])('of %f keeps the rest, scaled: the mean stays', async (rate) => {
    const found = await after(network(rate), { seed: 1, step: 1 });
    const kept = found.filter((x) => x !== 0);
    for (const x of kept) expect(Math.abs(x * (1 - rate) - 1)).toBeLessThan(1e-3);
    // Six standard deviations.
    const share = kept.length / found.length;
    expect(Math.abs(share - (1 - rate))).toBeLessThan(6 * Math.sqrt((rate * (1 - rate)) / found.length));
  });

  it('follows from the seed, the step and the layer', async () => {
    const dropped = async (net: Network, seed: number, step: number): Promise<string> =>
      Array.from(await after(net, { seed, step }), (x) => (x === 0 ? 1 : 0)).join('');
    const one = await dropped(network(0.5), 1, 7);
    expect(await dropped(network(0.5), 1, 7)).toBe(one);
    expect(await dropped(network(0.5), 2, 7)).not.toBe(one);
    expect(await dropped(network(0.5), 1, 8)).not.toBe(one);
    expect(await dropped(network(0, 0.5), 1, 7)).not.toBe(one);
  });

  it('does nothing in an inference, or at rate 0', async () => {
    expect(await after(network(0.9))).toEqual(Float64Array.from(ones.numbers));
    expect(await after(network(0), { seed: 1, step: 1 })).toEqual(Float64Array.from(ones.numbers));
  });

  it('sends nothing', async () => {
    const script = async (engine: Engine, x: Value): Promise<Value> =>
      (await forward(engine, network(0.5), new Map(), x, { seed: 1, step: 1 })).logits;
    const found = await secure(SETTINGS[0], [ones], script);
    expect({ bytes: found.bytes, rounds: found.rounds }).toEqual({ bytes: 0, rounds: 0 });
    closeTo(found, await after(network(0.5), { seed: 1, step: 1 }), 0);
  });
});
