/** What the owner's clock says of a run, phase by phase. */
import { describe, expect, it } from 'vitest';
import { Phases } from '../../src/cli/phases.ts';

describe('Phases', () => {
  it('add up to what has passed; a phase that comes back goes on', () => {
    let time = 1000;
    const phases = new Phases(() => time);
    const after = (ms: number): number => (time += ms);
    after(5);
    phases.enter('sharing');
    after(20);
    phases.enter('sharing');
    after(10);
    phases.enter('training');
    after(40);
    phases.enter('evaluation');
    after(7);
    phases.enter('training');
    after(2);
    const expected = [
      { phase: 'start-up', ms: 5 },
      { phase: 'sharing', ms: 30 },
      { phase: 'training', ms: 42 },
      { phase: 'evaluation', ms: 7 },
    ];
    expect(phases.times()).toEqual(expected);
    after(1);
    expect(phases.times()).toEqual(expected.map((one) => (one.phase === 'training' ? { ...one, ms: 43 } : one)));
  });

  it('knows of nothing but the start when a run ends there', () => {
    let time = 0;
    const phases = new Phases(() => time);
    time = 3;
    expect(phases.times()).toEqual([{ phase: 'start-up', ms: 3 }]);
  });
});
