/**
 * One party that runs one protocol again and again, as a process of its own among three over WebSockets: started by `table.ts`, not by hand.
 * A repetition is timed at P0, from its first line to its result; as in a program, one follows the other and the helper deals ahead.
 */
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import { openListener } from '../src/channel/listener.ts';
import { openMesh } from '../src/channel/mesh.ts';
import type { Engine, Value } from '../src/engine/engine.ts';
import { maximum } from '../src/functions/maximum.ts';
import { createParty, type PartyId } from '../src/party/party.ts';
import { createSecureEngine } from '../src/engine/secure.ts';
import { agreementsWith } from '../src/random/agreement.ts';
import { KeyPair } from '../src/random/keys.ts';
import { PairStreams } from '../src/random/streams.ts';

/** A ReLU holds its comparison: in the direct suite DReLU comes with its product, at no further round. */
export const OPERATIONS = ['relu', 'maxpool'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface OperationOrder {
  readonly operation: Operation;
  readonly suite: 'direct' | 'paper';
  /** Inputs of a ReLU; a maxpool has its own. */
  readonly elements: number;
  readonly warmUps: number;
  readonly repeats: number;
  readonly parties: Readonly<Record<string, { readonly port: number; readonly publicKey: string }>>;
}

/** Milliseconds of each repetition at P0, and bytes that this party sent in one. */
export interface OperationResult {
  readonly milliseconds: readonly number[];
  readonly bytes: number;
}

const NAMES = ['P0', 'P1', 'P2'] as const;
const POOL = {
  batch: 1,
  height: 24,
  width: 24,
  channels: 20,
  windowHeight: 2,
  windowWidth: 2,
  strideHeight: 2,
  strideWidth: 2,
};
const HOST = '127.0.0.1';
const TIMEOUT_MS = 120_000;

function inputOf(engine: Engine, { operation, elements }: OperationOrder): Value {
  const shape = operation === 'relu' ? [elements] : [POOL.batch, POOL.height, POOL.width, POOL.channels];
  const count = shape.reduce((a, b) => a * b, 1);
  return engine.constant(
    shape,
    Float64Array.from({ length: count }, (_, i) => (i % 64) - 32),
  );
}

async function repeat(engine: Engine, order: OperationOrder, x: Value): Promise<void> {
  if (order.operation === 'relu') await engine.relu(x);
  else await maximum(engine, await engine.windows(x, POOL));
}

async function run(id: PartyId, order: OperationOrder, identity: KeyPair): Promise<OperationResult> {
  const name = NAMES[id];
  const dial = NAMES.slice(0, id).map((peer) => [peer, `ws://${HOST}:${order.parties[peer].port}`]);
  const keys = Object.entries(order.parties).map(([peer, { publicKey }]) => [peer, Buffer.from(publicKey, 'hex')]);
  const publicKeys = Object.fromEntries(keys) as Record<string, Uint8Array>;
  const mesh = await openMesh({
    self: name,
    sessionId: 'bench',
    config: [['operation', order.operation]],
    agreement: agreementsWith({ self: name, identity, publicKeys }),
    listener: await listener,
    dial: Object.fromEntries(dial) as Record<string, string>,
    accept: NAMES.slice(id + 1),
    timeoutMs: TIMEOUT_MS,
  });
  await (await listener).close();
  const compute = await createWasmCompute({ workers: 1 });
  const streams = new Map([...mesh.pairKeys].map(([peer, key]) => [peer, new PairStreams(key, compute)]));
  const direct = order.suite === 'direct';
  const engine = createSecureEngine(createParty({ id, rank: 0, links: mesh.links, streams, compute }), {
    suite: order.suite,
    truncation: direct ? 'dealt' : 'local',
    fractionBits: direct ? 16 : 13,
    compareBits: direct ? 33 : 64,
    reveal: () => Promise.resolve(),
  });
  const input = inputOf(engine, order);
  const milliseconds: number[] = [];
  const total = order.warmUps + order.repeats;
  for (let i = 0; i < total; i++) {
    const start = performance.now();
    await engine.scope(`repetition/${i}`, (fork) => repeat(fork, order, input));
    if (i >= order.warmUps) milliseconds.push(performance.now() - start);
  }
  await engine.settle();
  const bytes = [...mesh.links.values()].reduce((sum, link) => sum + link.sent.payloadBytes, 0) / total;
  await mesh.close();
  await compute.close();
  return { milliseconds, bytes };
}

const id = NAMES.findIndex((name) => name === process.argv[2]) as PartyId;
const identity = KeyPair.generate();
const listener = openListener({ host: HOST, port: 0 });
process.on('message', (order: OperationOrder) => {
  run(id, order, identity).then(
    (result) => process.send!(result, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
const { port } = await listener;
process.send!({ port, publicKey: Buffer.from(identity.publicKey).toString('hex') });
