/** What a training says in tests that are about something else. */
import type { TrainOptions } from '../src/nn/train.ts';

export const DIRECT_SUITE = { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 } as const;
export const PAPER_SUITE = { suite: 'paper', truncation: 'local', fractionBits: 13, compareBits: 64 } as const;

export const SOFTMAX_SGD: Omit<TrainOptions, 'batch' | 'epochs' | 'steps'> = {
  loss: 'softmax',
  optimizer: 'sgd',
  learningRate: 2 ** -4,
  lrDecay: 1,
  lrDecayEpochs: 1,
  momentum: 0.9,
  seed: 1,
  showLoss: true,
};
