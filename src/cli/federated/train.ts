/**
 * `securenn train`: a training at the three parties from proposal to model: `job propose`, the owners' approval, `job watch`, `model fetch`.
 * Whoever leaves in between leaves a job that goes on.
 */
import type { Options } from 'yargs';
import { describeJob } from '../../client/federated/describe.ts';
import { SHORT } from '../../federation/canonical.ts';
import { propose, seeJob } from '../../client/federated/jobs.ts';
import { fetchModel } from '../../client/federated/results.ts';
import { Problem } from '../../data/problem.ts';
import { formatModel } from '../../data/model-file.ts';
import type { Digest } from '../../federation/canonical.ts';
import { idOf } from '../../federation/public-identity.ts';
import { Interrupted, messageOf } from '../errors.ts';
import { layTable } from '../layout.ts';
import { saveResult, writeReport } from '../output.ts';
import { optionalText, type Argv } from '../options/values.ts';
import { trainOptions } from '../options/training.ts';
import { Progress } from '../progress.ts';
import { trainReport, trainSummary, type TrainReport } from '../report.ts';
import { asNamed, checkPlace, fileOf, placeOf } from '../training-run.ts';
import { asMember, laySections } from './member.ts';
import { checkAsked, proposalOptions, readProposal } from './proposal.ts';
import { checkEnding, watchJob, type Watched } from './watching.ts';

export const federatedTrainOptions: Readonly<Record<string, Options>> = {
  ...proposalOptions,
  out: trainOptions.out,
};

export async function federatedTrain(argv: Argv, signal: AbortSignal): Promise<void> {
  checkAsked(argv);
  const started = performance.now();
  const progress = new Progress();
  const note = (text: string): void => progress.line(text);
  let proposed: Digest | undefined;
  const train = asMember(
    argv,
    signal,
    async ({ client, settings, say }) => {
      const { document, around } = await readProposal(client, argv);
      const { network, reveal, receiver } = document;
      const ours = reveal.model && client.holds(idOf(receiver));
      const out = optionalText(argv, 'out');
      if (out !== undefined && !ours) {
        throw new Problem(
          '--out: the model is not revealed to you',
          'leave --out out, or --no-reveal-model and --receiver',
        );
      }
      const place = placeOf({ network, out });
      if (ours) await checkPlace(place, { network });
      const digest = (proposed = await propose(client, document));
      const { job } = await seeJob(client, digest);
      note(laySections(describeJob(job, around)));
      const watched = await watchJob(client, digest, document, around, progress, signal);
      checkEnding(watched.ending, digest);
      const model = ours ? await fetchModel(client, digest, document) : undefined;
      const lost = `make room, then: securenn model fetch ${digest.slice(0, SHORT)} --out FILE`;
      const saved = model && (await saveResult('the model', fileOf(place, { network }), formatModel(model), lost));
      const report = reportOf(watched, digest, (performance.now() - started) / 1000);
      if (saved?.path !== undefined) say(`model saved: ${asNamed(saved.path, { out })}`);
      if (document.keepModel) say(`the model stays shared: securenn model serve ${digest.slice(0, SHORT)}`);
      for (const line of perClassTable(report)) say(line);
      say(trainSummary(report));
      await writeReport(settings.json, report).catch((error: unknown) => {
        // What became of the model counts more.
        if (saved?.problem === undefined) throw error;
        note(messageOf(error));
      });
      if (saved?.problem !== undefined) throw saved.problem;
    },
    note,
  );
  try {
    await train;
  } catch (error) {
    if (error instanceof Interrupted && proposed !== undefined) {
      const name = proposed.slice(0, SHORT);
      console.error(
        `the job goes on at the parties: securenn job watch ${name} follows it, securenn model fetch ${name} gets the model, securenn job cancel ${name} ends it`,
      );
    }
    throw error;
  } finally {
    progress.stop();
  }
}

type FederatedReport = Omit<TrainReport, 'backend' | 'machine' | 'testPerClass'> & {
  readonly job: Digest;
  /** How many images of each class there are nobody learns. */
  readonly testPerClass?: readonly { readonly class: number; readonly correct: number }[] | undefined;
};

function reportOf({ steps, evaluations, settings }: Watched, job: Digest, seconds: number): FederatedReport {
  const figures = { steps, evaluations, imagesPerClass: [], seconds, resumedFrom: null };
  const whole = trainReport('train', settings!, undefined, figures);
  // Of this machine and what it computes with nothing depends.
  const report = { ...whole, backend: undefined, machine: undefined, testPerClass: undefined };
  const perClass = whole.testPerClass?.map(({ class: name, correct }) => ({ class: name, correct }));
  return { ...report, job, ...(perClass === undefined ? {} : { testPerClass: perClass }) };
}

function perClassTable({ testPerClass }: FederatedReport): string[] {
  if (testPerClass === undefined) return [];
  return layTable(
    ['class', 'right'],
    testPerClass.map((each) => [String(each.class), String(each.correct)]),
    Infinity,
  );
}
