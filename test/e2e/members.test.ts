/** Owners, an analyst and a client at three parties, as they type: data, consent, training, results, a shared model; and what goes wrong. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idOf, type PublicIdentity } from '../../src/federation/public-identity.ts';
import { readModel } from '../../src/data/read-model.ts';
import { temporaryFolder } from '../folder.ts';
import { CLASSES, idxBytes, SIDE, smallDataset, writeDataset } from '../data/fixtures.ts';
import { writeNetwork, type Command } from './command.ts';
import { type Host, PARTIES, TestFederation } from './federation.ts';

interface Proposed {
  readonly job: string;
}

let federation: TestFederation | undefined;
let [a, b, institute, clinic]: Host[] = [];
const root = temporaryFolder('federation');
const network = writeNetwork(root);
const data = writeDataset(smallDataset(256, 64));
const training = ['--network', network, '--batch', '32', '--epochs', '6'];
/** As all owners agreed. */
const NAMES = ['north-west', 'north-east', 'south-west', 'south-east'];
const facts = ['--mean', '0.5', '--std', '0.5', '--classes', NAMES.join(',')];

/** The training images as a table of numbers, with words for labels. */
function table(): string {
  const { trainImages, trainLabels } = smallDataset(256, 64);
  const rows = Array.from(trainLabels.subarray(8), (label, i) =>
    [...trainImages.subarray(16 + i * SIDE * SIDE, 16 + (i + 1) * SIDE * SIDE), NAMES[label]].join(','),
  );
  const path = join(root, 'scans.csv');
  writeFileSync(path, `${rows.join('\n')}\n`);
  return path;
}

beforeAll(async () => {
  federation = await TestFederation.make(root, ['hospital-a', 'hospital-b', 'institute', 'clinic']);
  [a, b, institute, clinic] = [...federation.members.values()];
  await federation.serve(...PARTIES);
});

afterAll(async () => {
  await federation?.end();
});

/** Nothing of an upload is left with its owner. */
function uploadsOf(host: Host): string[] {
  const folder = join(host.folder, 'state', 'securenn', 'uploads');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** The job that a command has proposed. */
async function proposedBy(command: Command): Promise<string> {
  await command.shows(/waiting for the approval of/);
  return /^job +([0-9a-f]{64})$/m.exec(command.stderr)![1];
}

describe('members of a federation', () => {
  it('owners give data, which the analyst sees by name and size alone', async () => {
    await a.type('data', 'put', data, '--name', 'scans', '--count', '128', ...facts);
    // The other half of the images, from another program.
    const read = ['--label-column', 'last', '--shape', '4x4', '--divide-by', '255'];
    const put = await b.type('data', 'put', table(), '--name', 'scans', '--skip', '128', ...read, ...facts);
    expect(put.stderr).toContain('everybody admitted sees the names of the classes: classes north-west, north-east');
    await b.type('data', 'put', data, '--half', 'test', '--name', 'hospital-b/checked', ...facts);
    const { stdout } = await institute.type('data', 'list');
    expect(stdout).toMatch(/hospital-a\/scans +128 +4 x 4 +4 +ready/);
    expect(stdout).toMatch(/hospital-b\/scans +128 +4 x 4 +4 +ready/);
    expect(stdout).toMatch(/hospital-b\/checked +64 +4 x 4 +4 +ready/);
    for (const owner of [a, b]) expect(uploadsOf(owner)).toEqual([]);
    expect((await institute.type('data', 'show', 'hospital-b/scans')).stdout).toMatch(
      /values +divided by 255, less the mean 0\.5, over the deviation 0\.5\n +classes north-west, north-east/,
    );
  });

  it('what does not fit is refused before anything goes out', async () => {
    const labels = join(root, 'labels');
    writeFileSync(labels, idxBytes([3], [0, 1, 2]));
    const images = join(root, 'images');
    writeFileSync(images, idxBytes([2, 4, 4], new Uint8Array(32)));
    expect(await a.fails('data', 'put', images, '--labels', labels, '--name', 'x')).toMatch(
      /3 labels for the 2 images/,
    );
    writeFileSync(labels, idxBytes([2], [0, 7]));
    expect(await a.fails('data', 'put', images, '--labels', labels, '--name', 'x', '--classes', '4')).toMatch(
      /label 7 of image 1: --classes 4 knows 0 to 3 \(fix: give --classes 8/,
    );
    expect(await a.fails('data', 'put', data, '--name', 'hospital-b/x')).toMatch(
      /names hospital-b, this identity is hospital-a/,
    );
    expect(await institute.fails('train', '--data', 'hospital-a/scan', ...training)).toMatch(
      /no data set hospital-a\/scan; did you mean "?hospital-a\/scans/,
    );
    expect(await institute.fails('train', '--data', 'hospital-a/scans', '--network', 'A')).toMatch(
      /network A takes \[784\], images of hospital-a\/scans are 4 x 4/,
    );
    await a.type('data', 'put', data, '--name', 'unlike', '--count', '8');
    expect(await institute.fails('train', '--data', 'hospital-a/scans,hospital-a/unlike', ...training)).toMatch(
      /hospital-a\/unlike has values divided by 255, hospital-a\/scans values divided by 255, less the mean 0\.5/,
    );
    await a.type('data', 'delete', 'unlike', '--yes');
    expect((await a.ask<{ data: object[] }>('data', 'list')).data).toHaveLength(3);
  });

  it('a training waits for each owner, is followed, and leaves its model with the analyst and shared', async () => {
    const sets = ['--data', 'hospital-a/scans,hospital-b/scans', '--test', 'hospital-b/checked'];
    const words = [
      'train',
      ...sets,
      ...training,
      '--keep-model',
      '--out',
      'model.safetensors',
      '--json',
      'report.json',
    ];
    const train = institute.start([...words, '--title', 'which quadrant']);
    const job = await proposedBy(train);
    const { stdout } = await a.type('job', 'approve', job.slice(0, 8), '--yes');
    for (const part of [
      '"which quadrant"',
      'hospital-a/scans (yours): 128 images',
      'to institute: the trained model',
      'less the mean 0.5',
    ])
      expect(stdout).toContain(part);
    await train.shows(/waiting for the approval of hospital-b:/);
    await b.type('job', 'approve', job, '--yes');
    const outcome = await train.outcome;
    expect(outcome.stderr).not.toMatch(/securenn:/);
    expect(outcome).toMatchObject({ code: 0 });
    const report = JSON.parse(readFileSync(join(institute.folder, 'report.json'), 'utf8')) as Record<string, unknown>;
    expect(report).toMatchObject({ command: 'train', job, network: 'tiny', steps: 48, resumedFrom: null });
    expect(report.testAccuracyPercents).toHaveLength(6);
    expect(report.testAccuracyPercent).toBeGreaterThan(90);
    const model = await readModel(join(institute.folder, 'model.safetensors'));
    expect(model.network.name).toBe('tiny');
    expect([model.scaling, model.classNames]).toEqual([{ divideBy: 255, mean: [0.5], std: [0.5] }, NAMES]);
    await institute.type('model', 'fetch', job.slice(0, 6), '--out', 'again.safetensors');
    const bytes = (name: string): Buffer => readFileSync(join(institute.folder, name));
    expect(bytes('again.safetensors')).toEqual(bytes('model.safetensors'));
    expect(await a.fails('model', 'fetch', job)).toMatch(/is sealed to institute/);
    expect(await b.fails('job', 'approve', job, '--yes')).toMatch(/comes too late/);
  });

  it('a shared model answers its clients, once the owners have approved that, and nobody else', async () => {
    const { models } = await institute.ask<{ models: { job: string }[] }>('model', 'list');
    const [{ job }] = models;
    const serve = ['model', 'serve', job, '--clients', 'clinic', '--max-images', '41'];
    const { job: session } = await institute.ask<Proposed>(...serve);
    expect(await clinic.fails('infer', 'x', '--model', session)).toMatch(/does not run: awaiting/);
    for (const owner of [a, b]) await owner.type('job', 'approve', session, '--yes');
    await until(async () => /running/.test((await clinic.type('job', 'show', session)).stdout));

    const test = join(data, 't10k-images-idx3-ubyte');
    const labels = join(data, 't10k-labels-idx1-ubyte');
    const found = await clinic.ask<{ predictions: number[]; correct: number }>(
      ...['infer', test, '--labels', labels, '--count', '20', '--batch', '8', '--model', job.slice(0, 8)],
    );
    expect(found.predictions).toHaveLength(20);
    expect(found.correct).toBeGreaterThan(17);
    const pixels = readFileSync(test).subarray(16, 16 + SIDE * SIDE);
    writeFileSync(
      join(clinic.folder, 'one.png'),
      encode({ width: SIDE, height: SIDE, data: new Uint8Array(pixels), channels: 1 }),
    );
    const one = await clinic.ask<{ predictions: number[] }>('infer', 'one.png', '--model', session);
    expect(one.predictions).toEqual([found.predictions[0]]);
    const named = await clinic.type('infer', 'one.png', '--model', session);
    expect(named.stdout).toContain(`${found.predictions[0]} ${NAMES[found.predictions[0]]}`);
    expect(await clinic.fails('infer', 'one.png', '--model', session, '--divide-by', '1')).toMatch(
      /the model was trained on values divided by 255, less the mean 0\.5/,
    );
    expect(await institute.fails('infer', test, '--model', session)).toMatch(/does not answer you/);
    expect(await clinic.fails('infer', test, '--model', session, '--count', '60')).toMatch(/answers 41 in all/);
    await institute.type('job', 'cancel', session, '--yes', '--reason', 'enough');
    expect(await clinic.fails('infer', 'one.png', '--model', session)).toMatch(/no session that answers you/);
  });

  it('a job that an owner refuses, or that nobody approves in time, ends with that', async () => {
    const refused = institute.start(['train', '--data', 'hospital-a/scans', ...training]);
    const job = await proposedBy(refused);
    await a.type('job', 'refuse', job, '--yes');
    expect((await refused.outcome).stderr).toMatch(/was refused: hospital-a has declined it/);
    expect(await b.fails('job', 'show', job)).toMatch(/no such job here that concerns you/);
  });

  it('a grant lets one training run without asking, and no other', async () => {
    await a.type('grant', 'give', '--data', 'scans', '--to', 'institute', '--reveal-model', '--reveal-loss', '--yes');
    const words = ['--data', 'hospital-a/scans', '--network', network, '--batch', '32', '--steps', '4'];
    await institute.type('train', ...words, '--out', 'granted.safetensors');
    const { grants } = await institute.ask<{ grants: { uses: Record<string, number> }[] }>('grant', 'list');
    expect(grants).toMatchObject([{ uses: { P0: 1, P1: 1, P2: 1 } }]);
    const { job } = await institute.ask<Proposed>('job', 'propose', ...words);
    expect((await institute.type('job', 'show', job)).stdout).toMatch(/waits for +hospital-a/);
    await institute.type('job', 'cancel', job, '--yes');
  });

  it('an owner changes its key: data, grants and its say stay its own, and the key before ends', async () => {
    const present = readFileSync(join(a.folder, 'identity.key'));
    await a.type('grant', 'give', '--data', 'scans', '--to', 'institute', '--max-runs', '9', '--yes');
    await a.type('identity', 'rotate', '--name', 'hospital-a', '--overlap', '0');
    const card = join(a.folder, 'hospital-a.card.json');
    const told = (JSON.parse(readFileSync(card, 'utf8')) as { card: { identity: PublicIdentity } }).card.identity;
    expect(await a.fails('identity', 'rotate', 'finish')).toMatch(/P\d does not know the new key yet/);
    for (const party of PARTIES) {
      const host = federation!.parties[party];
      const { stdout } = await host.type('party', 'admit', card, '--dir', 'party', '--id', idOf(told));
      expect(stdout).toMatch(/in the place of id [0-9a-f]{32}, which has signed that/);
    }
    // Running parties read their lists within moments.
    await until(async () => (await a.start(['identity', 'rotate', 'finish']).outcome).code === 0);
    expect(existsSync(join(a.folder, 'identity.key.next'))).toBe(false);
    writeFileSync(join(a.folder, 'before.key'), present, { mode: 0o600 });
    expect(await a.fails('data', 'list', '--identity', 'before.key')).toMatch(/not known here/);
    expect((await a.type('data', 'show', 'scans')).stdout).toMatch(/owner +hospital-a \(you\)/);
    expect(await a.fails('data', 'put', data, '--name', 'scans')).toMatch(/another data set called scans/);
    expect(uploadsOf(a)).toEqual([]);
    const words = ['--data', 'hospital-a/scans', '--network', network, '--batch', '32', '--steps', '2'];
    const { job } = await institute.ask<Proposed>('job', 'propose', ...words);
    await a.type('job', 'approve', job, '--yes');
    await institute.type('job', 'watch', job);
    const silent = [...words, '--no-reveal-model', '--no-show-loss'];
    const granted = await institute.ask<Proposed>('job', 'propose', ...silent);
    await institute.type('job', 'watch', granted.job);
    const { grants } = await a.ask<{ grants: { digest: string; uses: object; withdrawn: boolean }[] }>('grant', 'list');
    const standing = grants.at(-1)!;
    expect(standing.uses).toEqual({ P0: 1, P1: 1, P2: 1 });
    await a.type('grant', 'withdraw', standing.digest.slice(0, 12), '--yes');
  });

  it('an upload that is killed goes on, and other data never goes under its keys', async () => {
    const [count, side] = [2000, 64];
    const images = (seed: number): string => {
      const path = join(root, `large-${seed}`);
      writeFileSync(
        path,
        idxBytes(
          [count, side, side],
          Uint8Array.from({ length: count * side * side }, (_, i) => (i * seed) >> 3),
        ),
      );
      return path;
    };
    const labels = join(root, 'large-labels');
    writeFileSync(
      labels,
      idxBytes(
        [count],
        Uint8Array.from({ length: count }, (_, i) => i % CLASSES),
      ),
    );
    const put = (seed: number): string[] => ['data', 'put', images(seed), '--labels', labels, '--name', 'large'];
    const killed = a.start(put(7));
    await killed.shows(/uploading images/);
    killed.process.kill('SIGKILL');
    await killed.outcome;
    expect(uploadsOf(a)).toHaveLength(1);
    expect((await a.type('data', 'list')).stdout).toMatch(/hospital-a\/large +2000 .* uploading/);
    expect(await a.fails(...put(9))).toMatch(/with other data than this/);
    const { stderr } = await a.type(...put(7));
    expect(stderr).toContain('going on with the upload');
    expect((await a.type('data', 'show', 'large')).stdout).toMatch(/state +ready/);
    expect(uploadsOf(a)).toEqual([]);
    const { stdout } = await a.type('data', 'delete', 'large', '--yes');
    expect(stdout).toContain('cannot be taken back');
    expect((await institute.type('data', 'list')).stdout).not.toContain('large');
    for (const party of PARTIES) {
      const kept = join(federation!.parties[party].folder, 'party', 'state', 'data');
      const chunks = readdirSync(kept, { recursive: true }).filter((name) => String(name).includes('images-00003'));
      expect(chunks).toEqual([]);
    }
  });

  it('with a party away: what can be done is done, and the rest says what lacks', async () => {
    const { job } = await institute.ask<Proposed>('job', 'propose', '--data', 'hospital-a/scans', ...training);
    await federation!.kill('P2');
    const list = await institute.type('job', 'list');
    expect(list.stdout).toContain(job.slice(0, 12));
    expect(list.stderr).toMatch(/P2 \(127\.0\.0\.1:\d+\) cannot be reached: nothing listens there/);
    expect(await a.fails('job', 'approve', job, '--yes')).toMatch(/P2 cannot be asked what it knows of this job/);
    const late = await institute.fails('job', 'propose', '--data', 'hospital-a/scans', ...training, '--title', 'late');
    const [, again] = /securenn job propose --again ([0-9a-f]{12})/.exec(late)!;
    await federation!.serve('P2');
    await institute.type('job', 'propose', '--again', again);
    expect((await a.type('job', 'show', again)).stdout).toMatch(/state +awaiting\n/);
    for (const each of [job, again]) await institute.type('job', 'cancel', each, '--yes');
  });

  it('a stranger learns nothing', async () => {
    await clinic.type('identity', 'init', '--name', 'stranger', '--identity', 'stranger.key');
    const error = await clinic.fails('data', 'list', '--identity', 'stranger.key');
    expect(error).toMatch(/not known here/);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; !(await holds()); i++) {
    if (i > 500) throw new Error('it never came');
    await new Promise((go) => setTimeout(go, 500));
  }
}
