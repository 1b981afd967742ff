/** Which checkpoint a run goes on from, and which options it takes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSameOptions, readCheckpointSettings } from '../../src/cli/options/checkpoints.ts';
import type { TrainSettings } from '../../src/cli/options/training.ts';
import { checkFolderIsFree, chooseStep, readRun, type AllHoldings } from '../../src/cli/resume.ts';
import type { Holdings } from '../../src/data/checkpoint-store.ts';
import { Problem } from '../../src/data/problem.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { temporaryFolder } from '../folder.ts';

const KEEPERS = ['owner', 'P0', 'P1', 'P2'] as const;

/** Steps that are whole and, negative, damaged. */
function held(steps: readonly number[], run = 'R'): Holdings {
  return {
    whole: steps.filter((step) => step >= 0).map((step) => ({ run, step })),
    damaged: steps
      .filter((step) => step < 0)
      .map((step) => ({ step: -step, what: `file ${-step} is damaged`, fix: '' })),
  };
}

function all(steps: Partial<Record<(typeof KEEPERS)[number], number[]>>, otherwise = [4, 8]): AllHoldings {
  return Object.fromEntries(KEEPERS.map((keeper) => [keeper, held(steps[keeper] ?? otherwise)])) as AllHoldings;
}

describe('the step to go on from', () => {
  it('is the newest that all four hold', () => {
    expect(chooseStep('dir', 'R', all({}), undefined)).toBe(8);
    expect(chooseStep('dir', 'R', all({ P2: [4, 8, 12], P1: [0, 4] }), undefined)).toBe(4);
    expect(chooseStep('dir', 'R', all({}, [0]), undefined)).toBe(0);
  });

  it('may be named', () => {
    expect(chooseStep('dir', 'R', all({}), 4)).toBe(4);
    expect(chooseStep('dir', 'R', all({ P0: [4, -8] }), 4)).toBe(4);
  });

  it.each<[string, AllHoldings, number | undefined, RegExp, RegExp]>([
    [
      'a damaged one is not passed over',
      all({ P1: [4, -8] }),
      undefined,
      /^file 8 is damaged$/,
      /^go on from step 4, which is whole: securenn local train --resume dir --resume-step 4$/,
    ],
    ['nor taken', all({ P1: [4, -8] }), 8, /^file 8 is damaged$/, /--resume-step 4$/],
    ['with no other', all({ P1: [-4, -8] }), undefined, /^file 4 is damaged$/, /train anew/],
    [
      'another run',
      { ...all({}), P2: held([4, 8], 'S') },
      undefined,
      /^dir.P2: the checkpoint of step 4 is of run S, the owner's newest of run R$/,
      /^put back the checkpoints of one run/,
    ],
    [
      'no common step',
      all({ P1: [4], P2: [8] }),
      undefined,
      /: owner 4, 8; P0 4, 8; P1 4; P2 8$/,
      /^put back the missing files/,
    ],
    ['nothing at all', all({ P0: [] }), undefined, /P0 none/, /train anew/],
    [
      'a step that some lack',
      all({ P1: [4], P2: [4] }),
      8,
      /^--resume-step: no checkpoint of step 8 at P1 and P2$/,
      /4$/,
    ],
    [
      'a step that nobody has',
      all({}),
      5,
      /no checkpoint of step 5 at owner and P0 and P1 and P2$/,
      /^give one of 4, 8$/,
    ],
  ])('%s', (_, holdings, asked, what, fix) => {
    const problem = ((): unknown => {
      try {
        return chooseStep('dir', 'R', holdings, asked);
      } catch (error) {
        return error;
      }
    })();
    expect(problem).toBeInstanceOf(Problem);
    expect((problem as Problem).message).toMatch(what);
    expect((problem as Problem).fix).toMatch(fix);
  });

  it('needs an owner that knows of a run', async () => {
    const folder = temporaryFolder('resume');
    await expect(readRun(folder)).rejects.toThrow(/^--resume: no checkpoint of an owner in /);
    writeFileSync(join(folder, 'owner'), '');
    await expect(readRun(folder)).rejects.toThrow(/owner: cannot be read: ENOTDIR/);
  });
});

describe('a new run', () => {
  it('takes a folder that nobody has checkpoints in', () => {
    expect(() => checkFolderIsFree('dir', all({}, []))).not.toThrow();
    expect(() => checkFolderIsFree('dir', all({ P1: [4] }, []))).toThrow(/^--checkpoint: dir.P1 holds checkpoints/);
    expect(() => checkFolderIsFree('dir', all({ P2: [-4] }, []))).toThrow(/dir.P2 holds/);
  });
});

describe('options', () => {
  it('of checkpoints', () => {
    expect(readCheckpointSettings({})).toBeUndefined();
    expect(readCheckpointSettings({ checkpoint: 'a', 'checkpoint-every': 5 })).toEqual({
      folder: 'a',
      kind: 'new',
      every: 5,
    });
    expect(readCheckpointSettings({ resume: 'a' })).toEqual({ folder: 'a', kind: 'resume', step: undefined });
    expect(readCheckpointSettings({ resume: 'a', checkpoint: './a', 'resume-step': 0 })).toEqual({
      ...{ folder: 'a', kind: 'resume', step: 0 },
    });
  });

  it.each([
    [{ resume: 'a', checkpoint: 'b' }, /^--checkpoint: b is not the folder a of --resume/],
    [{ 'resume-step': 5 }, /^--resume-step: of which run\?$/],
    [{ 'checkpoint-every': 5 }, /^--checkpoint-every: in which folder\?$/],
    [{ checkpoint: 'a', 'checkpoint-every': 0 }, /^--checkpoint-every: expected a whole number from 1/],
    [{ checkpoint: 'a', 'resume-step': 5 }, /^--resume-step: of which run\?$/],
  ])('%j', (argv, message) => {
    expect(() => readCheckpointSettings(argv)).toThrow(message);
    expect(() => readCheckpointSettings(argv)).toThrow(Problem);
  });

  it('that were given must be those of the run; those that were not, and those of the session, are free', () => {
    const begun = { batch: 64, learningRate: 0.5, epochs: undefined, steps: 10, network: NETWORKS.A, workers: 1 };
    const typed = { batch: 128, learningRate: 0.5, epochs: 5, network: { ...NETWORKS.A }, workers: 9 };
    const check = (...given: string[]): void =>
      checkSameOptions((option) => given.includes(option), typed as unknown as TrainSettings, begun);
    expect(() => check()).not.toThrow();
    expect(() => check('lr', 'network', 'workers', 'json')).not.toThrow();
    expect(() => check('batch')).toThrow(/^--batch: the run to go on with began with 64, found 128$/);
    expect(() => check('epochs')).toThrow(/^--epochs: .* began with none, found 5$/);
  });
});
