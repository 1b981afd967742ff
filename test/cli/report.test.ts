import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interrupted, errorLine, exitCodeOf } from '../../src/cli/errors.ts';
import { checkWritable, freshModelPath } from '../../src/cli/output.ts';
import { duration, Progress } from '../../src/cli/progress.ts';
import { meanBytes, spread } from '../../src/cli/report.ts';
import { Problem } from '../../src/data/problem.ts';

describe('figures', () => {
  it('spread', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spread([])).toEqual({ median: 0, min: 0, max: 0 });
  });

  it('bytes: each party rounded, the total their sum', () => {
    const step = (P0: number, P1: number, P2: number): Parameters<typeof meanBytes>[0][number] => ({
      seconds: 1,
      onlineRounds: 1,
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
  const folder = mkdtempSync(join(tmpdir(), 'securenn-out-'));
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

  it('that cannot be written are refused before the work begins', () => {
    expect(() => checkWritable('out', join(folder, 'new', 'deep', 'model'))).not.toThrow();
    expect(() => checkWritable('out', folder)).toThrow(/--out: .* is a folder/);
    writeFileSync('file', '');
    expect(() => checkWritable('json', join(folder, 'file', 'x'))).toThrow(/--json: .* cannot be written/);
  });
});

describe('progress away from a terminal', () => {
  it('is a line at the end at least, with what there is to say', () => {
    let text = '';
    const stream = { isTTY: false, write: (piece: string) => (text += piece) } as unknown as NodeJS.WriteStream;
    const progress = new Progress(stream);
    progress.line('hello');
    progress.begin(2, 'step');
    progress.step({ done: 1, stage: 'epoch 1/1', loss: 2, bytesPerStep: 1e6 });
    progress.step({ done: 2, stage: 'epoch 1/1', loss: 1.5, bytesPerStep: 2.5e6 });
    progress.stop();
    expect(text).toMatch(
      /^hello\n2\/2 · epoch 1\/1 · loss 1\.5000 · \d+\.\d{3} s each · 2\.50 MB sent each · 0 s left\n$/,
    );
  });
});
