import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interrupted, errorLine, exitCodeOf } from '../../src/cli/errors.ts';
import { checkWritable, freshModelPath } from '../../src/cli/output.ts';
import { paceOf } from '../../src/cli/pace.ts';
import { duration, Progress } from '../../src/cli/progress.ts';
import { meanBytes, spread } from '../../src/cli/report.ts';
import type { Spent } from '../../src/client/spent.ts';
import { Problem } from '../../src/data/problem.ts';
import type { RankCounters } from '../../src/profile/rank-counters.ts';
import { temporaryFolder } from '../folder.ts';

describe('figures', () => {
  it('spread', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spread([])).toEqual({ median: 0, min: 0, max: 0 });
  });

  it('bytes: each party rounded, the total their sum', () => {
    const step = (P0: number, P1: number, P2: number): Parameters<typeof meanBytes>[0][number] => ({
      bytesSent: { P0, P1, P2 },
    });
    expect(meanBytes([step(1, 10, 100), step(2, 20, 201)])).toEqual({ p0: 2, p1: 15, p2: 151, total: 168 });
    expect(meanBytes([])).toEqual({ p0: 0, p1: 0, p2: 0, total: 0 });
  });

  it('durations', () => {
    expect([-1, 0.4, 59.4, 60, 3599, 3600, 90_061].map(duration)).toEqual([
      ...['0 s', '0 s', '59 s', '1 min 0 s', '59 min 59 s', '1 h 0 min', '25 h 1 min'],
    ]);
  });
});

describe('errors', () => {
  it('are one line, with the fix', () => {
    expect(errorLine(new Problem('a\n  b', 'do c'))).toBe('securenn: a b (fix: do c)');
    expect(errorLine(new TypeError(''))).toBe('securenn: TypeError');
    expect(errorLine('text')).toBe('securenn: text');
  });

  it('have the exit code of their signal', () => {
    expect(
      [new Interrupted('SIGHUP'), new Interrupted('SIGINT'), new Interrupted('SIGTERM'), 1].map(exitCodeOf),
    ).toEqual([129, 130, 143, 1]);
  });
});

describe('files', () => {
  const before = process.cwd();
  const folder = temporaryFolder('out');
  beforeAll(() => process.chdir(folder));
  afterAll(() => process.chdir(before));

  it('a model that was not named never takes the place of another', () => {
    const now = new Date('2025-01-31T23:59:59.5Z');
    expect(freshModelPath('A', now)).toBe('models/A-20250131-235959.safetensors');
    mkdirSync('models');
    writeFileSync('models/A-20250131-235959.safetensors', '');
    expect(freshModelPath('A', now)).toBe('models/A-20250131-235959-2.safetensors');
    expect(freshModelPath('../x y', now)).toBe('models/.._x_y-20250131-235959.safetensors');
  });

  it('that cannot be written are refused before the work begins', async () => {
    await checkWritable('out', join(folder, 'new', 'deep', 'model'));
    await expect(checkWritable('out', folder)).rejects.toThrow(/--out: .* is a folder/);
    writeFileSync('file', '');
    await expect(checkWritable('json', join(folder, 'file', 'x'))).rejects.toThrow(/--json: .* cannot be written/);
  });
});

/** A step in which the parties waited a quarter of their time. */
function spent(seconds: number, megabytes: number): Spent {
  return {
    seconds,
    computeSeconds: { P0: seconds, P1: seconds, P2: 0.25 * seconds },
    waitSeconds: { P0: 0, P1: 0, P2: 0.75 * seconds },
    bytesSent: { P0: 0.5e6 * megabytes, P1: 0.5e6 * megabytes, P2: 0 },
    onlineRounds: 1,
  };
}

describe('pace', () => {
  it('is of all steps but the first together, however long each', () => {
    expect(paceOf([spent(9, 1), spent(1, 2), spent(3, 4)])).toEqual({
      megabytesSentPerSecond: 1.5,
      waitPercent: { p0: 0, p1: 0, p2: 75, all: 25 },
    });
  });

  it('is nothing without steps, and without parties', () => {
    const none = { P0: 0, P1: 0, P2: 0 };
    const alone = { seconds: 1, computeSeconds: none, waitSeconds: none, bytesSent: none, onlineRounds: 0 };
    for (const steps of [[], [alone]]) {
      expect(paceOf(steps)).toEqual({ megabytesSentPerSecond: 0, waitPercent: null });
    }
  });
});

describe('ranks', () => {
  const of = (cpuSeconds: number, bytesSent: number): RankCounters => {
    return { bytesSent, waitSeconds: 0, computeSeconds: 1, cpuSeconds };
  };
  const step = (P0: number[], P1: number[], P2: number[]): Spent => {
    const [p0, p1, p2] = [P0, P1, P2].map((own) => own.map((seconds) => of(seconds, 100 * seconds)));
    return { ...spent(1, 1), ranks: { P0: p0, P1: p1, P2: p2 } };
  };

  it('each as the mean over those steps that tell of them, but the first, with the imbalance of each party', () => {
    const { ranks } = paceOf([
      step([9, 9], [9, 9], [9, 9]),
      step([1, 3], [1, 1], [1, 1]),
      spent(1, 1),
      step([2, 3], [2, 2], [1, 4]),
    ]);
    expect(ranks!.p0).toEqual([of(1.5, 150), of(3, 300)]);
    expect(ranks!.imbalance).toEqual({ p0: 1.333333, p1: 1, p2: 1.428571 });
    expect(paceOf([spent(1, 1)])).not.toHaveProperty('ranks');
  });

  it('the slowest stands in the progress line', () => {
    let text = '';
    const stream = { isTTY: false, write: (piece: string) => (text += piece) } as unknown as NodeJS.WriteStream;
    const progress = new Progress(stream);
    progress.begin(2, 'step');
    progress.step({ done: 1, stage: 'x', spent: step([9, 1], [1, 1], [1, 1]) });
    progress.step({ done: 2, stage: 'x', spent: step([1, 2], [1, 3], [1, 1]) });
    expect(text).toMatch(/ · slowest rank: 1 of P1, 1\.50 × the mean\n$/);
  });
});

describe('progress away from a terminal', () => {
  it('is a line at the end at least, with what there is to say', () => {
    let text = '';
    const stream = { isTTY: false, write: (piece: string) => (text += piece) } as unknown as NodeJS.WriteStream;
    const progress = new Progress(stream);
    progress.line('hello');
    progress.begin(2, 'step');
    progress.step({ done: 1, stage: 'epoch 1/1', loss: 2, spent: spent(0.5, 1) });
    progress.tested(0.9712);
    progress.step({ done: 2, stage: 'epoch 1/1', loss: 1.5, spent: spent(1.5, 3) });
    progress.stop();
    expect(text).toBe(
      'hello\n' +
        '2/2 · epoch 1/1 · 0 s left · loss 1.5000 · accuracy 97.12 % · 1.500 s/step · 2.00 MB/s · compute 75 % · wait 25 %\n',
    );
  });

  it('shows the speed of the last ten seconds, or of one step that takes longer', () => {
    let text = '';
    const stream = { isTTY: false, write: (piece: string) => (text += piece) } as unknown as NodeJS.WriteStream;
    const last = (...seconds: number[]): string => {
      text = '';
      const progress = new Progress(stream);
      progress.begin(seconds.length, 'batch');
      seconds.forEach((each, i) => progress.step({ done: i + 1, stage: 'x', spent: spent(each, 0) }));
      return /[\d.]+ s\/batch/.exec(text)![0];
    };
    expect(last(1, 100, 4, 6)).toBe('5.000 s/batch');
    expect(last(1, 4, 7)).toBe('7.000 s/batch');
    expect(last(60)).toBe('60.000 s/batch');
    // The first of a session is left out as soon as there is another.
    expect(last(4, 2)).toBe('2.000 s/batch');
  });
});
