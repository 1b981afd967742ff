/** What a job revealed to us: each worker's share, sealed to our key by the worker itself; their sum is the value. */
import { Problem } from '../../data/problem.ts';
import { keptOf, type Model } from '../../data/model-file.ts';
import type { FloatTensor } from '../../data/safetensors.ts';
import { OF_BYTES } from '../../data/scaling.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { TrainDocument } from '../../federation/documents.ts';
import { parameters } from '../../nn/network.ts';
import { REVEALED } from '../../nn/train.ts';
import { fromBase64 } from '../../random/text.ts';
import { decode } from '../../ring/fixed.ts';
import { sizeOf } from '../../ring/shape.ts';
import { add } from '../../ring/z64.ts';
import { valuesAnswer } from './answers.ts';
import type { FederationClient } from './client.ts';
import { openShare, type Worker, WORKERS } from './opened-share.ts';
import { Refused } from './transport.ts';

const BYTES = 8;
/** What sealing adds, and more. */
const SEAL_BYTES = 1024;

/** A revealed value of a job. @param what it is, for errors */
export async function fetchRevealed(
  client: FederationClient,
  job: Digest,
  name: string,
  length: number,
  what: string,
): Promise<BigUint64Array> {
  const shares = await client.everywhere(async (party) => {
    const worker = party as Worker;
    const path = `/v1/jobs/${job}/results/${encodeURIComponent(name)}`;
    try {
      const maxBytes = BYTES * length + SEAL_BYTES;
      const { body } = await client.bytes(worker, 'GET', path, { maxBytes });
      return await openShare(client, worker, { what, info: `result ${job} ${name}`, sealed: body, length });
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
      throw new Problem(`${worker} has no share of ${what}`, 'securenn job show says whether the job has ended');
    }
  }, WORKERS);
  const failures = [...shares.failures.values()];
  if (failures.length === 1 && failures[0] instanceof Problem) {
    const [other] = shares.answers.keys();
    const what = `${failures[0].message}; ${other}'s share alone is a random number`;
    throw new Problem(what, failures[0].fix, { cause: failures[0] });
  }
  if (failures.length > 0) throw failures[0];
  return add(shares.answers.get('P0')!, shares.answers.get('P1')!);
}

/** How many results are asked for at once. */
export const TOGETHER = 64;

/** Those of small revealed values that both workers have by now, in one request to each. @param length elements of each */
export async function fetchTogether(
  client: FederationClient,
  job: Digest,
  names: readonly string[],
  length: number,
): Promise<ReadonlyMap<string, BigUint64Array>> {
  const path = `/v1/jobs/${job}/values?names=${names.map(encodeURIComponent).join(',')}`;
  const answers = await client.everywhere((party) => client.ask(party, 'GET', path, valuesAnswer), WORKERS);
  const found = new Map<string, BigUint64Array>();
  if (answers.failures.size > 0) return found;
  const [P0, P1] = WORKERS.map((worker) => answers.answers.get(worker)!.values);
  for (const name of names) {
    if (!Object.hasOwn(P0, name) || !Object.hasOwn(P1, name)) continue;
    const shares = WORKERS.map((worker, i) => {
      const sealed = fromBase64([P0, P1][i][name]);
      return openShare(client, worker, { what: name, info: `result ${job} ${name}`, sealed, length });
    });
    const [share0, share1] = await Promise.all(shares);
    found.set(name, add(share0, share1));
  }
  return found;
}

/** The model of a training that ended. @param onTensor told of each tensor's bytes */
export async function fetchModel(
  client: FederationClient,
  job: Digest,
  document: Pick<TrainDocument, 'network' | 'fractionBits' | 'reveal' | 'scaling' | 'classNames'>,
  onTensor: (bytes: number) => void = () => undefined,
): Promise<Model> {
  const { network, fractionBits, reveal, scaling = OF_BYTES, classNames } = document;
  if (!reveal.model) {
    throw new Problem(
      `job ${job.slice(0, 12)} reveals its model to nobody`,
      'a model that stayed shared can be served (securenn model serve) or trained on (--from-job)',
    );
  }
  const tensors = new Map<string, FloatTensor>();
  for (const { name, shape } of parameters(network)) {
    const length = sizeOf(shape);
    const sum = await fetchRevealed(client, job, REVEALED.parameter(name), length, `the model's ${name}`);
    tensors.set(name, { shape, data: decode(sum, fractionBits) });
    onTensor(BYTES * length);
  }
  return { network, fractionBits, tensors, ...keptOf({ scaling, classNames }) };
}
