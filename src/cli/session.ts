/** One job on local parties, from starting them to their end, with this process as the owner. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelError, type PeerName } from '../channel/channel.ts';
import { reasonFor } from '../channel/reason.ts';
import { Owner } from '../client/owner.ts';
import { PARTIES, type PartyName } from '../client/parties.ts';
import type { Holdings } from '../data/checkpoint-store.ts';
import { joinAddress } from '../federation/address.ts';
import { KeyPair } from '../random/keys.ts';
import { Problem } from '../data/problem.ts';
import { fromHex, toHex } from '../server/ipc.ts';
import { configurationFields, type Job, type TrainJob } from '../server/job.ts';
import { jobFacts } from '../server/log.ts';
import { messageOf } from './errors.ts';
import { unlessAborted } from './interrupts.ts';
import { LocalParties, type Opened } from './local.ts';
import type { PartyNews } from './party-news.ts';
import type { SessionSettings } from './options/session.ts';

const HOST = '127.0.0.1';
const SIGNAL_MS = 100;

/** The fields that every kind of job has. */
export function commonJob(
  settings: SessionSettings,
): Pick<
  TrainJob,
  | 'sessionId'
  | 'network'
  | 'suite'
  | 'truncation'
  | 'fractionBits'
  | 'compareBits'
  | 'batch'
  | 'security'
  | 'insecureKeys'
  | 'profile'
> {
  const { network, suite, truncation, fractionBits, compareBits, batch, security, insecureKeys } = settings;
  const sessionId = toHex(randomBytes(16));
  const profile = settings.profile === undefined ? undefined : true;
  const format = { suite, truncation, fractionBits, compareBits };
  return { sessionId, network, ...format, batch, security, insecureKeys, profile };
}

/** What a session does, known once the parties listen and have said which checkpoints they have. */
export interface Session {
  readonly job: Job;
  /** Of a run that goes on: the owner's stream keys. */
  readonly streamKeys?: ReadonlyMap<PeerName, Uint8Array> | undefined;
}

export interface SessionPlan {
  /** Ranks of each party, if it has several. */
  readonly ranks?: number | undefined;
  /** Where each party keeps its checkpoints, if it does. */
  readonly folderOf?: ((party: PartyName) => string) | undefined;
  /** When the user interrupts, before the session is ended: to keep what there is. Its failure changes nothing. */
  readonly beforeLeaving?: (() => Promise<void>) | undefined;
  readonly begin: (holdings: Readonly<Record<PartyName, Holdings>>) => Session | Promise<Session>;
}

/**
 * Runs `task` as the owner of a job. Whatever happens, no party is left when this settles. A failure is traced to the party in
 * which it began.
 */
export async function runLocally<T>(
  plan: SessionPlan,
  settings: SessionSettings,
  signal: AbortSignal,
  news: PartyNews,
  task: (owner: Owner, session: Session) => Promise<T>,
): Promise<T> {
  const parties = new LocalParties((party, told) => news.hear(party, told));
  const log = news.logs.owner;
  let owner: Owner | undefined;

  const run = async (): Promise<T> => {
    const identity = KeyPair.generate();
    const { timeoutMs, backend, fallbackAdapter, workers, link, port, metrics } = settings;
    const profile = settings.profile === undefined ? undefined : resolve(settings.profile);
    const { folderOf, ranks } = plan;
    const opened = await parties.open({ host: HOST, port, folderOf, profile, log: settings.log.level, ranks, metrics });
    if (metrics !== undefined) news.line(`metrics: ${metricsUrls(metrics.host, opened)}`);
    const addresses = ofEach((name) => opened[name].address);
    const session = await plan.begin(ofEach((name) => opened[name].holdings));
    const { job } = session;
    log.info({ ...jobFacts(job), link }, 'started');
    parties.start({
      type: 'start',
      job,
      parties: addresses,
      ends: { kind: 'owner', publicKey: toHex(identity.publicKey) },
      timeoutMs,
      compute: { backend, fallbackAdapter, workers },
      link,
    });
    owner = await Owner.connect({
      identity,
      publicKeys: ofEach((name) => fromHex(addresses[name].publicKey)),
      urls: ofEach((name) => `ws://${HOST}:${addresses[name].port}`),
      sessionId: job.sessionId,
      config: configurationFields(job),
      security: job.security,
      timeoutMs,
      link,
      insecureSeed: job.insecureKeys,
      streamKeys: session.streamKeys,
    });
    log.info({ peers: PARTIES }, 'all parties are connected');
    const result = await task(owner, session);
    await owner.close();
    await parties.ended();
    log.info('finished');
    return result;
  };
  const partyFailed = async (): Promise<never> => {
    await parties.failed;
    throw new Error('a party failed');
  };

  const explain = async (seen: unknown): Promise<unknown> => {
    const ownFault = !(seen instanceof ChannelError) && !parties.haveFailed;
    const error = signal.aborted || ownFault ? seen : await parties.diagnose(seen);
    // A signal to the whole group may reach a party, and its last words this process, before the signal itself.
    if (!signal.aborted) await sleep(SIGNAL_MS);
    return signal.aborted ? signal.reason : error;
  };

  let reason = 'the session is over';
  try {
    return await unlessAborted(signal, Promise.race([run(), partyFailed()]), plan.beforeLeaving);
  } catch (seen) {
    const error = await explain(seen);
    reason = reasonFor(error);
    log.error({ reason: messageOf(error), ...(error instanceof Problem ? { fix: error.fix } : {}) }, 'failed');
    owner?.abort(reason);
    throw error;
  } finally {
    await parties.stop(reason);
  }
}

function metricsUrls(host: string, opened: Readonly<Record<PartyName, Opened>>): string {
  const placeOf = (party: PartyName): string => joinAddress({ host, port: opened[party].metricsPort! });
  return PARTIES.map((party) => `http://${placeOf(party)}/metrics (${party})`).join(', ');
}

function ofEach<T>(make: (name: PartyName) => T): Record<PartyName, T> {
  const [P0, P1, P2] = PARTIES.map(make) as [T, T, T];
  return { P0, P1, P2 };
}
