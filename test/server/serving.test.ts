/** Sessions that answer images of clients with a model that stayed shared. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { insecurePairKey } from '../../src/random/insecure.ts';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { pixelSource } from '../../src/data/encode.ts';
import { parameters } from '../../src/nn/network.ts';
import { decode } from '../../src/ring/fixed.ts';
import { add } from '../../src/ring/z64.ts';
import type { InputPart, Notice, PartyName } from '../../src/server/ipc.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import type { ServeJob, TrainJob } from '../../src/server/job.ts';
import type { ServingEnds } from '../../src/server/serving-ends.ts';
import { inputParts, ofEach, resultsIn, serveFederated, type OfEach } from '../federated.ts';
import { TINY_IMAGES } from '../tiny-images.ts';
import { SERVING, TRAINING as TINY_TRAINING, trainTiny } from '../tiny-served.ts';

const TRAINING: TrainJob = { ...TINY_TRAINING, steps: 8 };
/** After so long a part counts as lost: longer than a busy machine takes to bring one. */
const LATE_MS = 1000;

let folder: string;
let model: ReadonlyMap<string, Float64Array>;

beforeAll(async () => {
  folder = await trainTiny('serving', TRAINING);
  const results = await resultsIn(folder, TRAINING);
  model = new Map(parameters(TINY_IMAGES).map(({ name }) => [name, decode(results.get(`model/${name}`)!, 16)]));
});

function input(id: string, pixels: Uint8Array, client = 'somebody'): OfEach<InputPart> {
  return inputParts({ id, client, images: pixels.length / 4 }, pixelSource(pixels, 16));
}

/** In the clear. */
function scoresOf(pixels: Uint8Array): number[] {
  const dense = (x: number[], layer: number, units: number): number[] => {
    const [weight, bias] = [model.get(`layers.${layer}.weight`)!, model.get(`layers.${layer}.bias`)!];
    return Array.from({ length: units }, (_, u) =>
      x.reduce((sum, value, i) => sum + value * weight[i * units + u], bias[u]),
    );
  };
  const hidden = dense(
    [...pixels].map((pixel) => pixel / 255),
    1,
    4,
  ).map((value) => Math.max(0, value));
  return dense(hidden, 3, 3);
}

interface Answered {
  readonly answers: ReadonlyMap<string, readonly number[]>;
  readonly rejected: readonly (readonly [PartyName, string, string])[];
  readonly said: readonly RecordedMessage[];
  /** Of P0: inputs that were computed together, in the order in which that was done. */
  readonly batches: readonly (readonly string[])[];
}

/** Runs a session: `client` sends inputs and resolves when it has seen enough. */
async function session(
  client: (ends: OfEach<ServingEnds>, told: (party: PartyName, id: string) => Promise<Notice>) => Promise<void>,
  options: { readonly seed?: number; readonly partsMs?: number; readonly job?: ServeJob } = {},
): Promise<Answered> {
  const said: RecordedMessage[] = [];
  const heard = new Map<string, (notice: Notice) => void>();
  const early = new Map<string, Notice>();
  const shares = new Map<string, BigUint64Array[]>();
  const rejected: (readonly [PartyName, string, string])[] = [];
  const batches: string[][] = [];
  const told = (party: PartyName, id: string): Promise<Notice> => {
    const key = `${party} ${id}`;
    const notice = early.get(key);
    return notice ? Promise.resolve(notice) : new Promise((resolve) => heard.set(key, resolve));
  };
  let working: Promise<void> | undefined;
  let ends: OfEach<ServingEnds> | undefined;
  const job = options.job ?? SERVING;
  const { outcomes } = await serveFederated(job, {
    ...{ seed: 2, folder, ...options },
    record: (message) => said.push(message),
    onBegin: (begun) => (ends = begun),
    onNotice: (party, notice) => {
      if (notice.type === 'event' && notice.event.kind === 'ready' && party === 'P0')
        working = client(ends!, told).finally(() => void ends!.P0.stop());
      if (notice.type !== 'answers' && notice.type !== 'rejected') return;
      if (notice.type === 'rejected') rejected.push([party, notice.id, notice.reason]);
      else {
        if (party === 'P0') batches.push(notice.answers.map(({ id }) => id));
        for (const { id, share } of notice.answers)
          if (share !== null) shares.set(id, [...(shares.get(id) ?? []), share]);
      }
      for (const { id } of notice.type === 'answers' ? notice.answers : [notice]) {
        const key = `${party} ${id}`;
        early.set(key, notice);
        heard.get(key)?.(notice);
      }
    },
  });
  await working;
  expect(outcomes).toEqual(ofEach(() => ({ kind: 'done' })));
  const bits = job.scores === true ? 16 : 0;
  const answers = [...shares].flatMap(([id, [a, b]]) => (b ? [[id, [...decode(add(a, b), bits)]] as const] : []));
  return { answers: new Map(answers), rejected, said, batches };
}

const pair = (shade: number): Uint8Array => Uint8Array.from([...image(shade), ...image(shade + 100)]);
const image = (shade: number): Uint8Array => Uint8Array.from([shade, 255 - shade, 3 * shade, 40]);
const give = (ends: OfEach<ServingEnds>, ...inputs: readonly OfEach<InputPart>[]): void =>
  PARTY_NAMES.forEach((party) => ends[party].take(inputs.map((parts) => parts[party])));

describe('a serving session', () => {
  it('answers inputs of one image and of several, in whatever order their parts come', async () => {
    const pixels = new Map(
      Array.from({ length: 12 }, (_, i) => [
        `in-${i}`,
        i % 4 === 0 ? Uint8Array.from([...image(i), ...image(50)]) : image(9 * i),
      ]),
    );
    const { answers, rejected } = await session(async (ends, told) => {
      const parts = [...pixels].flatMap(([id, values]) => {
        const each = input(id, values);
        return PARTY_NAMES.map((party) => [party, each[party]] as const);
      });
      // Each party hears of them in an order of its own.
      for (const [party, part] of parts.toSorted((a, b) => orderOf(a) - orderOf(b))) {
        ends[party].take([part]);
        await sleep(1);
      }
      await Promise.all([...pixels.keys()].flatMap((id) => PARTY_NAMES.map((party) => told(party, id))));
    });
    expect(rejected).toEqual([]);
    expect(answers.size).toBe(12);
    for (const [id, values] of pixels) {
      const expected = [values.subarray(0, 4), values.subarray(4)].flatMap((one) => (one.length ? scoresOf(one) : []));
      answers.get(id)!.forEach((score, i) => expect(score).toBeCloseTo(expected[i], 2));
      expect(answers.get(id)!.length).toBe(expected.length);
    }
  });

  it('reveals the class alone where its job says so', async () => {
    const { answers } = await session(
      async (ends, told) => {
        give(ends, input('x', image(7)));
        await told('P0', 'x');
        await told('P1', 'x');
      },
      { job: { ...SERVING, scores: undefined } },
    );
    const scores = scoresOf(image(7));
    expect(answers.get('x')).toEqual([scores.indexOf(Math.max(...scores))]);
  });

  it('opens the model once: an input takes the messages of its own rounds only', async () => {
    const { said } = await session(async (ends, told) => {
      for (const id of ['a', 'b', 'c']) {
        give(ends, input(id, image(id.charCodeAt(0))));
        await Promise.all(PARTY_NAMES.map((party) => told(party, id)));
      }
    });
    const of = (place: RegExp): number =>
      said.filter(({ label }) => place.test(label)).reduce((bytes, { data }) => bytes + data.byteLength, 0);
    // Each weight once, in both directions, before the first input; biases enter no product.
    const opened = said.filter(({ label }) => /^\/input\/model\/.*:E$/.test(label)).map(({ label }) => label);
    expect(opened.length).toBe(4);
    expect(new Set(opened).size).toBe(2);
    expect(said.findLastIndex(({ label }) => opened.includes(label))).toBeLessThan(
      said.findIndex(({ label }) => label.startsWith('/inputs/')),
    );
    expect(of(/^\/inputs\/0\/0/)).toBeGreaterThan(0);
    for (const n of [1, 2]) expect(of(new RegExp(`^/inputs/0/${n}`))).toBe(of(/^\/inputs\/0\/0/));
  });

  it('drops what does not come whole, and goes on', async () => {
    const { answers, rejected } = await session(
      async (ends, told) => {
        for (const [i, party] of PARTY_NAMES.entries()) {
          const parts = input(`lacks-${party}`, image(i));
          for (const other of PARTY_NAMES) if (other !== party) ends[other].take([parts[other]]);
        }
        await Promise.all(
          PARTY_NAMES.flatMap((party) =>
            PARTY_NAMES.filter((other) => other !== party).map((other) => told(other, `lacks-${party}`)),
          ),
        );
        give(ends, input('whole', image(1)));
        await Promise.all(PARTY_NAMES.map((party) => told(party, 'whole')));
      },
      { partsMs: LATE_MS },
    );
    expect([...answers.keys()]).toEqual(['whole']);
    expect(rejected.length).toBe(6);
    for (const [, , reason] of rejected) expect(reason).toBe('not every party was given its part of the input in time');
  });

  it.each<[string, (parts: OfEach<InputPart>) => OfEach<InputPart>]>([
    ['E', ({ P0, P1, P2 }) => ({ P0, P1: { ...P1, opened: P1.opened!.map((x, i) => (i === 0 ? x + 1n : x)) }, P2 })],
    ['the first mask', ({ P0, P1, P2 }) => ({ P0, P1, P2: { ...P2, masks: [new Uint8Array(16), P2.masks[1]] } })],
    ['the second mask', ({ P0, P1, P2 }) => ({ P0, P1, P2: { ...P2, masks: [P2.masks[0], new Uint8Array(16)] } })],
    ['how many images', ({ P0, P1, P2 }) => ({ P0, P1, P2: { ...P2, images: 2 } })],
  ])('gives no answer to an input whose parts differ in %s', async (_, change) => {
    const { answers, rejected } = await session(async (ends, told) => {
      give(ends, change(input('bad', image(3))));
      await Promise.all([told('P0', 'bad'), told('P1', 'bad')]);
      give(ends, input('good', image(3)));
      await Promise.all(PARTY_NAMES.map((party) => told(party, 'good')));
    });
    expect([...answers.keys()]).toEqual(['good']);
    expect(rejected.some(([party]) => party === 'P1')).toBe(true);
  });

  it.each<[string, (part: InputPart) => InputPart]>([
    ['an element too many', (part) => ({ ...part, opened: new BigUint64Array(5) })],
    ['no E', (part) => ({ ...part, opened: null })],
    ['a key that is too short', (part) => ({ ...part, masks: [new Uint8Array(15)] })],
    ['a key too many', (part) => ({ ...part, masks: [new Uint8Array(16), new Uint8Array(16)] })],
  ])('turns away a part with %s, and goes on', async (_, change) => {
    const { answers, rejected } = await session(
      async (ends, told) => {
        const parts = input('bad', image(3));
        give(ends, { ...parts, P0: change(parts.P0) });
        await Promise.all(PARTY_NAMES.map((party) => told(party, 'bad')));
        give(ends, input('good', image(3)));
        await Promise.all(PARTY_NAMES.map((party) => told(party, 'good')));
      },
      { partsMs: LATE_MS },
    );
    expect([...answers.keys()]).toEqual(['good']);
    expect(rejected[0].join()).toBe('P0,bad,the part of the input has another size than the model takes');
  });

  it('answers together what comes while others are computed, each input under its own masks', async () => {
    const shades = Array.from({ length: 24 }, (_, i) => i);
    const { answers, batches, said } = await session(async (ends, told) => {
      give(ends, ...shades.map((i) => input(`in-${i}`, i % 5 === 0 ? pair(i) : image(i), `client-${i % 3}`)));
      await Promise.all(shades.flatMap((i) => PARTY_NAMES.map((party) => told(party, `in-${i}`))));
    });
    expect(answers.size).toBe(shades.length);
    for (const i of shades) {
      const expected = i % 5 === 0 ? [...scoresOf(image(i)), ...scoresOf(image(i + 100))] : scoresOf(image(i));
      const found = answers.get(`in-${i}`)!;
      expect(found.length).toBe(expected.length);
      found.forEach((score, k) => expect(score).toBeCloseTo(expected[k], 2));
    }
    expect(batches.length).toBeLessThan(shades.length / 2);
    // However many there are together, they take the messages of one, but for those of the lane.
    const of = (n: number): number => said.filter(({ label }) => label.startsWith(`/inputs/0/${n}/`)).length;
    for (let n = 1; n < batches.length; n++) expect(of(n)).toBe(of(0));
  });

  it('takes turns between clients, however much one of them sends, and no more images at a time than it may', async () => {
    const { batches } = await session(
      async (ends, told) => {
        const many = Array.from({ length: 12 }, (_, i) => input(`many-${i}`, image(i), 'much'));
        give(ends, ...many, input('a', image(20), 'little'), input('b', image(21), 'less'));
        const ids = [...many.map(({ P0 }) => P0.id), 'a', 'b'];
        await Promise.all(ids.flatMap((id) => PARTY_NAMES.map((party) => told(party, id))));
      },
      { job: { ...SERVING, maxBatch: 4 } },
    );
    expect(batches.flat().toSorted()).toHaveLength(14);
    for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(4);
    // What was sent last goes with the first of what waits.
    const place = (id: string): number => batches.flat().indexOf(id);
    expect(Math.max(place('a'), place('b'))).toBeLessThan(6);
  });

  it('waits for others to go with an input where its job says so', async () => {
    const { batches } = await session(
      async (ends, told) => {
        for (const id of ['a', 'b', 'c']) {
          give(ends, input(id, image(5)));
          await sleep(5);
        }
        await Promise.all(['a', 'b', 'c'].map((id) => told('P0', id)));
      },
      { job: { ...SERVING, maxWaitMs: 300 } },
    );
    expect(batches).toEqual([['a', 'b', 'c']]);
  });

  it('answers the others of a batch when the parts of one do not belong together', async () => {
    const ids = ['first', 'bad', 'good', 'fine'];
    const { answers, rejected } = await session(async (ends, told) => {
      const [first, bad, good, fine] = ids.map((id, i) => input(id, image(i)));
      const P2 = { ...bad.P2, masks: [bad.P2.masks[0], new Uint8Array(16)] };
      give(ends, first, { ...bad, P2 }, good, fine);
      await Promise.all(ids.flatMap((id) => (['P0', 'P1'] as const).map((party) => told(party, id))));
    });
    // P0 knows nothing of P1's mask: its share alone is of no use.
    expect([...answers.keys()].toSorted()).toEqual(['fine', 'first', 'good']);
    expect(rejected).toEqual([['P1', 'bad', 'the parts of the input do not belong together']]);
    for (const id of ['first', 'good', 'fine'])
      answers.get(id)!.forEach((score, k) => expect(score).toBeCloseTo(scoresOf(image(ids.indexOf(id)))[k], 2));
  });

  it('drops at all three what nobody waits for any more, if its turn has not come', async () => {
    const { batches, rejected } = await session(
      async (ends, told) => {
        give(ends, input('stays', image(1)), input('goes', image(2)));
        for (const party of PARTY_NAMES) ends[party].withdraw('goes');
        await Promise.all(PARTY_NAMES.flatMap((party) => ['stays', 'goes'].map((id) => told(party, id))));
      },
      { job: { ...SERVING, maxWaitMs: 300 } },
    );
    expect(batches).toEqual([['stays']]);
    expect(rejected.map(([party, id, reason]) => `${party} ${id} ${reason}`).sort()).toEqual(
      PARTY_NAMES.map((party) => `${party} goes whoever sent the input has gone`),
    );
  });

  it.each(PARTY_NAMES)('keeps an input for a client that is back at %s, and lets no other go for it', async (party) => {
    const { batches, rejected, answers } = await session(
      async (ends, told) => {
        const parts = input('back', image(2));
        give(ends, parts, input('stays', image(1)));
        ends[party].withdraw('back');
        await Promise.all(PARTY_NAMES.map((each) => told(each, 'stays')));
        ends[party].take([parts[party]]);
        await Promise.all(PARTY_NAMES.map((each) => told(each, 'back')));
      },
      { job: { ...SERVING, maxWaitMs: 50 } },
    );
    expect(batches).toEqual([['stays'], ['back']]);
    expect(rejected).toEqual([]);
    answers.get('back')!.forEach((score, k) => expect(score).toBeCloseTo(scoresOf(image(2))[k], 2));
  });

  it('ends when it is told, and says so to who still waits', async () => {
    const { rejected } = await session(async (ends, told) => {
      const parts = input('late', image(3));
      ends.P1.take([parts.P1]);
      ends.P2.take([parts.P2]);
      await sleep(20);
      await ends.P0.stop();
      await Promise.all([told('P1', 'late'), told('P2', 'late')]);
      ends.P0.take([parts.P0]);
      await told('P0', 'late');
    });
    expect(rejected.map(([party, id, reason]) => `${party} ${id} ${reason}`).sort()).toEqual(
      PARTY_NAMES.map((party) => `${party} late the session is over`),
    );
  });

  it('says nothing of inputs that their receiver does not have: no value, no digest of one', async () => {
    const pixels = image(99);
    const parts = input('secret', pixels);
    const { said } = await session(async (ends, told) => {
      give(ends, parts);
      await Promise.all(PARTY_NAMES.map((party) => told(party, 'secret')));
    });
    const spoken = said
      .filter(({ label }) => label.startsWith('serve/'))
      .map(({ from, to, data }) => [from, to, JSON.parse(Buffer.from(data as Uint8Array).toString()) as object]);
    const digest = (bytes: Uint8Array | BigUint64Array): string =>
      createHash('sha256')
        .update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
        .digest('hex');
    const E = digest(parts.P0.opened!);
    const [first, second] = parts.P2.masks.map(digest);
    const have = (told: string): object => ({ kind: 'have', inputs: [{ id: 'secret', images: 1, digest: told }] });
    const next = (told: object): object => ({ kind: 'next', n: 0, inputs: [{ id: 'secret', ...told }] });
    const over = { kind: 'over' };
    const sorted = (list: unknown[]): string[] => list.map((each) => JSON.stringify(each)).sort();
    expect(sorted(spoken)).toEqual(
      sorted([
        ['P1', 'P0', have(E)],
        ['P2', 'P0', have(first)],
        ['P2', 'P1', have(second)],
        ['P0', 'P1', next({ digest: E })],
        ['P0', 'P2', next({})],
        ...[
          ['P0', 'P1'],
          ['P0', 'P2'],
          ['P1', 'P0'],
          ['P2', 'P0'],
          ['P2', 'P1'],
        ].map((way) => [...way, over]),
      ]),
    );
    // Each digest is of what its receiver holds itself.
    expect([digest(parts.P0.opened!), digest(parts.P0.masks[0])]).toEqual([E, first]);
    expect([digest(parts.P1.opened!), digest(parts.P1.masks[0])]).toEqual([E, second]);
  });
});

/** Some order, different for each party. */
function orderOf([party, { id }]: readonly [PartyName, InputPart]): number {
  return insecurePairKey(Number(id.slice(3)), party)[0];
}
