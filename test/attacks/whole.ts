/**
 * Pieces of whole jobs, as private sessions run them: lanes of a serving session with what the workers compare before each answer, a step of a
 * graph with batch normalisation and pooling, parts of a batch in several ranks, and a run that goes on twice from one state.
 */
import { P17 } from '../../runtime/compute.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { createSecureEngine, type SecureEngine } from '../../src/engine/secure.ts';
import { backward } from '../../src/nn/backward.ts';
import { truncated } from '../../src/functions/formats.ts';
import { forward, type Parameters } from '../../src/nn/forward.ts';
import { initialValues } from '../../src/nn/initial.ts';
import { type Network, parameters } from '../../src/nn/network.ts';
import type { Party } from '../../src/party/party.ts';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import { FunctionKeys } from '../../src/protocols/direct/functionKeys.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import * as z64 from '../../src/ring/z64.ts';
import { VECTOR } from '../protocols/views/table.ts';
import type { Place } from './cheat.ts';
import type { Attacked } from './table.ts';

const FRACTION_BITS = 16;

/** Of a party of a private session, with what was revealed going nowhere. */
function engineOf(party: Party): SecureEngine {
  return createSecureEngine(party, {
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: FRACTION_BITS, compareBits: 33 },
    reveal: () => Promise.resolve(),
  });
}

function alike(
  name: string,
  run: (party: Party, share: BigUint64Array | null, place: Place) => Promise<void>,
  more: Pick<Attacked, 'attempts' | 'ranks' | 'most'> = {},
): Attacked {
  return { name, code: P17, workers: run, helper: (party, place) => run(party, null, place), ...more };
}

/** Of what is compared so many that it fills whole bytes, as of what is truncated into operands. */
const GRAPH: Network = {
  name: 'graph',
  input: [2, 4, 1],
  layers: [
    { type: 'conv2d', filters: 1, kernel: 1, name: 'first' },
    { type: 'relu', name: 'shared' },
    { type: 'add', from: ['first', 'shared'] },
    { type: 'maxpool', window: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 4 },
  ],
};

const NORMED: Network = {
  name: 'normed',
  input: [1, 1, 8],
  layers: [{ type: 'conv2d', filters: 8, kernel: 1 }, { type: 'batchnorm' }, { type: 'flatten' }],
};

const DENSE: Network = {
  name: 'dense',
  input: [2, 4, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', units: 8 }, { type: 'relu' }, { type: 'dense', units: 8 }],
};

function initial(engine: Engine, network: Network): Parameters {
  return new Map(parameters(network).map((spec) => [spec.name, engine.constant(spec.shape, initialValues(spec, 1))]));
}

/** Forward and back; the logits stand for the error. */
async function step(
  engine: Engine,
  network: Network,
  weights: Parameters,
  x: Value,
  onGradient: (engine: Engine, name: string, gradient: Value) => Promise<void>,
): Promise<void> {
  const { logits, tapes } = await forward(engine, network, weights, x, { seed: 1, step: 1 });
  const delta = await truncated(engine, logits);
  await engine.scope('back', async (fork) => {
    await backward(fork, tapes, delta, onGradient);
  });
}

/** The gradient of a product, truncated as an update does, into an operand. */
async function update(engine: Engine, gradient: Value): Promise<void> {
  if (gradient.fractionBits > FRACTION_BITS && sizeOf(gradient.shape) % VECTOR === 0)
    await engine.truncateOperand(gradient, gradient.fractionBits - FRACTION_BITS);
}

const stepOf = (name: string, network: Network, batch: 2 | 4, most: number): Attacked => ({
  ...alike(name, async (party, share) => {
    const engine = engineOf(party);
    const rows = share === null ? [] : [share, share.toReversed(), z64.add(share, share), share].slice(0, batch);
    const x = engine.input('x', [batch, VECTOR], FRACTION_BITS, share === null ? null : z64.concat(...rows));
    await step(engine, network, initial(engine, network), x, (own, _, gradient) => update(own, gradient));
    await engine.settle();
  }),
  most,
});

/** Each rank has a sample, under the address of its part. */
const rankStep = alike(
  'parts of a batch in two ranks, and what they compare',
  async (party, share, { team }) => {
    const engine = engineOf(party);
    const { rank } = team!;
    await engine.part({ from: rank, to: rank + 1, of: 2 }, async (own) => {
      const x = own.input('x', [1, VECTOR], FRACTION_BITS, share);
      await step(own, DENSE, initial(own, DENSE), x, async (fork, name, gradient) => {
        const sum = await team!.sum(fork, `step/1/${name}`, undefined, gradient);
        if (sum === undefined) return;
        await update(fork, sum);
        await fork.reveal(name, sum);
      });
    });
    await engine.settle();
    // As the first rank has the others do it (`ranks/team.ts`)
    if (rank > 0) {
      team!.onAgree = () => engine.agree({ always: true });
      await team!.next();
      return;
    }
    await engine.agree({ others: () => team!.agree() });
    await team!.end();
  },
  { ranks: 2, most: 3 },
);

/** Two answers under way at a time, compared by functions, each revealed behind digests of its own. */
const lanes: Attacked = {
  name: 'lanes of a serving session',
  workers: async (party, share) => {
    const functions = new FunctionKeys(party, VECTOR);
    const answer = (lane: string): Promise<void> =>
      party.apart(lane, async (child) => {
        await directRelu.workers(child, share, 9, 0, functions);
        await child.reveal(() => Promise.resolve());
        await child.agree();
      });
    await Promise.all([answer('0'), answer('1')]);
  },
  helper: async (party) => {
    const functions = new FunctionKeys(party, VECTOR);
    const answer = (lane: string): Promise<void> =>
      party.apart(lane, async (child) => {
        const q = await directRelu.helperBits(child, VECTOR);
        await directRelu.helper(child, q, 9, 0, { functions });
      });
    await Promise.all([answer('0'), answer('1')]);
  },
};

/** Weights that were kept, other shares of them, and the same step again, each time. */
const goingBack = alike(
  'a run that goes on, twice from one state',
  async (party, share, { attempt }) => {
    const engine = engineOf(party);
    const kept = attempt === 0 ? share : engine.refreshed('w', share);
    const w = engine.input('w', [1, VECTOR], FRACTION_BITS, kept);
    const { y } = await engine.relu(w);
    const product = await engine.mul(w, y);
    await update(engine, product);
    await engine.settle();
    await engine.agree({ always: true });
  },
  { attempts: 3, most: 3 },
);

export const WHOLE: readonly Attacked[] = [
  stepOf('a step of a graph with a branch and pooling', GRAPH, 4, 3),
  stepOf('a step of batch normalisation', NORMED, 2, 1),
  rankStep,
  lanes,
  goingBack,
];
