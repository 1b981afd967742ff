/**
 * How long a warm serving session takes for one image, at the party processes: from when they are told of an input until both workers have given
 * their shares of the answer. Image by image in turns over TLS, as party services link them, and over ws; beside it `local infer`.
 *
 *   node dist/bench/serving-links.js [--network C] [--images 300] [--turns 3] [--local]
 *   node dist/bench/serving-links.js --private [--link wan] [--rest 400]   a private session and a semi-honest one in turns, both over ws
 *
 * Before each image everybody rests for so many milliseconds: a private session deals keys ahead then.
 * The weights are the initial ones. What client, HTTPS and sealing take comes on top (`docs/measurements.md`).
 */
import console from 'node:console';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLink } from '../src/channel/linkModel.ts';
import { pinOf } from '../src/channel/pins.ts';
import { sourceOfTensors, type StoredTensor } from '../src/data/checkpoint.ts';
import { formatModel } from '../src/data/model-file.ts';
import { maskOf } from '../src/data/share.ts';
import { Vault } from '../src/data/vault.ts';
import { makeTlsKey, type TlsKey } from '../src/federation/certificate.ts';
import { initialValues } from '../src/nn/initial.ts';
import { NETWORKS } from '../src/nn/named.ts';
import { inputSize, parameters } from '../src/nn/network.ts';
import { encode } from '../src/ring/fixed.ts';
import { decrease, sub } from '../src/ring/z64.ts';
import { PARTY_NAMES, type PartyName } from '../src/server/ipc.ts';
import { PartyChild } from '../src/server/party-child.ts';
import type { ServeJob } from '../src/server/job.ts';
import { keepSharedModel } from '../src/server/shared-model.ts';
import { local } from './local-runs.ts';
import { median } from './measure.ts';
import { optionsOf } from './options.ts';

const HOST = '127.0.0.1';
const FRACTION_BITS = 16;
const MODEL = 'd0'.repeat(32);

const { values } = optionsOf(import.meta.url, {
  network: { type: 'string', default: 'C' },
  images: { type: 'string', default: '300' },
  turns: { type: 'string', default: '3' },
  local: { type: 'boolean', default: false },
  private: { type: 'boolean', default: false },
  link: { type: 'string' },
  rest: { type: 'string' },
});
const link = values.link === undefined ? undefined : parseLink(values.link);
const rest = Number(values.rest ?? (values.private ? 400 : 0));
const network = NETWORKS[values.network];
const count = Number(values.images);
const inputs = inputSize(network);
const folder = await mkdtemp(join(tmpdir(), 'securenn-serving-'));
const storage = Object.fromEntries(PARTY_NAMES.map((party) => [party, new Uint8Array(randomBytes(32))]));
const random = (n: number): BigUint64Array => new BigUint64Array(new Uint8Array(randomBytes(8 * n)).buffer);

/** Shares the initial weights among three files, and writes them in the clear for `local`. */
async function writeModel(): Promise<void> {
  const shares = {
    P0: new Map<string, StoredTensor>(),
    P1: new Map<string, StoredTensor>(),
    P2: new Map<string, StoredTensor>(),
  };
  const clear = new Map<string, { shape: readonly number[]; data: Float64Array }>();
  for (const spec of parameters(network)) {
    const { name, shape } = spec;
    const data = Float64Array.from(initialValues(spec, 1));
    const x = encode(data, FRACTION_BITS);
    const first = random(x.length);
    const tensor = { shape, fractionBits: FRACTION_BITS };
    shares.P0.set(name, { ...tensor, data: first });
    shares.P1.set(name, { ...tensor, data: sub(x, first) });
    shares.P2.set(name, { ...tensor, data: null });
    clear.set(name, { shape, data });
  }
  for (const party of PARTY_NAMES) {
    const name = { party, job: MODEL, network, fractionBits: FRACTION_BITS };
    await keepSharedModel(join(folder, party), new Vault([storage[party]]), name, sourceOfTensors(shares[party]));
  }
  await writeFile(join(folder, 'model'), formatModel({ network, fractionBits: FRACTION_BITS, tensors: clear }));
}

interface Session {
  /** Milliseconds that the n-th image takes. */
  readonly answer: (n: number) => Promise<number>;
  readonly close: () => Promise<void>;
}

async function serve(tlsKeys: Readonly<Record<PartyName, TlsKey>> | undefined, security?: 'private'): Promise<Session> {
  const job: ServeJob = {
    ...{ kind: 'serve', sessionId: randomBytes(16).toString('hex'), document: '5e'.repeat(32), model: MODEL, network },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: FRACTION_BITS, compareBits: 33 },
    ...{ maxBatch: 64, maxWaitMs: 0 },
    ...(security && { security }),
  };
  let onAnswer: () => void = () => undefined;
  let shares = 0;
  let ready: () => void = () => undefined;
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const children = PARTY_NAMES.map(
    (party) =>
      new PartyChild(party, {
        together: true,
        onChange: (child) => {
          if (child.failed) throw new Error(`${party}: ${child.failure?.message ?? 'died'}`);
        },
        onNews: (news) => {
          if (news.type === 'event' && news.event.kind === 'ready' && party === 'P0') ready();
          if (news.type === 'answers' && news.answers[0].share !== null && ++shares % 2 === 0) onAnswer();
        },
      }),
  );
  const doors = children.map((child) =>
    createServer({ pauseOnConnect: true }, (socket: Socket) => {
      socket.once('readable', () => child.hand(socket, (socket.read() as Buffer | null) ?? Buffer.alloc(0)));
    }),
  );
  for (const child of children) {
    const listen = tlsKeys === undefined ? { host: HOST, port: 0 } : 'handed';
    child.send({ type: 'open', party: child.name, listen, storageKeys: [storage[child.name]], log: 'silent' });
  }
  const listening = await Promise.all(children.map((child) => child.listening.promise));
  if (tlsKeys !== undefined) await Promise.all(doors.map((door) => once(door.listen(0, HOST), 'listening')));
  const addresses = PARTY_NAMES.map((party, i) => {
    const port = tlsKeys === undefined ? listening[i].port : (doors[i].address() as AddressInfo).port;
    return [party, { host: HOST, port, publicKey: listening[i].publicKey }] as const;
  });
  const parties = Object.fromEntries(addresses) as Record<PartyName, (typeof addresses)[number][1]>;
  const pins =
    tlsKeys &&
    Object.fromEntries(PARTY_NAMES.map((party) => [party, [pinOf(new X509Certificate(tlsKeys[party].certificate))]]));
  for (const child of children) {
    child.send({
      ...{ type: 'start', job, parties, ends: { kind: 'serving', model: join(folder, child.name) } },
      ...{ tls: tlsKeys && { ...tlsKeys[child.name], pins: pins! }, timeoutMs: 60_000 },
      ...(tlsKeys && { linkPatienceMs: 10_000 }),
      ...(link && { link }),
      compute: { backend: 'wasm', fallbackAdapter: false, workers: 1 },
    });
  }
  await isReady;
  const answer = async (n: number): Promise<number> => {
    const keys = [0, 1].map(() => new Uint8Array(randomBytes(16)));
    const opened = encode(
      Float64Array.from({ length: inputs }, (_, i) => ((n + i) % 256) / 255),
      FRACTION_BITS,
    );
    for (const key of keys) decrease(opened, maskOf('images', key).z64(0, inputs));
    const parts = [
      { opened, masks: [keys[0]] },
      { opened, masks: [keys[1]] },
      { opened: null, masks: keys },
    ];
    if (rest > 0) await sleep(rest);
    const started = performance.now();
    const answered = new Promise<void>((resolve) => (onAnswer = resolve));
    children.forEach((child, i) => {
      child.send({ type: 'inputs', parts: [{ id: `${n}`, client: '', images: 1, ...parts[i] }] });
    });
    await answered;
    return performance.now() - started;
  };
  const close = async (): Promise<void> => {
    children[0].send({ type: 'stop' });
    await Promise.all(children.map((child) => child.exited.promise));
    for (const door of doors) door.close();
  };
  return { answer, close };
}

async function makeTlsKeys(): Promise<Readonly<Record<PartyName, TlsKey>>> {
  const made = PARTY_NAMES.map(async (party) => [party, await makeTlsKey({ name: party, hosts: [HOST] })] as const);
  return Object.fromEntries(await Promise.all(made)) as Record<PartyName, TlsKey>;
}

try {
  await writeModel();
  const [one, other] = values.private
    ? [await serve(undefined, 'private'), await serve(undefined)]
    : [await serve(await makeTlsKeys()), await serve(undefined)];
  const names = values.private ? ['private', 'semi-honest'] : ['TLS', 'ws'];
  for (let turn = 0; turn < Number(values.turns); turn++) {
    const [left, right]: [number[], number[]] = [[], []];
    for (let n = turn * count; n < (turn + 1) * count; n++) {
      const first = n % 2 === 0;
      if (first) left.push(await one.answer(n));
      right.push(await other.answer(n));
      if (!first) left.push(await one.answer(n));
    }
    const ratio = median(left.map((ms, i) => ms / right[i]));
    const each = `${names[0]} ${median(left).toFixed(2)}, ${names[1]} ${median(right).toFixed(2)}`;
    console.log(`${network.name}, ms an image: ${each}, ratio ${ratio.toFixed(3)}`);
    if (!values.local) continue;
    const args = ['infer', '--model', join(folder, 'model'), '--no-scores', '--batch', '1', '--count', `${count}`];
    const inference = await local(folder, args);
    console.log(`local infer: ${(1000 * inference.secondsPerBatch!.median).toFixed(2)}`);
  }
  await Promise.all([one.close(), other.close()]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
