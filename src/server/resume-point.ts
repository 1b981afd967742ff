/** From which checkpoint three parties go on. */
import type { Holdings } from '../data/checkpoint-store.ts';
import { PARTY_NAMES, type PartyName } from './ipc.ts';
import type { TrainJob } from './job.ts';

type Whole = Pick<Holdings, 'whole'>;

/** The newest step of one run of which all three hold a whole file; undefined: there is none, and the training begins anew. */
export function newestCommon(holdings: Readonly<Record<PartyName, Whole>>): TrainJob['resume'] {
  const [first, ...rest] = PARTY_NAMES.map((party) => holdings[party].whole);
  const common = first.filter(({ run, step }) =>
    rest.every((whole) => whole.some((other) => other.run === run && other.step === step)),
  );
  return common.reduce<TrainJob['resume']>(
    (best, place) => (best && best.step >= place.step ? best : place),
    undefined,
  );
}
