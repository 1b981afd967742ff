/** What is given says its own depth, and stays in the range that three parties compute in. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { givenValues, type Image } from '../../src/client/given-values.ts';
import { scaled } from '../../src/data/encode.ts';
import { Problem } from '../../src/data/problem.ts';
import { OF_BYTES, type Scaling } from '../../src/data/scaling.ts';

const SHAPE = [1, 2];
const DEEP: Scaling = { ...OF_BYTES, divideBy: 65_535 };

/** As the network takes them. */
function taken(image: Image, scaling: Scaling, shape: readonly number[] = SHAPE): number[] {
  const given = givenValues(image, shape, scaling);
  return Array.from(scaled(given.values, given.scaling, 0));
}

function refused(image: Image, scaling: Scaling, limit?: number): Problem {
  try {
    givenValues(image, SHAPE, scaling, limit);
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
    return error as Problem;
  }
  throw new Error('it was taken');
}

describe('the depth of an image', () => {
  const canvas = { width: 2, height: 1, data: Uint8ClampedArray.of(255, 255, 255, 255, 51, 51, 51, 255) };

  it.each([
    ['bytes', Uint8Array.of(255, 51)],
    ['clamped bytes', Uint8ClampedArray.of(255, 51)],
    ['a canvas', canvas],
    ['16 bits', Uint16Array.of(65_535, 13_107)],
  ])('is its own: %s are the same to models of 8 and of 16 bits', (_, image) => {
    const shape = 'width' in image ? [1, 2, 1] : SHAPE;
    for (const scaling of [OF_BYTES, DEEP]) expect(taken(image, scaling, shape)).toEqual([1, 0.2]);
    const standard = { mean: [0.5], std: [0.25] };
    for (const scaling of [OF_BYTES, DEEP])
      expect(taken(image, { ...scaling, ...standard }, shape)).toEqual([2, (0.2 - 0.5) / 0.25]);
  });

  it('is that of the model where it trained on raw values, or divided bytes otherwise', () => {
    expect(taken(Uint8Array.of(255, 51), { ...OF_BYTES, divideBy: 1 })).toEqual([255, 51]);
    expect(taken(Uint8Array.of(255, 51), { ...OF_BYTES, divideBy: 256 })).toEqual([255 / 256, 51 / 256]);
    expect(taken(Uint16Array.of(4095, 51), { ...OF_BYTES, divideBy: 1 })).toEqual([4095, 51]);
    expect(taken(Uint16Array.of(4095, 0), { ...OF_BYTES, divideBy: 4095 })).toEqual([1, 0]);
    expect(taken(Uint16Array.of(0, 0), OF_BYTES)).toEqual([0, 0]);
  });

  it('is not guessed: what may be either is refused, with what to give', () => {
    expect(refused(Uint8Array.of(255, 51), { ...OF_BYTES, divideBy: 4095 })).toMatchObject({
      message: 'the image has 8 bits a value; the model takes values of more, divided by 4095',
      fix: /^give a Uint16Array/,
    });
    const fewer = { message: /^the image has 16 bits a value; .* fewer, divided by/, fix: /^give a Uint8Array if/ };
    // Bytes in the wrong array would be nearly black.
    expect(refused(Uint16Array.of(255, 51), OF_BYTES)).toMatchObject(fewer);
    expect(refused(Uint16Array.of(255, 51), { ...OF_BYTES, divideBy: 16 })).toMatchObject(fewer);
  });

  it('is seen in arrays of another realm, such as a frame', () => {
    const bytes = runInNewContext('Uint8Array.of(255, 51)') as Uint8Array;
    expect(bytes).not.toBeInstanceOf(Uint8Array);
    expect(taken(bytes, DEEP)).toEqual([1, 0.2]);
    expect(taken(runInNewContext('Uint16Array.of(65535, 13107)') as Uint16Array, OF_BYTES)).toEqual([1, 0.2]);
    const data = runInNewContext('Uint8ClampedArray.of(255, 255, 255, 255, 51, 51, 51, 255)') as Uint8ClampedArray;
    expect(taken({ ...canvas, data }, OF_BYTES, [1, 2, 1])).toEqual([1, 0.2]);
  });

  it('of a canvas is 8 bits', () => {
    const data = Float32Array.from(canvas.data, (value) => value / 255) as unknown as Uint8ClampedArray;
    expect(() => givenValues({ ...canvas, data }, [1, 2, 1], OF_BYTES)).toThrow(/another kind than 8 bits a value$/);
  });
});

describe('the range of numbers', () => {
  it.each([1e12, -1e12, 2 ** 20, -(2 ** 20), 1e300])('ends before %d, and the error says where', (value) => {
    const problem = refused([0, value], OF_BYTES);
    expect(problem.message).toBe(
      'value 1 of the image is out of range: values must be above -1048576 and below 1048576 as the network takes them',
    );
    expect(problem.fix).toMatch(/^scale them as those that the model was trained on/);
  });

  it('has in it what is below', () => {
    for (const value of [2 ** 20 - 1, 1 - 2 ** 20]) expect(taken([0, value], OF_BYTES)).toEqual([0, value]);
    expect(refused([0, 256], OF_BYTES, 256).message).toMatch(/below 256 /);
  });

  it('is that of scaled values', () => {
    expect(refused(Uint8Array.of(0, 255), { ...OF_BYTES, mean: [0, 0.5], std: [1, 1e-7] }).message).toMatch(/^value 1/);
  });
});
