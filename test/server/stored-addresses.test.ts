/**
 * Addresses and messages of jobs on stored data (as `addresses.test.ts` of those with an owner): what owners stored is under masks of their own
 * keys, once for all jobs; all else is drawn from keys of the session, at addresses that none draws twice. A run that goes on draws again what it
 * drew, for the same values. A model that stayed shared is masked anew in each session.
 */
import { describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { pixelSource } from '../../src/data/encode.ts';
import type { Network } from '../../src/nn/network.ts';
import { PARTY_NAMES, type InputPart } from '../../src/server/ipc.ts';
import type { ServeJob, TrainJob } from '../../src/server/job.ts';
import { watchAddresses, type Addresses } from '../addresses.ts';
import {
  inputParts,
  serveFederated,
  storeData,
  trainFederated,
  type OfEach,
  type TrainingPlace,
} from '../federated.ts';
import { temporaryFolder } from '../folder.ts';
import { DIRECT_SUITE, PAPER_SUITE, SOFTMAX_SGD } from '../training.ts';

const NETWORK: Network = {
  name: 'tiny',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
    { type: 'relu' },
    { type: 'maxpool', window: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 3 },
  ],
};
const DOCUMENT = 'd0'.repeat(32);

const jobOf = (suite: typeof DIRECT_SUITE | typeof PAPER_SUITE): TrainJob => ({
  ...{ kind: 'train', sessionId: '', document: DOCUMENT, network: NETWORK, ...suite, ...SOFTMAX_SGD },
  ...{ batch: 4, trainImages: 12, testImages: 12, epochs: 2, checkpointEvery: 2, keepModel: true },
});

/** Two sets, of two owners. */
function place(fractionBits: number): TrainingPlace {
  const folder = temporaryFolder('addresses');
  const sets = [5, 7].map((samples) => {
    const trainLabels = Uint8Array.from({ length: samples }, (_, i) => i % 3);
    const trainImages = Uint8Array.from({ length: 16 * samples }, (_, i) => (i * 29 + samples) % 256);
    const data = { trainImages, trainLabels, rows: 4, columns: 4, channels: 1, classes: 3 };
    return storeData(folder, data, fractionBits);
  });
  return { seed: 5, folder, train: sets, test: sets };
}

interface Watched {
  readonly addresses: Addresses;
  readonly said: ReadonlyMap<string, RecordedMessage['data']>;
}

async function watched(task: (record: (message: RecordedMessage) => void) => Promise<unknown>): Promise<Watched> {
  const said = new Map<string, RecordedMessage['data']>();
  const addresses = await watchAddresses(() =>
    task(({ from, to, label, data }) => said.set(`${from} ${to} ${label}`, data)),
  );
  return { addresses, said };
}

const bytes = ({ buffer, byteOffset, byteLength }: RecordedMessage['data']): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
/** What is agreed about the work, and no part of a protocol. */
const BESIDES = /^P\d P\d (input\/all-there|checkpoint\/\d+\/saved|checkpoint\/stop(\/reached|\/at)?|serve\/\d+)$/;

describe.each([
  ['direct', DIRECT_SUITE],
  ['paper', PAPER_SUITE],
] as const)('%s suite', (_name, suite) => {
  it('a training on stored data draws from no address twice, nor does one that goes on, and what it draws again covers the same', async () => {
    const where = place(suite.fractionBits);
    const job = jobOf(suite);
    const whole = await watched((record) => trainFederated(job, { ...where, record }));
    expect(whole.addresses.repeated()).toEqual([]);
    // Of three pairs two ends each: no owner takes part.
    expect(whole.addresses.ends.length).toBe(6);
    // Under the keys of owners there are the masks of their data and nothing else: two sets, of each two keys.
    expect(whole.addresses.tables).toEqual(Array.from({ length: 4 }, () => ['input/images:U', 'input/labels:U']));
    const all = new Set(whole.addresses.ends.flat());

    const killed = { ...where, folder: temporaryFolder('addresses') };
    const dies: TrainingPlace['onNotice'] = (party, notice) => {
      if (party === 'P1' && notice.type === 'event' && notice.event.kind === 'step' && notice.event.step === 5)
        throw new Error('killed');
    };
    await expect(trainFederated(job, { ...killed, onNotice: dies })).rejects.toThrow('killed');
    let from: number | undefined;
    const rest = await watched(async (record) => ({ from } = await trainFederated(job, { ...killed, record })));
    expect(from).toBeGreaterThanOrEqual(3);
    expect(rest.addresses.repeated()).toEqual([]);
    expect(rest.addresses.ends.flat().filter((address) => !all.has(address))).toEqual([]);
    const protocol = [...rest.said].filter(([label]) => !BESIDES.test(label));
    expect(protocol.length).toBeGreaterThan(50);
    const differing = protocol.filter(
      ([label, said]) => !whole.said.has(label) || !bytes(said).equals(bytes(whole.said.get(label)!)),
    );
    expect(differing.map(([label]) => label)).toEqual([]);
  });

  it('what parties say besides their protocols is empty, or a step', async () => {
    const where = place(suite.fractionBits);
    const { said } = await watched((record) => trainFederated(jobOf(suite), { ...where, record }));
    const besides = [...said].filter(([label]) => !/^P\d P\d (\/|:)/.test(label));
    expect(besides.length).toBe(6 + 6 * 5 + 2); // all there; checkpoints 0, 2, 3, 4, 6; P0 says that nobody stops
    for (const [label, data] of besides) {
      expect(label).toMatch(BESIDES);
      if (label.endsWith('checkpoint/stop')) expect(data).toEqual(BigUint64Array.of(0n));
      else expect(data.length).toBe(0);
    }
  });

  it('a model that stayed shared is masked anew in each session, and each input of a serving session at addresses of its own', async () => {
    const where = place(suite.fractionBits);
    await trainFederated({ ...jobOf(suite), showModel: false }, where);
    const from = { folder: where.folder, job: DOCUMENT };
    const another = { ...where, folder: temporaryFolder('addresses'), from, seed: 6 };
    const continued = await watched((record) =>
      trainFederated({ ...jobOf(suite), document: 'd1'.repeat(32), warmStart: true }, { ...another, record }),
    );
    expect(continued.addresses.repeated()).toEqual([]);

    const sessions = [await served(where.folder, suite, 7), await served(where.folder, suite, 8)];
    for (const { addresses } of sessions) {
      expect(addresses.repeated()).toEqual([]);
      const of = (n: number): string[] =>
        addresses.ends.flat().filter((address) => address.startsWith(`/inputs/0/${n}/`));
      expect(of(0).length).toBeGreaterThan(10);
      // The same work, elsewhere.
      expect(
        of(1)
          .map((address) => address.replace('/inputs/0/1/', '/inputs/0/0/'))
          .sort(),
      ).toEqual(of(0).sort());
      // An input's mask has a key of its own.
      const keys = addresses.tables.filter((tables) => tables.join() === 'input/images:U');
      expect(keys.length).toBe(4);
    }
    // Inputs of several clients together draw as many addresses as one, and no mask of one covers another's.
    const together = await served(where.folder, suite, 9, 3);
    expect(together.addresses.repeated()).toEqual([]);
    expect(together.addresses.tables.filter((tables) => tables.join() === 'input/images:U').length).toBe(2 * 6);
    const drawn = (found: Watched): number =>
      found.addresses.ends.flat().filter((address) => address.startsWith('/inputs/')).length;
    expect(drawn(together)).toBe(drawn(sessions[0]));

    // What is opened of the weights is opened once a session, under another mask in each.
    const openings = [continued, ...sessions].map(({ said }) => {
      const weights = [...said].filter(([label]) =>
        /^P0 P1 \/(input\/model|step\/1\/carried)\/.*weight:E$/.test(label),
      );
      return new Map(weights.map(([label, data]) => [/layers\.\d+/.exec(label)![0], bytes(data).toString('hex')]));
    });
    for (const opening of openings) expect([...opening.keys()].sort()).toEqual(['layers.0', 'layers.4']);
    for (const layer of ['layers.0', 'layers.4'])
      expect(new Set(openings.map((opening) => opening.get(layer))).size).toBe(openings.length);
  });
});

/** A session with two inputs, one after the other, or two at a time, of two clients. */
function served(
  folder: string,
  suite: typeof DIRECT_SUITE | typeof PAPER_SUITE,
  seed: number,
  atATime = 1,
): Promise<Watched> {
  const job: ServeJob = {
    ...{ kind: 'serve', sessionId: 's', document: '5e'.repeat(32), model: DOCUMENT, network: NETWORK },
    ...{ ...suite, maxBatch: 64, maxWaitMs: 0 },
  };
  return watched((record) => {
    let ends: Parameters<Parameters<typeof serveFederated>[1]['onBegin']>[0];
    const inputOf = (n: number): OfEach<InputPart> => {
      const masks = [0, 1].map((j) => new Uint8Array(16).fill(64 * seed + 2 * n + j));
      const source = pixelSource(new Uint8Array(16).fill(9), suite.fractionBits);
      return inputParts({ id: `${n}`, client: `client ${n}`, images: 1 }, source, masks);
    };
    const give = (first: number): void => {
      const inputs = Array.from({ length: atATime }, (_, i) => inputOf(first + i));
      for (const party of PARTY_NAMES) ends[party].take(inputs.map((parts) => parts[party]));
    };
    let answered = 0;
    return serveFederated(job, {
      ...{ seed, folder, record },
      onBegin: (begun) => (ends = begun),
      onNotice: (party, notice) => {
        if (party === 'P0' && notice.type === 'event' && notice.event.kind === 'ready') give(0);
        if (notice.type !== 'answers' || ++answered % 3 !== 0) return;
        if (answered === 3) give(atATime);
        else void ends.P0.stop();
      },
    });
  });
}
