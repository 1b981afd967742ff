/** `securenn model`: models that stayed shared at the parties, served or looked up; models that were revealed, fetched. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Options } from 'yargs';
import { modelsAnswer } from '../../client/federated/answers.ts';
import { ENDED, type ModelView } from '../../federation/views.ts';
import { printable, type FederationClient } from '../../client/federated/client.ts';
import { describeJob, moment as inWords } from '../../client/federated/describe.ts';
import { Directory } from '../../client/federated/directory.ts';
import { SHORT } from '../../federation/canonical.ts';
import { listJobs, propose, seeJob, type SeenJob } from '../../client/federated/jobs.ts';
import { listData, stateInWords } from '../../client/federated/owned.ts';
import { fetchModel } from '../../client/federated/results.ts';
import type { PartyName } from '../../client/parties.ts';
import { formatModel } from '../../data/model-file.ts';
import { Problem } from '../../data/problem.ts';
import type { Digest } from '../../federation/canonical.ts';
import {
  DEFAULT_BATCH_IMAGES,
  MOST_BATCH_IMAGES,
  MOST_WAIT_MS,
  type ServeDocument,
} from '../../federation/documents.ts';
import { factsOf } from '../../federation/value-facts.ts';
import { idOf } from '../../federation/public-identity.ts';
import { parameters } from '../../nn/network.ts';
import { sizeOf } from '../../ring/shape.ts';
import { JOB_VERSION } from '../../server/job.ts';
import { layTable } from '../layout.ts';
import { protocolOptions, readSecurity } from '../options/protocol.ts';
import {
  integer,
  number,
  oneOf,
  optionalInteger,
  optionalText,
  RESULTS,
  TASK,
  text,
  type Argv,
} from '../options/values.ts';
import { severalRanks, trainOptions } from '../options/training.ts';
import { saveResult, writeReport } from '../output.ts';
import { Progress } from '../progress.ts';
import { asNamed, checkPlace, fileOf, placeOf } from '../training-run.ts';
import { asMember, laySections } from './member.ts';
import { list, memberOptions, moment } from './options.ts';
import { look } from './jobs.ts';

export async function modelList(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const directory = await Directory.of(client);
    const [models, sessions] = [await listModels(client), sessionsOf(await listJobs(client))];
    const rows = [...models].map(([job, { answer, parties }]) => {
      const serving = sessions.filter((session) => session.job.document.model === job);
      const states = serving.map(({ job, views }) => `${job.digest.slice(0, SHORT)} (${stateOf(views)})`);
      return [
        job.slice(0, SHORT),
        printable(answer.network),
        inWords(answer.created),
        answer.owners.map((id) => directory.nameOf(id)).join(', '),
        parties.join(' '),
        states.join(', ') || 'none',
      ];
    });
    if (rows.length === 0) say('no model stays shared: train with --keep-model');
    else
      for (const line of layTable(['model', 'network', 'since', 'owners', 'at', 'sessions'], rows, Infinity)) say(line);
    await writeReport(settings.json, {
      command: 'model list',
      models: [...models.values()].map(({ answer, parties }) => ({ ...answer, parties })),
      sessions: sessions.map(({ job, views }) => ({
        ...{ job: job.digest, document: job.document },
        states: Object.fromEntries([...views].map(([party, { state }]) => [party, state])),
      })),
    });
  });
}

interface ListedModel {
  readonly answer: ModelView;
  readonly parties: PartyName[];
}

async function listModels(client: FederationClient): Promise<Map<Digest, ListedModel>> {
  const lists = await client.everywhere((party) => client.ask(party, 'GET', '/v1/models', modelsAnswer));
  const found = new Map<Digest, ListedModel>();
  for (const [party, { models }] of lists.some(client.onNote, 'what models it has is not shown')) {
    for (const answer of models) {
      const entry = found.get(answer.job) ?? { answer, parties: [] };
      entry.parties.push(party);
      found.set(answer.job, entry);
    }
  }
  return found;
}

/** Serving jobs that have not ended everywhere. */
export function sessionsOf(
  jobs: readonly SeenJob[],
): readonly (SeenJob & { readonly job: { readonly document: ServeDocument } })[] {
  return jobs.filter(
    (seen): seen is SeenJob & { job: SeenJob['job'] & { document: ServeDocument } } =>
      seen.job.document.kind === 'serve' && [...seen.views.values()].some(({ state }) => !ENDED.includes(state)),
  );
}

function stateOf(views: SeenJob['views']): string {
  return stateInWords(new Map([...views].map(([party, { state }]) => [party, state])));
}

export const serveOptions: Readonly<Record<string, Options>> = {
  ...memberOptions,
  clients: {
    ...text,
    group: TASK,
    default: 'me',
    describe: 'Who may send images: names or ids, with commas; or anyone',
  },
  reveal: {
    ...text,
    group: RESULTS,
    default: 'class',
    describe: 'What a client learns of its image: class, or scores (of all classes)',
  },
  'max-images': { ...number, group: TASK, default: 10_000, describe: 'Images that are answered in all' },
  'max-images-each': {
    ...number,
    group: TASK,
    defaultDescription: 'as many as in all',
    describe: 'Images that are answered to one client',
  },
  'max-batch': {
    ...number,
    group: TASK,
    default: DEFAULT_BATCH_IMAGES,
    describe: 'Images of several requests that are computed together at the most',
  },
  'max-wait': {
    ...number,
    group: TASK,
    default: 0,
    describe: 'Milliseconds that a request waits for others while nothing is under way',
  },
  ranks: {
    ...trainOptions.ranks,
    describe: 'Ranks of each party, which answer batches in turn: 1 to 256 (docs/ranks.md)',
  },
  security: { ...protocolOptions.security, default: undefined, defaultDescription: "the training's" },
  title: { ...text, group: TASK, defaultDescription: 'none', describe: 'What it is for, in words for the owners' },
  expires: { ...text, group: TASK, default: '7d', describe: 'It may start until then: 7d, 12h, or a date' },
};

export async function modelServe(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const { seen } = await look({ client }, argv);
    const trained = seen.job.document;
    if (trained.kind !== 'train' || !trained.keepModel) {
      throw new Problem(
        `job ${seen.job.digest.slice(0, SHORT)} has left no model shared`,
        'train with --keep-model; securenn model list shows what there is',
      );
    }
    const directory = await Directory.of(client);
    const { network, suite, truncation, fractionBits, compareBits } = trained;
    const security = argv.security === undefined ? trained.security : readSecurity(argv);
    const document: ServeDocument = {
      ...{ securenn: 'job', kind: 'serve', version: JOB_VERSION, federation: client.federation.id },
      title: optionalText(argv, 'title') ?? '',
      ...{ network, suite, truncation, fractionBits, compareBits },
      ...(security && { security }),
      ...factsOf(trained),
      model: seen.job.digest,
      clients:
        argv.clients === 'anyone'
          ? 'anyone'
          : [...new Set(list(argv, 'clients').map((name) => directory.find(name, 'clients').id))],
      reveal: oneOf(argv, 'reveal', ['class', 'scores']),
      maxImages: integer(argv, 'max-images', 1, 2 ** 31, 10_000),
      maxImagesEach: optionalInteger(argv, 'max-images-each', 1, 2 ** 31),
      maxBatch: integer(argv, 'max-batch', 1, MOST_BATCH_IMAGES, DEFAULT_BATCH_IMAGES),
      maxWaitMs: integer(argv, 'max-wait', 0, MOST_WAIT_MS, 0) || undefined,
      ranks: severalRanks(argv),
      expires: moment(argv, 'expires', '7d', client.now()),
      nonce: randomBytes(16).toString('hex'),
    };
    const digest = await propose(client, document);
    const proposed = await seeJob(client, digest);
    const around = { directory, data: await listData(client) };
    say(`proposed: job ${digest}`);
    say(laySections(describeJob(proposed.job, around).slice(2)));
    say(`once the owners have approved and it runs: securenn infer IMAGE --model ${digest.slice(0, SHORT)}`);
    await writeReport(settings.json, { command: 'model serve', job: digest, document });
  });
}

export const fetchOptions: Readonly<Record<string, Options>> = { ...memberOptions, out: trainOptions.out };

export async function modelFetch(argv: Argv, signal: AbortSignal): Promise<void> {
  const progress = new Progress();
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const { seen, around } = await look({ client }, argv);
    const { digest, document } = seen.job;
    if (document.kind !== 'train') {
      throw new Problem(`job ${digest.slice(0, SHORT)} trains no model: it serves one`, 'name the training');
    }
    if (document.reveal.model && !client.holds(idOf(document.receiver))) {
      throw new Problem(
        `the model of job ${digest.slice(0, SHORT)} is sealed to ${around.directory.nameOf(idOf(document.receiver))}`,
        'use the identity of the receiver',
      );
    }
    const { network } = document;
    const out = optionalText(argv, 'out');
    const place = placeOf({ network, out });
    await checkPlace(place, { network });
    const total = parameters(network).reduce((sum, { shape }) => sum + 8 * sizeOf(shape), 0);
    let sent = 0;
    try {
      const model = await fetchModel(client, digest, document, (bytes) =>
        progress.sharing({ input: `model of ${digest.slice(0, SHORT)}`, sent: (sent += bytes), total }, 'fetching'),
      );
      progress.stop();
      const saved = await saveResult(
        'the model',
        fileOf(place, { network }),
        formatModel(model),
        'make room, then run it again',
      );
      if (saved.path !== undefined) say(`model saved: ${asNamed(saved.path, { out })}`);
      await writeReport(settings.json, { command: 'model fetch', job: digest, path: saved.path ?? null });
      if (saved.problem !== undefined) throw saved.problem;
    } finally {
      progress.stop();
    }
  });
}

/** States of a session that its owners have approved: it runs soon, by itself. */
const COMING: ReadonlySet<string> = new Set(['queued', 'preparing', 'running']);
const LOOK_MS = 500;

/** The session that somebody means: itself, or the one that serves the model of this training. One that is about to run is waited for. */
export async function findSession(
  client: FederationClient,
  written: string,
  signal: AbortSignal,
): Promise<SeenJob & { job: { document: ServeDocument } }> {
  // Whom a session answers need not know of the training.
  const named = (digest: Digest): boolean =>
    /^[0-9a-f]{4,64}$/i.test(written) && digest.startsWith(written.toLowerCase());
  for (let told = false; ; told = true) {
    const open = sessionsOf(await listJobs(client));
    const meant = open.filter(({ job }) => named(job.digest) || named(job.document.model));
    const coming = meant.find(({ views }) => [...views.values()].every(({ state }) => COMING.has(state)));
    if (coming === undefined || isRunning(coming)) return chooseSession(meant, written);
    if (!told) client.onNote(`session ${coming.job.digest.slice(0, SHORT)} is about to run: ${stateOf(coming.views)}`);
    await sleep(LOOK_MS, undefined, { signal });
  }
}

function isRunning({ views }: Pick<SeenJob, 'views'>): boolean {
  return [...views.values()].every(({ state }) => state === 'running');
}

function chooseSession<T extends SeenJob>(found: readonly T[], written: string): T {
  const running = found.find(isRunning);
  if (running !== undefined) return running;
  if (found.length > 0) {
    const [{ job, views }] = found;
    throw new Problem(
      `session ${job.digest.slice(0, SHORT)} does not run: ${stateOf(views)}`,
      `securenn job show ${job.digest.slice(0, SHORT)} says what it waits for`,
    );
  }
  throw new Problem(
    `no session that answers you is, or serves, ${written}`,
    'securenn job list shows those that concern you; securenn model serve proposes one',
  );
}
