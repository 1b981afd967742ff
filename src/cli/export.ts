/**
 * `securenn checkpoint export`: the model of a kept checkpoint, from the files of P0 and P1, which lie side by side where
 * `securenn local` kept them. Whoever has both has the model: that is how checkpoints are kept on one machine.
 */
import type { Options } from 'yargs';
import type { Checkpoint } from '../data/checkpoint.ts';
import { readNotes } from '../client/history.ts';
import { CheckpointStore, type Holdings } from '../data/checkpoint-store.ts';
import { faultOf, writeFileAtomically } from '../data/atomic-write.ts';
import { formatModel, keptOf, type Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { parameters } from '../nn/network.ts';
import { decode } from '../ring/fixed.ts';
import { add } from '../ring/z64.ts';
import { checkTensors, readJob } from '../server/checkpoints.ts';
import { checkWritable, freshModelPath } from './output.ts';
import { folderOf } from './resume.ts';
import { number, optionalInteger, optionalText, RESULTS, TASK, text, type Argv } from './options/values.ts';

export const exportOptions: Readonly<Record<string, Options>> = {
  step: { ...number, group: TASK, defaultDescription: 'the newest', describe: 'The step whose model is wanted' },
  out: {
    ...text,
    group: RESULTS,
    defaultDescription: 'models/NETWORK-DATE.safetensors',
    describe: 'Save the model here (overwrites)',
  },
};

const WORKERS = ['P0', 'P1'] as const;
type Of<T> = Readonly<Record<(typeof WORKERS)[number], T>>;

export async function exportCheckpoint(argv: Argv): Promise<void> {
  const folder = optionalText(argv, 'DIR')!;
  const out = optionalText(argv, 'out');
  if (out !== undefined) await checkWritable('out', out);
  const { model, step } = await modelOf(folder, optionalInteger(argv, 'step', 0, Number.MAX_SAFE_INTEGER));
  const path = out ?? freshModelPath(model.network.name, new Date());
  await writeFileAtomically(path, formatModel(model)).catch((error: unknown) => {
    throw new Problem(`--out: ${path} cannot be written: ${faultOf(error)}`, 'give another file to --out');
  });
  console.log(`model of step ${step} saved: ${path}`);
}

/** The model that P0 and P1 hold together after a step, by default the newest that both hold. */
export async function modelOf(folder: string, asked: number | undefined): Promise<{ model: Model; step: number }> {
  const stores: Of<CheckpointStore> = {
    P0: new CheckpointStore(folderOf(folder, 'P0'), 'P0'),
    P1: new CheckpointStore(folderOf(folder, 'P1'), 'P1'),
  };
  const step = chooseStep(folder, { P0: await stores.P0.survey(), P1: await stores.P1.survey() }, asked);
  if (step === 0) {
    const what = `${folder}: step 0 is the beginning of the run: there is no model yet`;
    throw new Problem(what, `train on: securenn local train --resume ${folder}`);
  }
  const [P0, P1] = await Promise.all([stores.P0.read(step), stores.P1.read(step)]);
  return { model: { ...combine(P0, P1), ...(await keptByOwner(folder)) }, step };
}

/** How values were scaled and what classes are called: the owner's own knowledge, where its checkpoints lie beside. */
async function keptByOwner(folder: string): Promise<Pick<Model, 'scaling' | 'classNames'>> {
  const store = new CheckpointStore(folderOf(folder, 'owner'), 'owner');
  const newest = (await store.survey()).whole.at(-1);
  return newest === undefined ? {} : keptOf(readNotes(await store.read(newest.step)));
}

function chooseStep(folder: string, holdings: Of<Holdings>, asked: number | undefined): number {
  const stepsOf = (worker: 'P0' | 'P1'): number[] => holdings[worker].whole.map(({ step }) => step);
  const common = stepsOf('P0').filter((step) => stepsOf('P1').includes(step));
  const damaged = WORKERS.flatMap((worker) => holdings[worker].damaged);
  const others = common.filter((step) => step > 0);
  const fix = others.length === 0 ? 'give the folder that --checkpoint named' : `give --step ${others.join(' or ')}`;
  const chosen = asked ?? Math.max(-1, ...common, ...damaged.map(({ step }) => step));
  const broken = damaged.find(({ step }) => step === chosen);
  if (broken !== undefined) throw new Problem(broken.what, others.length === 0 ? broken.fix : fix);
  if (common.includes(chosen)) return chosen;
  const found = WORKERS.map((worker) => `${worker} ${stepsOf(worker).join(', ') || 'none'}`).join('; ');
  const which = asked === undefined ? 'no step' : `no step ${asked}`;
  throw new Problem(`${folder}: ${which} of which P0 and P1 both hold a checkpoint: ${found}`, fix);
}

/** Of shares that belong together. */
function combine(P0: Checkpoint, P1: Checkpoint): Model {
  const who = (keeper: string): string => `checkpoint of ${keeper} at step ${P0.step}`;
  if (P0.run !== P1.run) {
    const what = `${who('P1')}: is of run ${P1.run}, that of P0 of run ${P0.run}`;
    throw new Problem(what, 'put back the checkpoints of one run, or remove those of the other');
  }
  const job = readJob(P0.job, who('P0'));
  checkTensors(P0.tensors, job, who('P0'));
  checkTensors(P1.tensors, job, who('P1'));
  const { network, fractionBits } = job;
  const tensors = parameters(network).map(({ name, shape }) => {
    const sum = add(P0.tensors.get(name)!.data!, P1.tensors.get(name)!.data!);
    return [name, { shape, data: decode(sum, fractionBits) }] as const;
  });
  return { network, fractionBits, tensors: new Map(tensors) };
}
