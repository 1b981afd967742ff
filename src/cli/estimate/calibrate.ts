/**
 * How fast this machine is, in about two seconds: every kind of work that the counting engine counts (`engine/counting.ts`) is done
 * once or a few times by three parties in this process, and messages go over a real connection. All figures are of one core.
 *
 * A round of few elements is neither work nor traffic: one process is woken up, does a little of a protocol and wakes up the next. So its
 * two parts are measured as such: `hop`, between two processes, and `turn`, of an operation on a single element.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createWasmCompute } from '../../../runtime/wasm/wasm.ts';
import type { Compute } from '../../../runtime/compute.ts';
import type { Link, PeerName } from '../../channel/channel.ts';
import { FrameLink } from '../../channel/link.ts';
import { openListener } from '../../channel/listener.ts';
import { memoryPair } from '../../channel/memory.ts';
import { dial } from '../../channel/dial.ts';
import type { WebSocketTransport } from '../../channel/websocket.ts';
import type { Work } from '../../engine/countedValues.ts';
import type { Value } from '../../engine/engine.ts';
import { createParty, type PartyId } from '../../party/party.ts';
import { createSecureEngine, type SecureEngine } from '../../engine/secure.ts';
import type { SecureOptions } from '../../engine/secureValues.ts';
import { PairStreams } from '../../random/streams.ts';
import * as z64 from '../../ring/z64.ts';
import { beside } from '../../server/beside.ts';
import type { EchoOrder } from './echo.ts';

export interface Rates {
  /** Core-seconds of all three parties together, for one of each kind of work. */
  readonly work: Readonly<Work>;
  /** Core-seconds of both ends, for one message and one byte over loopback. */
  readonly message: number;
  readonly byte: number;
  /** Seconds from sending a small message to having it in another process on this machine. */
  readonly hop: number;
  /** Core-seconds of all three parties together, for one round of an operation on one element. */
  readonly turn: number;
}

type Setting = Pick<SecureOptions, 'suite' | 'truncation' | 'fractionBits' | 'compareBits'> & {
  readonly security?: 'private' | undefined;
};

/** Elements of a trial, and milliseconds for which each is repeated. */
const ELEMENTS = 1 << 15;
const TRIAL_MS = 120;
const NAMES: readonly PeerName[] = ['P0', 'P1', 'P2'];

export async function calibrate(setting: Setting): Promise<Rates> {
  const compute = await createWasmCompute({ workers: 0 });
  try {
    const session = openSession(compute, setting);
    const per = async (script: (engine: SecureEngine, x: Value) => Promise<unknown>): Promise<number> =>
      (await session(script)) / ELEMENTS;
    const open =
      (await per((engine, x) => engine.matmul(x, engine.constant([1, 1], [1])))) * (ELEMENTS / (ELEMENTS + 1));
    const relu = await per((engine, x) => engine.relu(x));
    const select = (await per(async (engine, x) => engine.select((await engine.relu(x)).sign, x))) - relu;
    const truncate = await per((engine, x) => engine.truncate(x, 8));
    const unitVectors = await per((engine, x) => engine.unitVectors(engine.slice(x, 0, ELEMENTS / 8), 8));
    const local = await per((engine, x) => Promise.resolve(engine.add(x, x)));
    const turn = await turnOf(session);
    const { message, byte, hop } = await connection();
    return {
      work: {
        multiply: multiplyAdd(await gemm(compute)),
        ...{ relu, truncate, open, unitVectors, local },
        select: Math.max(select, relu / 10),
        deal: open,
      },
      ...{ message, byte, hop, turn },
    };
  } finally {
    await compute.close();
  }
}

const TURNS = 40;

/** Seconds of one round of an operation on one element, in all three parties. */
async function turnOf(session: ReturnType<typeof openSession>): Promise<number> {
  let rounds = 1;
  const seconds = await session(async (engine, x) => {
    const one = engine.slice(x, 0, 1);
    for (let i = 0; i < TURNS; i++) await engine.relu(one);
    rounds = Math.max(rounds, engine.rounds);
  });
  return seconds / rounds;
}

/** Seconds that three parties in this process take over a script, on ELEMENTS shared elements; the least of a few runs. */
function openSession(
  compute: Compute,
  setting: Setting,
): (script: (engine: SecureEngine, x: Value) => Promise<unknown>) => Promise<number> {
  return async (script) => {
    let best = Infinity;
    const end = performance.now() + TRIAL_MS;
    for (let run = 0; run < 2 || performance.now() < end; run++) {
      const engines = makeEngines(compute, setting);
      const inputs = engines.map((engine, id) =>
        engine.input('x', [ELEMENTS, 1], setting.fractionBits, id === 2 ? null : new BigUint64Array(ELEMENTS)),
      );
      const start = performance.now();
      await Promise.all(
        engines.map(async (engine, id) => {
          await script(engine, inputs[id]);
          await engine.settle();
        }),
      );
      best = Math.min(best, (performance.now() - start) / 1000);
    }
    return best;
  };
}

function makeEngines(compute: Compute, setting: Setting): SecureEngine[] {
  const links = NAMES.map(() => new Map<PeerName, Link>());
  const streams = NAMES.map(() => new Map<PeerName, PairStreams>());
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ]) {
    const [a, b] = memoryPair(NAMES[i], NAMES[j]);
    const shared = new PairStreams(randomBytes(16), compute);
    links[i].set(NAMES[j], a);
    links[j].set(NAMES[i], b);
    streams[i].set(NAMES[j], shared);
    streams[j].set(NAMES[i], shared);
  }
  return ([0, 1, 2] as PartyId[]).map((id) => {
    const party = createParty({
      id,
      rank: 0,
      links: links[id],
      streams: streams[id],
      compute,
      security: setting.security,
    });
    return createSecureEngine(party, { ...setting, reveal: () => Promise.resolve() });
  });
}

const GEMM = 256;

/** Seconds of one product of two GEMM x GEMM matrices. */
async function gemm(compute: Compute): Promise<number> {
  const [a, b] = [0, 1].map(() => new BigUint64Array(GEMM * GEMM));
  z64.halves(a).fill(0x9e3779b9);
  z64.halves(b).fill(0x7f4a7c15);
  const shape = { m: GEMM, k: GEMM, n: GEMM, transposeA: false, transposeB: false };
  let best = Infinity;
  const end = performance.now() + TRIAL_MS;
  for (let run = 0; run < 3 || performance.now() < end; run++) {
    const start = performance.now();
    await compute.gemm({ ...shape, terms: [{ a, b }] });
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}

function multiplyAdd(seconds: number): number {
  return seconds / GEMM ** 3;
}

/** Two ends of one WebSocket connection in this process. */
async function connection(): Promise<Pick<Rates, 'message' | 'byte' | 'hop'>> {
  const listener = await openListener({ host: '127.0.0.1', port: 0 });
  try {
    const accepted = new Promise<WebSocketTransport>((resolve) =>
      listener.accept((transport) => {
        listener.trust(transport);
        resolve(transport);
      }),
    );
    const dialled = await dial(`ws://127.0.0.1:${listener.port}`, { timeoutMs: 10_000 });
    dialled.trust();
    const a = new FrameLink('P0', 'P1', dialled);
    const b = new FrameLink('P1', 'P0', await accepted);
    const [count, size] = [64, 1 << 18];
    const seconds = await fastest(4, async (run) => {
      const sending = Array.from({ length: count }, (_, i) => a.send(`b${run}/${i}`, new Uint8Array(size), 1));
      const receiving = Array.from({ length: count }, (_, i) => b.receive(`b${run}/${i}`, 'u8', size));
      await Promise.all([...sending, ...receiving]);
    });
    const messages = await fastest(4, async (run) => {
      const sending = Array.from({ length: 200 }, (_, i) => a.send(`m${run}/${i}`, new Uint8Array(8), 1));
      const receiving = Array.from({ length: 200 }, (_, i) => b.receive(`m${run}/${i}`, 'u8', 8));
      await Promise.all([...sending, ...receiving]);
    });
    await Promise.all([a.close(), b.close()]);
    return { hop: await hopBetweenProcesses(), message: messages / 200, byte: seconds / (count * size) };
  } finally {
    await listener.close();
  }
}

const PINGS = 300;

/** Half the median time from a ping to its answer by another process. */
async function hopBetweenProcesses(): Promise<number> {
  const listener = await openListener({ host: '127.0.0.1', port: 0 });
  const child = fork(fileURLToPath(beside(import.meta.url, 'echo')));
  try {
    const order: EchoOrder = { url: `ws://127.0.0.1:${listener.port}`, count: PINGS };
    const transport = await new Promise<WebSocketTransport>((resolve, reject) => {
      child.once('error', reject).once('exit', () => reject(new Error('calibration: the other process ended')));
      listener.accept((accepted) => {
        listener.trust(accepted);
        resolve(accepted);
      });
      child.send(order);
    });
    const link = new FrameLink('P0', 'P1', transport);
    const seconds: number[] = [];
    for (let i = 0; i < PINGS; i++) {
      const start = performance.now();
      void link.send(`ping${i}`, new Uint8Array(1), 1);
      await link.receive(`pong${i}`, 'u8', 1);
      seconds.push((performance.now() - start) / 1000);
    }
    await link.close();
    return seconds.toSorted((x, y) => x - y)[PINGS >> 1] / 2;
  } finally {
    await listener.close();
    child.kill();
  }
}

/** The least seconds of some runs. */
async function fastest(runs: number, task: (run: number) => Promise<void>): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await task(run);
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}
