/** One digit that is none among very many comparisons: how far P2 gets with it. */
import { type Compute, ownMethods, P17 } from '../../runtime/compute.ts';
import * as codeProof from '../../src/protocols/paper/codeProof.ts';
import { simulate } from '../simulate.ts';

export interface Rare {
  readonly comparisons: number;
  /** Which comparison has a digit that is none. */
  readonly at: number;
  /** Comparisons of a chunk. */
  readonly chunk?: number;
}

export interface Found {
  /** Comparisons whose codes were accepted. */
  readonly accepted: number;
  readonly failed: string;
}

/** The code of the comparison at `place` gets one value of 2 or 3 where 0 or 1 was. */
function wrongAt(compute: Compute, place: number): Compute {
  return {
    ...ownMethods(compute),
    thermometer: async (code, x, share0, out) => {
      const share1 = await compute.thermometer(code, x, share0, out);
      const index = place * 48 + (place % 48);
      share1[index] = (share1[index] + 2) % code.prime;
      return share1;
    },
  };
}

/** Chunk after chunk, each proved before the next one is dealt. */
export async function dealRarely({ comparisons, at, chunk = 16_384 }: Rare): Promise<Found> {
  let accepted = 0;
  let dealing = 0;
  const isWrong = (): boolean => Math.floor(at / chunk) === dealing;
  const failed = await simulate(
    async (party) => {
      for (let from = 0; from < comparisons; from += chunk) {
        const count = Math.min(chunk, comparisons - from);
        const lane = party.fork(`${from}`);
        if (party.id === 2) {
          dealing = from / chunk;
          const x = new BigUint64Array(count);
          for (let i = 0; i < count; i++) x[i] = BigInt((from + i) * 2_654_435_761) & 0xffff_ffffn;
          await codeProof.deal(lane, 'digits', P17, x);
          continue;
        }
        const { g, accepted: proved } = await codeProof.dealt(lane, 'digits', P17, count)();
        await proved;
        lane.scratch.give(g);
        // Only the worker that was sent digits knows
        if (lane.name !== lane.drawer) accepted += count;
      }
    },
    {
      security: 'private',
      compute: (compute, id) => {
        if (id !== 2) return compute;
        const liar = wrongAt(compute, at % chunk);
        return {
          ...ownMethods(compute),
          thermometer: (...of) => (isWrong() ? liar : compute).thermometer(...of),
        };
      },
    },
  ).then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
  return { accepted, failed };
}
