/** Training and testing on fewer images, and counts by class, from the built command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { temporaryFolder } from '../folder.ts';
import { run, writeNetwork } from './command.ts';

const folder = temporaryFolder('fewer');
const data = writeDataset(smallDataset(256, 64));
const common = ['--network', writeNetwork(folder), '--data', data, '--batch', '32', '--out', join(folder, 'model')];

interface Json {
  readonly steps: number;
  readonly testAccuracyPercent: number | null;
  readonly testPerClass?: readonly { readonly class: number; readonly correct: number; readonly images: number }[];
}

async function train(words: readonly string[]): Promise<{ json: Json; stdout: string; stderr: string }> {
  const file = join(folder, 'report.json');
  const { code, stdout, stderr } = await run([...words, '--json', file], folder);
  expect(stderr).not.toMatch(/securenn: |Error|Warning/);
  expect(code).toBe(0);
  return { json: JSON.parse(readFileSync(file, 'utf8')) as Json, stdout, stderr };
}

describe.each(['local', 'plain'])('%s train', (kind) => {
  it('takes so many images, counts by class, and says what no step takes', async () => {
    const words = ['--train-images', '100', '--test-images', '30', '--per-class', '--epochs', '2'];
    const { json, stdout, stderr } = await train([kind, 'train', ...common, ...words]);
    expect(json.steps).toBe(6);
    const classes = json.testPerClass!;
    expect(classes.map((each) => each.class)).toEqual([0, 1, 2, 3]);
    const sum = (of: 'correct' | 'images'): number => classes.reduce((all, each) => all + each[of], 0);
    expect(sum('images')).toBe(30);
    expect((100 * sum('correct')) / 30).toBeCloseTo(json.testAccuracyPercent!, 3);
    for (const { correct, images } of classes) expect(correct).toBeLessThanOrEqual(images);
    expect(stdout).toMatch(/^class +right +of +%$/m);
    expect(stdout).toMatch(new RegExp(`^0 +${classes[0].correct} +${classes[0].images} +[\\d.]+$`, 'm'));
    expect(stderr).toContain(
      '4 of 100 training images do not fill a batch of 32 and are left out in each epoch (others each time)',
    );
    expect(stderr).toMatch(/after epoch 2: .* of 30\)/);
  });

  it('tests nothing when told to', async () => {
    const { json, stderr, stdout } = await train([kind, 'train', ...common, '--test-images', '0', '--epochs', '1']);
    expect(json).toMatchObject({ steps: 8, testAccuracyPercent: null });
    expect(json.testPerClass).toBeUndefined();
    expect(stderr).not.toMatch(/test set right|sharing test|left out/);
    expect(stdout).toMatch(/^8 steps · /m);
  });
});

describe('local train', () => {
  it('goes on with the images and counts that it began with', async () => {
    const checkpoints = join(folder, 'checkpoints');
    const few = ['--train-images', '96', '--test-images', '20', '--per-class', '--epochs', '2'];
    const whole = await train(['local', 'train', ...common, ...few, '--checkpoint', checkpoints]);
    const resume = ['local', 'train', '--resume', checkpoints, '--resume-step', '3', '--out', join(folder, 'model')];
    const again = await train(resume);
    expect(again.stderr).toContain('from step 3');
    expect(again.json.testPerClass).toEqual(whole.json.testPerClass);
    const other = await run([...resume, '--test-images', '21'], folder);
    expect(other.stderr).toMatch(/--test-images: the run to go on with began with 20, found 21/);
  });

  it.each([
    [['--train-images', '257'], /--train-images: 257 images, but .* has 256 training images/],
    [['--test-images', '65'], /--test-images: 65 images, but .* has 64 test images/],
    [['--train-images', '0'], /--train-images: expected a whole number from 1 to /],
    [['--train-images', '31'], /--batch: 32 images a step, but .* has 31 training images/],
  ])('refuses %j', async (words, message) => {
    const { code, stderr } = await run(['local', 'train', ...common, ...words], folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});
