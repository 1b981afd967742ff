/**
 * One rank of a party but the first, as a thread of the party's process (docs/ranks.md): listens, joins its peers, the same rank of the other
 * parties, and computes along until rank 0 says that the work is over. What goes wrong it tells its peers, its party's ranks and the main
 * thread, which ends the party.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createWasmCompute } from '../../../runtime/wasm/wasm.ts';
import { MeasuredCompute } from '../../../runtime/measured.ts';
import { ChannelError, type Link, type PeerName } from '../../channel/channel.ts';
import { FrameLink } from '../../channel/link.ts';
import { openListener, type Listener } from '../../channel/listener.ts';
import { openMesh, type Mesh } from '../../channel/mesh.ts';
import { reasonFor } from '../../channel/reason.ts';
import { explained } from '../../data/memory.ts';
import { Problem } from '../../data/problem.ts';
import { createSecureEngine, type SecureEngine } from '../../engine/secure.ts';
import type { Value } from '../../engine/engine.ts';
import { trainAlong } from '../../nn/train.ts';
import { createParty } from '../../party/party.ts';
import { agreementsWith } from '../../random/agreement.ts';
import { KeyPair } from '../../random/keys.ts';
import { PairStreams } from '../../random/streams.ts';
import type { Compute } from '../../../runtime/compute.ts';
import { described } from '../described.ts';
import { PARTY_IDS } from '../ipc.ts';
import { configurationFields } from '../job.ts';
import { meshOptions, publicKeysOf } from '../neighbours.ts';
import { WaitMeter } from '../wait-meter.ts';
import { workersLedger } from '../workers-ledger.ts';
import { countersOf, writeCounters } from './counters.ts';
import { takeInput } from './inputs.ts';
import type { FromRank, RankData, RankInput, RankStart, RankWork, ToRank } from './messages.ts';
import { PortTransport } from './port-transport.ts';
import { RankTeam } from './team.ts';

const { party: self, rank, size, listen, identity, parent, children, counters } = workerData as RankData;
const id = PARTY_IDS[self];
const meter = new WaitMeter();
const within = (port: ConstructorParameters<typeof PortTransport>[0]): Link =>
  // Who waits for another rank waits as long as that has to compute: each rank's own links have the time-outs.
  new FrameLink(self, self, new PortTransport(port), { onArrival: (peer) => meter.arrived(peer) });
const above = within(parent);
const team = new RankTeam({
  rank,
  size,
  parent: above,
  children: new Map([...children].map(([child, port]) => [child, within(port)])),
  onSum: () => count(),
});

let listener: Listener | undefined;
let started: { readonly job: RankStart['job']; readonly compute: Compute; readonly mesh: Mesh } | undefined;
let mesh: Mesh | undefined;
let ending = false;

function tell(message: FromRank): void {
  parentPort!.postMessage(message);
}

function fail(reason: unknown): void {
  if (ending) return;
  ending = true;
  const error = explained(reason);
  const told = reasonFor(error);
  mesh?.abortAll(told);
  team.abort(told);
  void listener?.close();
  const fix = error instanceof Problem ? { fix: error.fix } : {};
  const origin = error instanceof ChannelError ? 'link' : 'here';
  tell({ type: 'error', message: described(error), origin, told, ...fix });
}

function count(): void {
  writeCounters(counters, countersOf(meter, mesh?.links.values() ?? []));
}

async function open(): Promise<void> {
  listener = await openListener(listen);
  tell({ type: 'listening', port: listener.port });
}

async function start(order: RankStart): Promise<void> {
  const { job, parties, linkPatienceMs = 0 } = order;
  const compute = await createWasmCompute({ workers: order.compute.workers });
  mesh = await openMesh({
    ...meshOptions(self, order, meter, rank),
    config: [...configurationFields(job), ['rank', `${rank} of 0 to ${size - 1}`]],
    agreement: agreementsWith({ self, identity: KeyPair.fromSecret(identity), publicKeys: publicKeysOf(parties) }),
    listener,
    onRefused: (reason) => tell({ type: 'refused', reason }),
  });
  void mesh.failed.then(fail);
  if (linkPatienceMs === 0) await listener?.close();
  started = { job, compute, mesh };
  tell({ type: 'connected' });
}

async function work({ pairKeys, inputs }: RankWork): Promise<void> {
  if (started === undefined) throw new Error('told to compute before it was told to start');
  const { job, compute, mesh } = started;
  const measured = new MeasuredCompute(compute, meter);
  const streams = new Map<PeerName, PairStreams>(
    [...pairKeys].map(([peer, key]) => [peer, new PairStreams(key, measured)]),
  );
  const party = createParty({
    ...{ id, links: mesh.links, streams, compute: measured, security: job.security },
    ledger: workersLedger(job, id, streams, rank),
  });
  const engine = createSecureEngine(party, {
    suite: job.suite,
    truncation: job.truncation,
    fractionBits: job.fractionBits,
    compareBits: job.compareBits,
    reveal: () => Promise.reject(new Error('only the first rank of a party reveals')),
  });
  team.onAgree = () => engine.agree({ always: true });
  const data = dataOf(engine, inputs);
  await trainAlong(engine, job.network, data, job, team);
  count();
  await Promise.all([team.close(), mesh.close()]);
  await listener?.close();
  ending = true;
  await compute.close();
  tell({ type: 'done' });
  parentPort!.close();
}

function dataOf(engine: SecureEngine, inputs: readonly RankInput[]): Parameters<typeof trainAlong>[2] {
  const values = new Map<string, Value>(
    inputs.map((input) => [input.name, engine.dataset(input.name, input.shape, input.fractionBits, takeInput(input))]),
  );
  return {
    images: values.get('train/images')!,
    labels: values.get('train/labels')!,
    testImages: values.get('test/images'),
    testLabels: values.get('test/labels'),
  };
}

function obey(message: ToRank): Promise<void> {
  switch (message.type) {
    case 'start':
      return start(message);
    case 'work':
      return work(message);
  }
}

parentPort!.on('message', (message: ToRank) => void obey(message).catch(fail));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
void above.failed.then(fail);
open().catch(fail);
