/** `securenn job`: propose, look, decide, follow, end. */
import type { Options } from 'yargs';
import type { JobView } from '../../federation/views.ts';
import { printable } from '../../client/federated/client.ts';
import { describeJob, moment, type Section, type Surroundings } from '../../client/federated/describe.ts';
import { Directory } from '../../client/federated/directory.ts';
import { SHORT } from '../../federation/canonical.ts';
import {
  cancel,
  decide,
  findJob,
  listJobs,
  passOn,
  propose,
  seeJob,
  type SeenJob,
} from '../../client/federated/jobs.ts';
import { listData, stateInWords } from '../../client/federated/owned.ts';
import { PARTIES, type PartyName } from '../../client/parties.ts';
import { Problem } from '../../data/problem.ts';
import { layTable } from '../layout.ts';
import { optionalText, TASK, text, type Argv } from '../options/values.ts';
import { writeReport } from '../output.ts';
import { Progress } from '../progress.ts';
import { confirm } from '../confirm.ts';
import { asMember, laySections, type Member } from './member.ts';
import { memberOptions, yesOption } from './options.ts';
import { checkAsked, proposalOptions, readProposal } from './proposal.ts';
import { checkEnding, watchJob } from './watching.ts';

export const proposeOptions: Readonly<Record<string, Options>> = {
  ...proposalOptions,
  again: {
    ...text,
    group: TASK,
    describe: 'Give this job, which a party lacks, to all three once more: nothing of it changes',
  },
};

export async function jobPropose(argv: Argv, signal: AbortSignal): Promise<void> {
  const again = optionalText(argv, 'again');
  if (again === undefined) checkAsked(argv);
  await asMember(argv, signal, async ({ client, settings, say }) => {
    if (again !== undefined) {
      const { job } = await seeJob(client, await findJob(client, again));
      await passOn(client, job.signed);
      return say(`all three parties know job ${job.digest.slice(0, SHORT)}`);
    }
    const { document, around } = await readProposal(client, argv);
    const digest = await propose(client, document);
    const seen = await seeJob(client, digest);
    say(`proposed: job ${digest}`);
    say(laySections([...describeJob(seen.job, around).slice(2), ...states(seen, around)]));
    await writeReport(settings.json, { command: 'job propose', job: digest, document });
  });
}

export const jobOptions: Readonly<Record<string, Options>> = memberOptions;

export async function jobList(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async ({ client, settings, say }) => {
    const directory = await Directory.of(client);
    const jobs = await listJobs(client);
    const rows = jobs.map(({ job, views }) => [
      job.digest.slice(0, SHORT),
      job.document.kind,
      printable(job.document.network.name),
      directory.nameOf(job.author),
      stateInWords(stateOf(views)),
      moment(
        [...views.values()]
          .map(({ since }) => since)
          .sort()
          .at(-1)!,
      ),
      printable(job.document.title),
    ]);
    if (rows.length === 0) say('no job that concerns you');
    else
      for (const line of layTable(['job', 'kind', 'network', 'by', 'state', 'since', 'title'], rows, Infinity))
        say(line);
    await writeReport(settings.json, { command: 'job list', jobs: jobs.map(reported) });
  });
}

export async function jobShow(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async (member) => {
    const { seen, around } = await look(member, argv);
    member.say(laySections([...describeJob(seen.job, around), ...states(seen, around)]));
    await writeReport(member.settings.json, { command: 'job show', ...reported(seen) });
  });
}

export const decideOptions: Readonly<Record<string, Options>> = { ...memberOptions, yes: yesOption };

export const jobApprove = (argv: Argv, signal: AbortSignal): Promise<void> => decideOn(argv, signal, true);
export const jobRefuse = (argv: Argv, signal: AbortSignal): Promise<void> => decideOn(argv, signal, false);

async function decideOn(argv: Argv, signal: AbortSignal, approve: boolean): Promise<void> {
  await asMember(argv, signal, async (member) => {
    const { client, settings, say } = member;
    const { seen, around } = await look(member, argv);
    const { job, views } = seen;
    say(laySections([...describeJob(job, around), ...states(seen, around)]));
    const missing = PARTIES.filter((party) => !views.has(party));
    if (missing.length > 0) {
      throw new Problem(
        `${missing.join(' and ')} cannot be asked what it knows of this job, so it could not take your decision`,
        `run it again when all three can be reached; if one does not know the job, its proposer runs securenn job propose --again ${job.digest.slice(0, SHORT)}`,
      );
    }
    const what = approve ? 'Approve' : 'Refuse';
    if (approve)
      say('Every party checks your signature by itself. The job runs once; until it starts you can still refuse it.');
    await confirm(`${what} job ${job.digest.slice(0, SHORT)}?`, argv.yes === true, signal);
    await decide(client, job.digest, approve);
    say(`${approve ? 'approved' : 'refused'}: job ${job.digest.slice(0, SHORT)}, at all three parties`);
    await writeReport(settings.json, { command: `job ${what.toLowerCase()}`, job: job.digest });
  });
}

export const cancelOptions: Readonly<Record<string, Options>> = {
  ...memberOptions,
  reason: { ...text, group: TASK, defaultDescription: 'none', describe: 'Why, in words for the others' },
  yes: yesOption,
};

export async function jobCancel(argv: Argv, signal: AbortSignal): Promise<void> {
  await asMember(argv, signal, async (member) => {
    const { client, settings, say } = member;
    const { seen } = await look(member, argv);
    const { digest, document } = seen.job;
    const title = document.title === '' ? '' : ` "${printable(document.title)}"`;
    await confirm(
      `Cancel job ${digest.slice(0, SHORT)}${title}, ${stateInWords(stateOf(seen.views))}?`,
      argv.yes === true,
      signal,
    );
    await cancel(client, digest, optionalText(argv, 'reason') ?? '');
    say(`cancelled: job ${digest.slice(0, SHORT)}; what it had revealed by then cannot be taken back`);
    await writeReport(settings.json, { command: 'job cancel', job: digest });
  });
}

export async function jobWatch(argv: Argv, signal: AbortSignal): Promise<void> {
  const progress = new Progress();
  const note = (text: string): void => progress.line(text);
  await asMember(
    argv,
    signal,
    async (member) => {
      const { client, settings, say } = member;
      const { seen, around } = await look(member, argv);
      const { digest, document } = seen.job;
      const { ending, steps, evaluations } = await watchJob(client, digest, document, around, progress, signal);
      const { state, reason, states: each } = ending;
      const report = {
        command: 'job watch',
        job: digest,
        state,
        reason: reason ?? null,
        states: Object.fromEntries(each),
      };
      await writeReport(settings.json, { ...report, steps: steps.length, evaluations });
      checkEnding(ending, digest);
      say(`job ${digest.slice(0, SHORT)} has succeeded`);
      if (document.kind === 'train' && document.reveal.model)
        say(`its receiver has the model by: securenn model fetch ${digest.slice(0, SHORT)}`);
    },
    note,
  );
}

/** The job that was named, as the parties show it, and what its words mean. */
export async function look(
  { client }: Pick<Member, 'client'>,
  argv: Argv,
): Promise<{ readonly seen: SeenJob; readonly around: Surroundings }> {
  const digest = await findJob(client, String(argv.JOB));
  const directory = await Directory.of(client);
  const [seen, data] = [await seeJob(client, digest), await listData(client)];
  return { seen, around: { directory, data } };
}

function stateOf(views: ReadonlyMap<PartyName, JobView>): Map<PartyName, string> {
  return new Map([...views].map(([party, { state }]) => [party, state]));
}

/** Where the job stands. */
function states({ views }: SeenJob, { directory }: Surroundings): Section[] {
  const [view] = views.values();
  const waiting = [...new Set([...views.values()].flatMap(({ waitingFor }) => waitingFor))];
  const reasons = [...views].flatMap(([party, { reason }]) =>
    reason === undefined ? [] : [`${party}: ${printable(reason)}`],
  );
  const step =
    view.step === undefined || view.step === 0
      ? ''
      : `, step ${view.step}${view.steps === undefined ? '' : ` of ${view.steps}`}`;
  const attempt = view.attempt > 1 ? `, attempt ${view.attempt}` : '';
  return [
    ['state', `${stateInWords(stateOf(views))}${step}${attempt}`, ...new Set(reasons)],
    ...(waiting.length === 0 ? [] : [['waits for', ...waiting.map((id) => directory.inWords(id))] as const]),
  ];
}

function reported({ job, views }: SeenJob): object {
  const { digest, document, author } = job;
  const each = [...views].map(([party, view]) => [party, { ...view, signed: undefined }] as const);
  return { job: digest, proposer: author, document, parties: Object.fromEntries(each) };
}
