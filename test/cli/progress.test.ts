/** Progress on a terminal of few columns, of sharing and of evaluations; what stands elsewhere is in report.test.ts. */
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Progress } from '../../src/cli/progress.ts';
import type { Spent } from '../../src/client/spent.ts';

const NONE = { P0: 0, P1: 0, P2: 0 };

function spent(seconds: number): Spent {
  const each = { P0: seconds / 2, P1: seconds / 2, P2: seconds / 2 };
  return { seconds, computeSeconds: each, waitSeconds: each, bytesSent: { ...NONE, P0: 1e6 }, onlineRounds: 1 };
}

/** A stream, what was written to it, and a clock that the test moves. */
class Scene {
  text = '';
  now = 0;
  readonly progress: Progress;

  constructor(columns?: number) {
    const write = (piece: string): boolean => {
      this.text += piece;
      return true;
    };
    const terminal = { isTTY: columns !== undefined, columns, write, cursorTo: () => true };
    this.progress = new Progress(terminal as unknown as NodeJS.WriteStream, () => this.now);
  }

  /** What was written since the last time, line by line, each as it was drawn. */
  take(): string[] {
    const drawn = this.text.replaceAll('\u001b[1G', '\n').split('\n');
    const lines = drawn.map((line) => stripVTControlCharacters(line));
    this.text = '';
    return lines.filter((line) => line !== '');
  }
}

describe('progress of an evaluation', () => {
  const testing = (scene: Scene, images: number, seconds: number): void => {
    scene.now += 1000 * seconds;
    scene.progress.testing(images);
  };

  it('says how many images are tested, and how long it takes, away from a terminal now and then', () => {
    const scene = new Scene();
    const { progress } = scene;
    progress.begin(2, 'step', { tests: 2, testImages: 4000 });
    scene.now = 10_000;
    progress.step({ done: 1, stage: 'epoch 1/2', spent: spent(10) });
    expect(scene.take()).toEqual([
      '1/2 · epoch 1/2 · 10 s + testing left · 10.000 s/step · 0.10 MB/s · compute 50 % · wait 50 %',
    ]);
    testing(scene, 0, 0);
    testing(scene, 1000, 6); // 6 s for 1000 images: 18 s more, a step of 10 s, and another evaluation of 24 s
    expect(scene.take()[0]).toMatch(/^1\/2 · epoch 1\/2 · testing 1000\/4000 images \(18 s left\) · 52 s left · /);
    testing(scene, 1010, 0.5);
    expect(scene.take()).toEqual([]);
    testing(scene, 4000, 17.5);
    expect(scene.take()[0]).toMatch(/ · testing 4000\/4000 images \(0 s left\) · 34 s left · /);
    progress.tested(0.5);
    scene.now += 10_000;
    progress.step({ done: 2, stage: 'epoch 2/2', spent: spent(10) });
    // The last step is done, and an evaluation like the one before is still to come.
    expect(scene.take()[0]).toMatch(/^2\/2 · epoch 2\/2 · 24 s left · accuracy 50\.00 % · /);
    testing(scene, 0, 0);
    testing(scene, 2000, 12);
    expect(scene.take()[0]).toMatch(/ · testing 2000\/4000 images \(12 s left\) · 12 s left · /);
    progress.tested(0.6);
    progress.stop();
    expect(scene.take()).toEqual([]);
  });

  it('does not count what an evaluation took as time of steps', () => {
    const scene = new Scene();
    scene.progress.begin(10, 'step', { tests: 1, testImages: 10 });
    scene.now = 10_000;
    scene.progress.step({ done: 1, stage: 'x', spent: spent(10) });
    testing(scene, 0, 0);
    testing(scene, 10, 100);
    scene.progress.tested(1);
    scene.now += 10_000;
    scene.progress.step({ done: 2, stage: 'x', spent: spent(10) });
    expect(scene.take().at(-1)).toMatch(/^2\/10 · x · 1 min 20 s left · /);
  });
});

describe('progress of sharing', () => {
  it('is a line as each input begins, and now and then', () => {
    const scene = new Scene();
    const tell = (input: string, sent: number, seconds: number): void => {
      scene.now += 1000 * seconds;
      scene.progress.sharing({ input, sent, total: 40e6 });
    };
    tell('train/images', 0, 0);
    tell('train/images', 1e6, 1);
    tell('train/images', 10e6, 5);
    tell('test/images', 10e6, 0);
    tell('test/images', 40e6, 1);
    expect(scene.take()).toEqual([
      ...['sharing train/images', 'sharing train/images · 10/40 MB · 18 s left', 'sharing test/images'],
    ]);
  });
});

describe('progress on a terminal', () => {
  /** Two steps, an evaluation and lines between them. */
  function run(columns: number): string[] {
    const scene = new Scene(columns);
    const { progress } = scene;
    progress.sharing({ input: 'train/images', sent: 0, total: 40e6 });
    progress.sharing({ input: 'train/images', sent: 20e6, total: 40e6 });
    progress.sharing({ input: 'train/images', sent: 40e6, total: 40e6 });
    progress.begin(2340, 'step', { done: 1402, tests: 3, testImages: 10_000 });
    scene.now = 5000;
    progress.step({ done: 1403, stage: 'epoch 3/5', loss: 0.1127, spent: spent(0.13) });
    progress.testing(0);
    progress.tested(0.9681);
    progress.line('after epoch 3: 96.81 % of the test set right (9681 of 10000)');
    progress.step({ done: 1404, stage: 'epoch 3/5', loss: 0.1127, spent: spent(0.13) });
    progress.testing(3000);
    progress.stop();
    return scene.take();
  }

  it.each([40, 60, 80])('of %i columns: no line is longer, and none loses its end', (columns) => {
    const lines = run(columns);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    const text = lines.join(' ');
    for (const part of ['sharing 40/40 MB', 'step 1404/2340', 'testing 3000/10000 images', 'loss 0.1127', 'wait 50 %'])
      expect(text).toContain(part);
    expect(text).toContain('after epoch 3: 96.81 % of the test set right (9681 of 10000)');
  });

  it('is drawn some times a second, however many steps there are, and at the end as it is then', () => {
    const scene = new Scene(80);
    scene.progress.begin(1000, 'batch');
    scene.take();
    for (let done = 1; done <= 1000; done++) scene.progress.step({ done, stage: 'x', spent: spent(0.001) });
    expect(scene.take().length).toBeLessThan(20);
    scene.progress.stop();
    expect(scene.take().join(' ')).toContain('batch 1000/1000');
  });

  it('has a bar of full length where there is room', () => {
    expect(run(120).some((line) => /^[█░]{24} step 1404\/2340 · epoch 3\/5 · testing/.test(line))).toBe(true);
  });
});
