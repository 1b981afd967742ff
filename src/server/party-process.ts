/**
 * One party as an operating-system process of its own, started with an IPC channel (see ipc.ts). It makes its identity key, listens,
 * says where, joins the mesh of the session it is given, does its part of the job and exits: 0 when all is revealed or it has stopped as it
 * was told, 1 when not.
 *
 * It never outlives the process that started it, and whatever ends it early, its peers are told why.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { MeasuredCompute } from '../../runtime/measured.ts';
import { openMesh, type Mesh } from '../channel/mesh.ts';
import { openListener, portlessListener, type Listener } from '../channel/listener.ts';
import { ChannelError } from '../channel/channel.ts';
import { CheckpointStore } from '../data/checkpoint-store.ts';
import { explained } from '../data/memory.ts';
import { Problem } from '../data/problem.ts';
import { Vault } from '../data/vault.ts';
import { agreementsWith } from '../random/agreement.ts';
import type { HostPort } from '../federation/address.ts';
import { KeyPair } from '../random/keys.ts';
import { continuedKeys } from '../random/continued.ts';
import { loadCheckpoint } from './checkpoints.ts';
import { openCompute } from './compute.ts';
import {
  fromHex,
  orderSchema,
  PARTY_IDS,
  PARTY_NAMES,
  toHex,
  type InputsOrder,
  type Notice,
  type OpenOrder,
  type PartyName,
  type StartOrder,
} from './ipc.ts';
import { configurationFields, isRanked, ranksOfJob } from './job.ts';
import { failureNotice } from './described.ts';
import { logToStandardError, type Logger } from './log.ts';
import type { PartyMetrics } from './metrics.ts';
import { Monitor } from './monitor.ts';
import { meshOptions, publicKeysOf } from './neighbours.ts';
import { Profiling } from './profiling.ts';
import type { Ranks } from './ranks/ranks.ts';
import { runJob } from './run-job.ts';
import { sessionEnds, type SessionEnds } from './session-ends.ts';

/** How long what was sent last may take to leave this process. */
const LAST_WORDS_MS = 500;
/** How long it may take until it is known that a rank of this party is gone, once links have broken. */
const RANK_MS = 500;

interface Opened {
  readonly party: PartyName;
  readonly identity: KeyPair;
  /** Absent where the starter listens. */
  readonly listener: Listener | undefined;
  readonly vault: Vault | undefined;
  readonly store: CheckpointStore | undefined;
  /** The other ranks of this party, if there are any. */
  readonly ranks: Ranks | undefined;
  /** Folder for the profile. */
  readonly profile: string | undefined;
}

let opened: Opened | undefined;
/** Where connections come in, once the session is known. */
let door: Listener | undefined;
let mesh: Mesh | undefined;
let session: SessionEnds | undefined;
/** It was told to stop before there was a session. */
let stopAsked = false;
let profiling: Profiling | undefined;
let log: Logger | undefined;
let metrics: PartyMetrics | undefined;
let monitor: Monitor | undefined;
let ending = false;

function notify(notice: Notice, then: () => void = () => undefined): void {
  // The starter may be gone already; then nobody listens.
  if (process.connected) process.send?.(notice, then);
}

/** Says the last notice and exits as soon as all that was sent has left; in half a second at the latest. */
function leave(code: number, notice: Notice): void {
  process.exitCode = code;
  notify(notice, () => {
    if (process.connected) process.disconnect();
  });
  setTimeout(() => process.exit(code), LAST_WORDS_MS).unref();
}

/**
 * Ends this party: peers and starter learn the reason. The first reason counts; but when a rank is gone its links break at once, and which one it
 * was is known a little later.
 */
function fail(reason: unknown): void {
  const ranks = opened?.ranks;
  if (ranks === undefined || !(reason instanceof ChannelError)) return failOf(reason);
  void Promise.race([ranks.failed, sleep(RANK_MS, reason)]).then(failOf);
}

function failOf(reason: unknown): void {
  if (ending) return;
  ending = true;
  const failure = failureNotice(explained(reason));
  const { message, origin, fix, told } = failure;
  mesh?.abortAll(told);
  profiling?.end(false);
  log?.error({ reason: message, origin, ...(fix !== undefined && { fix }), ...monitor?.totals() }, 'failed');
  metrics?.close();
  void (door ?? opened?.listener)?.close();
  leave(1, failure);
}

async function open(order: OpenOrder): Promise<void> {
  const { party, listen, profile } = order;
  log = logToStandardError(party, order.log);
  const metricsPort = order.metrics && (await openMetrics(party, order.metrics));
  const vault = order.storageKeys && new Vault(order.storageKeys);
  const store = order.checkpoints === undefined ? undefined : new CheckpointStore(order.checkpoints, party, vault);
  const holdings = (await store?.survey()) ?? { whole: [], damaged: [] };
  const identity = KeyPair.generate();
  const listener = listen === 'handed' ? undefined : await listenOn(party, listen);
  const ranks = order.ranks === undefined ? undefined : await openRanks(order, identity);
  opened = { party, identity, listener, vault, store, ranks, profile };
  const port = listener?.port ?? 0;
  log.info({ host: listener?.host, port, metricsPort }, 'listening');
  const rankPorts = await Promise.race([ranks?.ports(), ranks?.failed.then(() => undefined)]);
  notify({ type: 'listening', port, publicKey: toHex(identity.publicKey), holdings, metricsPort, rankPorts });
}

async function openRanks({ party, listen, ranks }: OpenOrder, identity: KeyPair): Promise<Ranks> {
  // Loaded for those who ask for it.
  if (typeof ranks === 'object') {
    const { RankProcesses } = await import('./ranks/processes.ts');
    const onRefused = rankRefused;
    const processes = await RankProcesses.open({ party, ...ranks, identity, onRefused });
    void processes.failed.then(fail);
    return processes;
  }
  if (listen === 'handed') throw new Error('told to have threads as ranks, but not where they listen');
  const { RankThreads } = await import('./ranks/threads.ts');
  const { host, port } = listen;
  const threads = new RankThreads({
    party,
    size: ranks!,
    listen: { host, port: port === 0 ? 0 : port + PARTY_NAMES.length },
    stride: PARTY_NAMES.length,
    identity,
    onRefused: rankRefused,
  });
  void threads.failed.then(fail);
  return threads;
}

function rankRefused(reason: string): void {
  monitor?.refused(reason);
  notify({ type: 'refused', reason });
}

function listenOn(party: PartyName, { host, port }: HostPort): Promise<Listener> {
  return openListener({ host, port }).catch((error: unknown) => {
    const fixes = { inUse: 'give another --port, or leave it out for free ports', port: '--port' };
    throw explainListenError(error, `party ${party}: cannot listen on ${host}:${port}`, fixes);
  });
}

/** Returns the port. */
async function openMetrics(party: PartyName, { host, port }: HostPort): Promise<number> {
  // Loaded for those who ask for it.
  const { PartyMetrics } = await import('./metrics.ts');
  metrics = new PartyMetrics(party);
  return metrics.listen(host, port).catch((error: unknown) => {
    const fixes = { inUse: 'give another --metrics, or 0 for free ports', port: '--metrics' };
    throw explainListenError(error, `party ${party}: --metrics: cannot listen on ${host}:${port}`, fixes);
  });
}

/** @param fixes what helps when the port is in use, and how the option is called that names it */
function explainListenError(error: unknown, what: string, fixes: { inUse: string; port: string }): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return new Problem(`${what}: the port is in use`, fixes.inUse);
  if (code === 'EACCES') return new Problem(`${what}: not permitted`, `give a ${fixes.port} of 1024 or above`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new Problem(`${what}: no address of this machine`, `give an address of this machine to ${fixes.port}`);
  }
  return error;
}

/** Links to all that take part. */
async function connect(order: StartOrder, { party, identity, listener }: Opened, watching: Monitor): Promise<Mesh> {
  const { job, ends, parties, linkPatienceMs = 0, tls } = order;
  const publicKeys = {
    ...(ends.kind === 'owner' ? { owner: fromHex(ends.publicKey) } : {}),
    ...publicKeysOf(parties),
  };
  door = listener ?? portlessListener({ tls });
  const formed = await openMesh({
    ...meshOptions(party, order, watching.meter),
    config: configurationFields(job),
    agreement: agreementsWith({ self: party, identity, publicKeys, insecureSeed: job.insecureKeys }),
    listener: door,
    onExpecting: (peers) => notify({ type: 'expecting', peers }),
    onConnected: (peer) => watching.connected(peer),
    onRefused: (reason) => {
      watching.refused(reason);
      notify({ type: 'refused', reason });
    },
  });
  watching.allConnected(formed.links);
  // All peers are here: nobody else has business at this port. A link that breaks may come back through it.
  if (linkPatienceMs === 0) await door.close();
  return formed;
}

async function start(order: StartOrder): Promise<void> {
  if (opened === undefined || log === undefined) throw new Error('told to start before it was told to open');
  const { party, vault, store, ranks, profile } = opened;
  const { job } = order;
  const wanted = ranksOfJob(job);
  if (wanted !== (ranks?.size ?? 1)) throw new Error(`told to have ${ranks?.size ?? 1} ranks, for a job of ${wanted}`);
  const resumes = job.kind === 'train' && job.resume !== undefined;
  if (resumes && store === undefined) throw new Error('told to go on with a run, but not where its checkpoints are');
  if (job.profile && profile === undefined) throw new Error('told to take a profile, but not where to leave it');
  checkRanks(order);
  const checkpoint = resumes ? await loadCheckpoint(store!, job) : undefined;
  const watching = (monitor = new Monitor({ log, metrics }));
  const workers = ranks?.ownWorkers(order.compute.workers) ?? order.compute.workers;
  const settings = { ...order.compute, workers, timestamps: job.profile === true };
  const { compute, computing } = await openCompute(settings, (text) => {
    watching.note(text);
    notify({ type: 'note', text });
  });
  notify({ type: 'computing', ...computing });
  watching.begin(job, computing, order.link);
  const { parties, tls, timeoutMs, linkPatienceMs, link } = order;
  // Where inputs come from and results go is rank 0's alone.
  const along = { parties, tls, timeoutMs, linkPatienceMs, link, compute: order.compute } as const;
  const joined = isRanked(job) ? ranks?.start({ type: 'start', job, ...along }) : undefined;
  mesh = await connect(order, opened, watching);
  void mesh.failed.then(fail);
  await joined;
  const id = PARTY_IDS[party];
  // The links have keys of this session; what a run that goes on draws from is another matter.
  const pairKeys = continuedKeys(job.security, checkpoint?.keys, mesh.pairKeys);
  const { links } = mesh;
  if (ranks !== undefined) watching.ranks(() => ranks.counters);
  if (job.profile) {
    const own = { folder: profile!, party, session: job.sessionId, links, ranks: watching.rankCounters };
    profiling = await Profiling.open(own);
  }
  session = sessionEnds(order.ends, { id, job, links, pairKeys, vault, notify });
  if (stopAsked) stop();
  const measured = new MeasuredCompute(compute, watching.meter);
  const { ends } = session;
  const stored = checkpoint?.tensors;
  const running = { id, links, pairKeys, ends, compute: measured, monitor: watching, store, stored, profiling, ranks };
  const outcome = await runJob(job, running);
  await mesh.close();
  await door?.close();
  profiling?.end(true);
  ending = true;
  watching.ended();
  metrics?.close();
  await compute.close();
  leave(0, outcome.kind === 'stopped' ? { type: 'stopped', step: outcome.step } : { type: 'done' });
}

/** Peers of the same rank would wait for each other, some of them for nobody. */
function checkRanks({ parties }: StartOrder): void {
  const counts = PARTY_NAMES.map((name) => 1 + (parties[name].ranks?.length ?? 0));
  if (counts.every((count) => count === counts[0])) return;
  const what = `ranks: ${PARTY_NAMES.map((name, i) => `${name} has ${counts[i]}`).join(', ')}`;
  throw new Problem(what, 'start all three with the same --ranks', { told: what });
}

function stop(): void {
  stopAsked = true;
  session?.stop?.().catch(fail);
}

function takeConnection(socket: Socket | undefined, head: Uint8Array): void {
  if (socket === undefined) return; // It was closed on the way.
  if (door === undefined) {
    socket.destroy();
    return;
  }
  socket.unshift(head);
  door.take(socket);
}

function takeInputs({ parts }: InputsOrder): void {
  if (session?.serving !== undefined) return session.serving.take(parts);
  const reason = 'the session has not begun';
  for (const { id } of parts) notify({ type: 'rejected', id, reason, computed: false });
}

async function obey(message: unknown, socket: Socket | undefined): Promise<void> {
  const order = orderSchema.parse(message);
  switch (order.type) {
    case 'open':
      return open(order);
    case 'start':
      return start(order);
    case 'connection':
      return takeConnection(socket, order.head);
    case 'inputs':
      return takeInputs(order);
    case 'withdraw':
      return session?.serving?.withdraw(order.id);
    case 'stop':
      return stop();
    case 'abort':
      // As from a peer: the starter knows the cause.
      return fail(new ChannelError(order.reason));
  }
}

process.on('message', (message, handle) => {
  obey(message, handle as Socket | undefined).catch(fail);
});
process.on('disconnect', () => fail(new ChannelError('the process that started this party is gone')));
// A terminal's Ctrl-C reaches every process of its group; the starter decides what it means.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => fail(new Problem('ended by SIGTERM', 'start again', { told: 'ended by SIGTERM' })));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
