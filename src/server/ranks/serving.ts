/**
 * A serving session of several ranks: batch n is rank n modulo N's. Rank 0 takes part in the choice of what goes next (`serving-inputs.ts`) and hands
 * inputs to the rank whose turn it is; who computes a batch compares in a private session what it opened for it, by itself, before its share of the answers goes to rank 0.
 *
 * Labels, from rank 0: `serving/N`, u8, JSON, whose rows the n-th batch has, with the keys of their masks that this party knows; `serving/N/opened`, u64
 * in blocks, E of them, to workers. Back: `answers/N`, u64 in blocks, a worker's share of the answers, of the helper empty.
 */
import { WHILE_THE_LINK_LIVES } from '../../data/share.ts';
import { held } from '../../engine/ownedInput.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import type { Parameters } from '../../nn/forward.ts';
import { classCount, inputSize } from '../../nn/network.ts';
import type { RankOrder } from '../../nn/ranks.ts';
import type { ServedBatch } from '../job-ends.ts';
import type { ServeJob } from '../job.ts';
import { answerBatch, GROUP } from '../serve-job.ts';
import { UnderWay } from '../under-way.ts';
import { bytesOf, inputFactsSchema, wordsOf } from './control.ts';
import { inputFacts, takeInput } from './inputs.ts';
import type { Ranks } from './ranks.ts';
import type { RankTeam } from './team.ts';
import { give, take } from './tensors.ts';

/** Of what is said of a batch, bytes. */
const MOST_WORDS: number = 4 * 2 ** 20;

/** Rank 0: has another rank compute a batch, if it is the turn of one. @returns this worker's share of the answers, null at P2 */
export async function answerElsewhere(
  engine: SecureEngine,
  { size, team }: Pick<Ranks, 'size' | 'team'>,
  job: ServeJob,
  { n, images, input }: ServedBatch,
): Promise<{ readonly share: BigUint64Array | null } | undefined> {
  const rank = n % size;
  if (rank === 0) return undefined;
  const { name, label } = labels(n);
  const link = team.link(rank);
  await team.begin({ kind: 'inference', batch: n });
  await link.send(label, bytesOf(inputFacts(name, [images, inputSize(job.network)], job.fractionBits, input)), 0);
  if (input.opened !== null) await give(link, `${label}/opened`, input.opened, 0);
  const { data } = await take(link, `answers/${n}`, elements(engine, job, images));
  return { share: engine.id === 2 ? null : data };
}

/** The others, until rank 0 says that it is over. @param revealed what this worker would reveal, by name */
export async function serveAlong(
  engine: SecureEngine,
  job: ServeJob,
  model: Parameters,
  team: RankTeam,
  revealed: Map<string, BigUint64Array>,
): Promise<void> {
  let order = await team.next();
  while (order !== undefined) {
    const group = groupOf(order);
    await engine.scope(`inputs/${group}`, async (scope) => {
      const underWay = new UnderWay();
      while (order !== undefined && groupOf(order) === group) {
        const n = batchOf(order);
        if (n % team.size === team.rank) {
          const batch = await takeBatch(scope, job, team, n);
          underWay.add(alongBatch(scope, job, model, team, batch, revealed));
        }
        order = await underWay.unlessFailed(team.next());
      }
      await underWay.all();
    });
  }
  await engine.settle();
}

async function alongBatch(
  engine: SecureEngine,
  job: ServeJob,
  model: Parameters,
  team: RankTeam,
  { n, images, input }: ServedBatch,
  revealed: Map<string, BigUint64Array>,
): Promise<void> {
  const name = `answer/${n}`;
  const share = held(engine.id, input, images * inputSize(job.network));
  await answerBatch(engine, job, model, { n, images, ...share });
  const mine = revealed.get(name) ?? new BigUint64Array(0);
  revealed.delete(name);
  await team.giveLead(`answers/${n}`, mine);
}

async function takeBatch(engine: SecureEngine, job: ServeJob, team: RankTeam, n: number): Promise<ServedBatch> {
  const { label } = labels(n);
  const lead = team.link(0);
  const { data } = await lead.receiveUpTo(label, 'u8', MOST_WORDS, WHILE_THE_LINK_LIVES);
  const { elements: count, ...facts } = inputFactsSchema.parse(wordsOf(data));
  const [images] = facts.shape;
  const expected = engine.id === 2 ? null : images * inputSize(job.network);
  if (count !== expected) throw new Error(`${label}: ${count} elements are open, expected ${expected}`);
  const opened = count === null ? null : (await take(lead, `${label}/opened`, count)).data;
  return { n, images, input: takeInput({ ...facts, opened }) };
}

function labels(n: number): { readonly name: string; readonly label: string } {
  return { name: `inputs/${n}`, label: `serving/${n}` };
}

/** Of the answers, on their way to rank 0. */
function elements(engine: SecureEngine, { network, scores }: ServeJob, images: number): number {
  return engine.id === 2 ? 0 : images * (scores === true ? classCount(network) : 1);
}

function batchOf(order: RankOrder): number {
  if (order.kind === 'inference') return order.batch;
  throw new Error(`${order.kind}: not of a serving session`);
}

function groupOf(order: RankOrder): number {
  return Math.floor(batchOf(order) / GROUP);
}
