/** Results that cannot be are told of, with what to change; those that can be are not. */
import { describe, expect, it } from 'vitest';
import { classWarning, countWarning, lossWarning, scoreWarning, Warnings } from '../../src/cli/result-check.ts';
import { DIRECT_SUITE } from '../training.ts';

const softmax = { ...DIRECT_SUITE, loss: 'softmax' } as const;
const asm = { ...DIRECT_SUITE, loss: 'asm' } as const;

describe('a loss', () => {
  it.each([undefined, 0, -0.01, 2.3, 18.3])('%s of softmax over ten classes is possible', (loss) => {
    expect(lossWarning(loss, 10, softmax, 10)).toBeUndefined();
  });

  it('below 0 or above 16 + ln n is not', () => {
    expect(lossWarning(-3.25, 10, softmax, 10)).toBe(
      'warning: the loss of step 10 is -3.250, but softmax gives 0 to 18.3: values have left their range and the model is most ' +
        'likely spoilt; give more --compare-bits or fewer --fraction-bits, or a smaller --lr',
    );
    expect(lossWarning(18.5, 20, softmax, 10)).toMatch(/step 20 is 18\.50/);
    expect(lossWarning(18.5, 20, softmax, 100)).toBeUndefined();
    expect(lossWarning(1e9, 1, { ...softmax, suite: 'paper', truncation: 'local' }, 10)).toMatch(
      /; give fewer --fraction-bits, or a smaller --lr, or --truncation dealt$/,
    );
  });

  it('of asm is between 0 and 2', () => {
    expect(lossWarning(2, 1, asm, 10)).toBeUndefined();
    expect(lossWarning(2.1, 1, asm, 10)).toMatch(/asm gives 0 to 2\.00/);
  });
});

describe('what an evaluation or an inference reveals', () => {
  it('a count lies between 0 and the images', () => {
    expect(countWarning(0, 10, softmax)).toBeUndefined();
    expect(countWarning(10, 10, softmax)).toBeUndefined();
    for (const count of [-1, 11, 2.5]) expect(countWarning(count, 10, softmax)).toMatch(`${count} of 10 images right`);
  });

  it('a class is one of those that there are', () => {
    expect(classWarning([0, 9, 5], 10, DIRECT_SUITE)).toBeUndefined();
    expect(classWarning([0, 10, 5], 10, DIRECT_SUITE)).toMatch(/image 1 of the batch was given class 10 of 0 to 9/);
    expect(classWarning([-1], 10, DIRECT_SUITE)).toMatch(/class -1/);
  });

  it('a score lies inside the comparison window', () => {
    expect(scoreWarning(Float64Array.of(-65_535, 3), DIRECT_SUITE)).toBeUndefined();
    expect(scoreWarning(Float64Array.of(3, -70_000), DIRECT_SUITE)).toMatch(
      /a score is 7\.000e\+4, the comparison window holds 65536: expect wrong classes; give more --compare-bits/,
    );
  });
});

it('each kind is said once', () => {
  const lines: string[] = [];
  const warnings = new Warnings((text) => lines.push(text));
  warnings.say('loss', undefined);
  warnings.say('loss', 'a');
  warnings.say('loss', 'b');
  warnings.say('count', 'c');
  expect(lines).toEqual(['a', 'c']);
});
