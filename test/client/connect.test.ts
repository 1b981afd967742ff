/** `connect` and what it gives, by Node's cryptography and by a browser's, against parties that keep what they are sent. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ConnectOptions, Federation, type UploadProgress } from '../../src/client/connect.ts';
import type { KeptUpload, UploadKeeper } from '../../src/client/federated/kept-upload.ts';
import { Unreachable } from '../../src/client/federated/transport.ts';
import { propose } from '../../src/client/federated/jobs.ts';
import type { Image } from '../../src/client/given-values.ts';
import type { Platform } from '../../src/client/platform.ts';
import { PARTIES } from '../../src/client/parties.ts';
import { Incomplete, type Message } from '../../src/client/served-model.ts';
import { generateKeys, WebIdentity } from '../../src/client/web/web-identity.ts';
import type { ServeDocument } from '../../src/federation/documents.ts';
import { fingerprint } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import type { Signer } from '../../src/federation/public-identity.ts';
import { NODE } from '../../src/random/node-primitives.ts';
import { WEB } from '../../src/random/web-primitives.ts';
import { FakeParties } from './federated/fake-parties.ts';

/** A platform that keeps uploads in memory. */
function platformOf(parties: FakeParties, by: typeof NODE, generate: () => Promise<Signer>): Platform {
  const kept = new Map<string, KeptUpload>();
  const keeper = (name: string): UploadKeeper => ({
    read: () => Promise.resolve(kept.get(name)),
    write: (upload) => Promise.resolve(!kept.has(name) && kept.set(name, upload) === kept),
    remove: () => Promise.resolve(void kept.delete(name)),
  });
  return {
    ...{ primitives: by, generate, kept: generate },
    transport: () => ({ send: parties.transport, close: () => undefined }),
    readPicture: () => Promise.reject(new Error('no pictures here')),
    uploads: (_federation, _owner, name) => keeper(name),
  };
}

describe.each([
  ['Node', NODE, () => Promise.resolve<Signer>(Identity.generate())],
  ['Web Cryptography', WEB, async (): Promise<Signer> => WebIdentity.of(await generateKeys())],
] as const)('a federation, by %s', (_name, by, generate) => {
  async function setting(reveal: 'class' | 'scores' = 'scores', change: Partial<ServeDocument> = {}) {
    const parties = new FakeParties();
    const platform = platformOf(parties, by, generate);
    const identity = await generate();
    parties.members.set(identity.id, { id: identity.id, name: 'me', identity: identity.public });
    const document: ServeDocument = {
      ...{ securenn: 'job', kind: 'serve', version: 1, federation: parties.federation.id, title: 'digits' },
      network: { name: 'tiny', input: [2, 2, 1], layers: [{ type: 'flatten' }, { type: 'dense', units: 10 }] },
      ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, model: '4'.repeat(64) },
      ...{ clients: [identity.id], reveal, maxImages: 100, expires: '2031-01-01T00:00:00.000Z', nonce: '5'.repeat(32) },
      ...change,
    };
    const session = await propose(parties.client(parties.admit('analyst')), document);
    parties.enter(session, 'running');
    const options: ConnectOptions = { federation: parties.federation, identity };
    return { parties, platform, identity, session, options };
  }

  it('answers with a class, its name and all scores, and with each message as it goes out', async () => {
    const { platform, options, session } = await setting('scores', { classNames: 'abcdefghij'.split('') });
    const federation = await Federation.connect(platform, options);
    const model = await federation.model('digits');
    expect(model).toMatchObject({ digest: session, inputShape: [2, 2, 1], classes: 10, reveals: 'scores' });
    const messages: Message[] = [];
    const { label, name, labels, scores, timing } = await model.predict(Uint8Array.from([7, 1, 2, 3, 12, 4, 5, 6]), {
      onMessage: (message) => messages.push(message),
    });
    expect([label, name, labels, scores?.length]).toEqual([7, 'h', [7, 2], 20]);
    expect(messages.map(({ party, direction }) => `${party} ${direction}`).sort()).toEqual(
      PARTIES.flatMap((party) => [`${party} received`, `${party} sent`]),
    );
    const sent = messages.filter(({ direction }) => direction === 'sent');
    expect(timing.sentBytes).toBe(sent.reduce((sum, { sealed }) => sum + sealed.length, 0));
    // E is the same to both workers; nobody has it and all masks.
    const contents = Object.fromEntries(
      sent.map(({ party, content }) => [party, Buffer.from(content).toString('hex')]),
    );
    expect(contents.P0.slice(40)).toBe(contents.P1.slice(40));
    expect(contents.P2).toBe(contents.P0.slice(0, 40) + contents.P1.slice(8, 40));
    await federation.model(session.slice(0, 8));
    await federation.model('4444');
    expect((await federation.models()).map(({ title }) => title)).toEqual(['digits']);
  });

  it('takes pixels of a canvas, bytes and numbers, and says what is no image', async () => {
    const { platform, options } = await setting('class');
    const model = await (await Federation.connect(platform, options)).model('digits');
    const canvas = {
      width: 2,
      height: 2,
      data: Uint8ClampedArray.from([3, 3, 3, 255, ...new Array<number>(12).fill(0)]),
    };
    const same: Image[] = [
      canvas,
      Uint8Array.from([3, 0, 0, 0]),
      Uint8ClampedArray.from([3, 0, 0, 0]),
      Float32Array.from([3 / 255, 0, 0, 0]),
      [3 / 255, 0, 0, 0],
    ];
    for (const image of same) expect(await model.predict(image)).toMatchObject({ label: 3, scores: undefined });
    const wrong: [Image, RegExp][] = [
      [[1, 2, 3], /^3 values are no images of 2 x 2 x 1$/],
      [[], /^0 values/],
      [[NaN, 0, 0, 0], /^value 0 of the image is NaN$/],
      [{ ...canvas, width: 4 }, /^a picture of 2 x 4 pixels/],
      [{ ...canvas, data: Uint8ClampedArray.from([1, 2, 3, 255, ...new Array<number>(12).fill(0)]) }, /grey|colour/],
    ];
    for (const [image, message] of wrong) await expect(model.predict(image)).rejects.toThrow(message);
  });

  it('takes a picture where a network takes a vector of as many values', async () => {
    const vector = { network: { name: 'flat', input: [4], layers: [{ type: 'dense', units: 10 }] } } as const;
    const { platform, options } = await setting('class', vector);
    const model = await (await Federation.connect(platform, options)).model('digits');
    const data = Uint8ClampedArray.from([5, 5, 5, 255, ...new Array<number>(12).fill(0)]);
    const shapes = [
      [2, 2],
      [4, 1],
    ];
    for (const [width, height] of shapes) expect((await model.predict({ width, height, data })).label).toBe(5);
    await expect(model.predict({ width: 3, height: 1, data: data.slice(0, 12) })).rejects.toThrow(
      /^a picture of 1 x 3/,
    );
  });

  it('refuses another fingerprint, a changed file, and a party that does not answer, which it names', async () => {
    const { platform, options, parties } = await setting();
    const right = fingerprint(parties.federation);
    const federation = await Federation.connect(platform, { ...options, fingerprint: right.toUpperCase() });
    expect(federation.fingerprint).toBe(right);
    const connect = (change: object): Promise<unknown> => Federation.connect(platform, { ...options, ...change });
    await expect(connect({ fingerprint: right.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) })).rejects.toThrow(
      `the federation file has fingerprint ${right}`,
    );
    const { parties: cards } = parties.federation;
    const changed = { ...parties.federation, parties: { ...cards, P1: { ...cards.P1, identity: cards.P0.identity } } };
    await expect(connect({ federation: changed })).rejects.toThrow(/the same identity/);
    await expect(connect({ federation: 'nonsense' })).rejects.toThrow(/no JSON/);
    parties.down.add('P1').add('P2');
    await expect(connect({})).rejects.toThrow(/^P1 .* cannot be reached: .*; P2 .* cannot be reached/);
  });

  it('believes no session that two parties show and the third does not, and no document that was changed', async () => {
    const { platform, options, parties, session } = await setting();
    const federation = await Federation.connect(platform, options);
    parties.party.P2.jobs.get(session)!.state = 'queued';
    await expect(federation.model('digits')).rejects.toThrow(/^no model is served as digits$/);
    parties.party.P2.jobs.get(session)!.state = 'running';
    const job = parties.party.P1.jobs.get(session)!;
    const { signed } = job;
    parties.party.P1.jobs.set(session, {
      ...job,
      signed: { ...signed, document: { ...signed.document, maxImages: 7 } as never },
    });
    await expect(federation.models()).rejects.toThrow(/^P1 shows a document that does not hold: job: the signature/);
  });

  it('delivers what was answered where a party refuses the rest, and says how much is missing', async () => {
    const { platform, options, parties } = await setting('scores', { clients: 'anyone' });
    const model = await (await Federation.connect(platform, options)).model('digits');
    const refusal = { error: 'as many images as visitors of this address may send in a minute', fix: 'ask again' };
    let inputs = 0;
    for (const party of PARTIES) {
      const answer = parties.party[party].answer.bind(parties.party[party]);
      parties.party[party].answer = (request) =>
        request.path.endsWith('/inputs') && ++inputs > 2 * PARTIES.length
          ? Promise.resolve({ status: 422, body: Buffer.from(JSON.stringify(refusal)) })
          : answer(request);
    }
    const values = Uint8Array.from({ length: 4 * 50 }, (_, i) => (i % 4 === 0 ? (i / 4) % 10 : 0));
    const error = await model.predict(values).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Incomplete);
    const { answered, missing, message, fix } = error as Incomplete;
    expect(message).toBe(`32 of 50 images are answered, the others not: P0: ${refusal.error}`);
    expect(fix).toMatch(/^ask again; `answered` has what came, so ask for the last 18 alone$/);
    expect([answered.labels, missing]).toEqual([Array.from({ length: 32 }, (_, i) => i % 10), 18]);
    expect(answered).toMatchObject({ label: 0, scores: { length: 320 } });
    expect(answered.timing.sentBytes).toBeGreaterThan(0);
    // With nothing answered, and where the caller gives up, it is the error itself.
    await expect(model.predict(values)).rejects.toMatchObject({ name: 'Problem', message: `P0: ${refusal.error}` });
    inputs = 0;
    const controller = new AbortController();
    const onMessage = (): void => void (inputs > PARTIES.length && controller.abort(new Error('enough')));
    await expect(model.predict(values, { signal: controller.signal, onMessage })).rejects.toThrow('enough');
  });

  it.each([
    [{ maxImages: 40 }, '50 images: the session answers 40 to all clients together'],
    [{ maxImagesEach: 30 }, '50 images: the session answers 30 to one client'],
  ])('asks nothing of what a session will not answer: %j', async (limits, message) => {
    const { platform, options, parties } = await setting('class', limits);
    const model = await (await Federation.connect(platform, options)).model('digits');
    await expect(model.predict(new Uint8Array(4 * 50))).rejects.toMatchObject({ name: 'Problem', message });
    expect(parties.inputs.size).toBe(0);
  });

  it('refuses numbers that would wrap around, before it asks', async () => {
    const { platform, options, parties } = await setting('class');
    const model = await (await Federation.connect(platform, options)).model('digits');
    await expect(model.predict([0, 1e12, 0, 0])).rejects.toThrow(/^value 1 of the image is out of range: .* 1048576 /);
    await model.predict([0, 1e6, 0, 0]);
    expect(parties.inputs.size).toBe(3);
    // Compared as they come: the window of comparisons is what they must fit.
    const network = { name: 'n', input: [4], layers: [{ type: 'relu' }, { type: 'dense', units: 10 }] } as const;
    const other = await setting('class', { network });
    const compares = await (await Federation.connect(other.platform, other.options)).model('digits');
    await expect(compares.predict([0, 0, -65_536, 0])).rejects.toThrow(/^value 2 .* above -65536 and below 65536 /);
    await compares.predict([0, 0, -65_535, 0]);
  });

  const images = Uint8Array.from({ length: 40 }, (_, i) => (7 * i) % 256);
  const labels = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0];

  it('gets a data set from arrays, tells of it, and goes on where an upload was cut', async () => {
    const { platform, options, parties, identity } = await setting();
    const federation = await Federation.connect(platform, options);
    const told: UploadProgress[] = [];
    let cut = true;
    parties.before = (party, { method, path }) => {
      if (cut && party === 'P1' && method === 'PUT' && path.includes('/images/')) throw new Error('the line is cut');
    };
    const given = {
      name: 'mine',
      images,
      shape: [2, 2],
      labels,
      onProgress: (each: UploadProgress) => told.push(each),
    } as const;
    await expect(federation.upload(given)).rejects.toThrow('the line is cut');
    const [half, ...others] = await federation.dataSets();
    expect(others).toEqual([]);
    expect(half).toMatchObject({ name: 'mine', owner: identity.id, isMine: true, images: 10 });
    expect(Object.values(half.states)).not.toContain('ready');
    cut = false;
    const { digest } = await federation.upload(given);
    for (const party of PARTIES) expect(parties.party[party].data.get(digest)).toMatchObject({ state: 'ready' });
    expect(parties.party.P0.data.size).toBe(1);
    expect(new Set(told.map(({ phase }) => phase))).toEqual(new Set(['preparing', 'sending', 'checking']));
    const states = { P0: 'ready', P1: 'ready', P2: 'ready' };
    expect(await federation.dataSets()).toMatchObject([{ digest, created: half.created, states }]);
    expect(half.digest).toBe(digest);
    const large = { ...given, name: 'large', images: Float64Array.from(images, (value) => 1e10 * value) };
    await expect(federation.upload(large)).rejects.toThrow(/^images: values up to .* once scaled: at most 1048576$/);
    await expect(federation.upload({ ...given, labels: labels.slice(1) })).rejects.toThrow(/9 labels|labels/);
    await expect(federation.upload({ ...given, shape: [3, 3] })).rejects.toThrow(/no images of 3 x 3/);
  });

  it('gets the same set from files, packed or not', async () => {
    const { platform, options } = await setting();
    const federation = await Federation.connect(platform, options);
    const head = (...dimensions: number[]): Buffer => {
      const bytes = Buffer.alloc(4 + 4 * dimensions.length);
      bytes.set([0, 0, 8, dimensions.length]);
      dimensions.forEach((dimension, i) => bytes.writeUInt32BE(dimension, 4 + 4 * i));
      return bytes;
    };
    const imageFile = Buffer.concat([head(10, 2, 2), images]);
    const labelFile = Buffer.concat([head(10), Uint8Array.from(labels)]);
    const files = { images: new File([gzipSync(imageFile)], 'images.gz'), labels: new File([labelFile], 'labels') };
    const { bytes } = await federation.upload({ name: 'dropped', files, classes: ['a', 'b', 'c'] });
    expect(bytes).toBe(8 * (40 + 30));
    const broken = { ...files, images: new File([gzipSync(imageFile).subarray(0, 30)], 'images.gz') };
    await expect(federation.upload({ name: 'broken', files: broken })).rejects.toThrow(
      /^images.gz: cannot be unpacked$/,
    );
  });

  it('keeps one of two uploads of a name that begin at once, whose keys stay', async () => {
    const { platform, options, parties } = await setting();
    const federation = await Federation.connect(platform, options);
    let refuse: (reason: unknown) => void = () => undefined;
    const isRefused = new Promise((resolve) => (refuse = resolve));
    const { P0 } = parties.party;
    const answer = P0.answer.bind(P0);
    // The one that goes on does not end before the other has begun.
    P0.answer = async (request) => {
      if (request.path === '/v1/data') await isRefused;
      return answer(request);
    };
    const uploads = [images, images.toReversed()].map((each) =>
      federation.upload({ name: 'mine', images: each, shape: [2, 2], labels }),
    );
    for (const each of uploads) each.catch(refuse);
    const twice = await Promise.allSettled(uploads);
    expect(twice.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = twice.find((each) => each.status === 'rejected')!;
    expect(refused.reason).toMatchObject({ message: 'another upload of mine has begun meanwhile' });
    expect([...parties.party.P0.data.values()].map(({ state }) => state)).toEqual(['ready']);
  });

  it('is asked nothing more once it is closed, and ends what is under way', async () => {
    const { platform, options, parties } = await setting();
    // As transports do.
    const transport = () => ({ send: parties.transport, close: () => cuts.forEach((cut) => cut()) });
    const federation = await Federation.connect({ ...platform, transport }, options);
    const model = await federation.model('digits');
    let isSent = (): void => undefined;
    const sent = new Promise<void>((resolve) => (isSent = resolve));
    const cuts: (() => void)[] = [];
    for (const party of PARTIES) {
      const answer = parties.party[party].answer.bind(parties.party[party]);
      parties.party[party].answer = (request) => {
        if (request.method !== 'POST') return answer(request);
        if (cuts.length === 2) isSent();
        return new Promise((_, reject) =>
          cuts.push(() => reject(new Unreachable(party, 'there', 'cut off', 'run it again'))),
        );
      };
    }
    const underWay = model.predict([0, 0, 0, 1]);
    await sent;
    federation.close();
    const closed = { name: 'Problem', message: 'the connection to the federation is closed', fix: 'connect again' };
    await expect(underWay).rejects.toMatchObject(closed);
    const before = parties.party.P0.asked.length;
    await expect(model.predict([0, 0, 0, 1])).rejects.toMatchObject(closed);
    await expect(federation.models()).rejects.toMatchObject(closed);
    await expect(federation.upload({ name: 'mine', images, shape: [2, 2], labels })).rejects.toMatchObject(closed);
    expect(parties.party.P0.asked).toHaveLength(before);
  });

  it('tells of no message that does not leave', async () => {
    const { platform, options } = await setting();
    const model = await (await Federation.connect(platform, options)).model('digits');
    const told: Message[] = [];
    const onMessage = (message: Message): void => void told.push(message);
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(model.predict([0, 0, 0, 1], { signal, onMessage })).rejects.toThrow('never mind');
    expect(told).toEqual([]);
  });

  it('refuses what cannot be the name of a data set, or its fractional bits, before anything else', async () => {
    const { platform, options, parties } = await setting();
    const federation = await Federation.connect(platform, options);
    const phases: string[] = [];
    const onProgress = ({ phase }: UploadProgress): void => void phases.push(phase);
    const given = { images, shape: [2, 2], labels, onProgress } as const;
    for (const name of ['../../mine', 'My set', ''])
      await expect(federation.upload({ ...given, name })).rejects.toMatchObject({ message: `"${name}" is no name` });
    for (const fractionBits of [0, 31, 1.5, NaN])
      await expect(federation.upload({ ...given, name: 'mine', fractionBits })).rejects.toThrow(
        `fractionBits: ${fractionBits}: expected`,
      );
    expect(phases).toEqual([]);
    expect(parties.party.P0.data.size).toBe(0);
  });

  it('finds an upload that was left half done, which its owner takes back', async () => {
    const { platform, options, parties } = await setting();
    const federation = await Federation.connect(platform, options);
    parties.before = (_party, { method }) => {
      if (method === 'PUT') throw new Error('the page is closed');
    };
    const upload = { name: 'mine', images, shape: [2, 2], labels } as const;
    await expect(federation.upload(upload)).rejects.toThrow('the page is closed');
    const [{ digest, isMine }] = await federation.dataSets();
    expect(isMine).toBe(true);
    await federation.withdraw('data', digest);
    expect(await federation.dataSets()).toEqual([]);
    const stranger = parties.admit('somebody else');
    const theirs = await Federation.connect(platform, { ...options, identity: stranger });
    parties.before = undefined;
    await federation.upload({ ...upload, restart: true });
    expect(await theirs.dataSets()).toMatchObject([{ name: 'mine', isMine: false }]);
  });

  it('stops an upload when the signal says so', async () => {
    const { platform, options } = await setting();
    const federation = await Federation.connect(platform, options);
    const controller = new AbortController();
    const onProgress = (): void => controller.abort(new Error('enough'));
    const asked = { name: 'mine', images, shape: [2, 2], labels, onProgress, signal: controller.signal } as const;
    await expect(federation.upload(asked)).rejects.toThrow('enough');
  });

  it('shows an owner what awaits its answer, and takes that', async () => {
    const { platform, options, parties, session, identity } = await setting();
    const federation = await Federation.connect(platform, options);
    parties.enter(session, 'awaiting', [identity.id]);
    const [job] = await federation.jobs();
    expect(job).toMatchObject({ digest: session, kind: 'serve', awaitsMe: true, states: { P0: 'awaiting' } });
    await federation.decide(session, 'approve');
    expect(parties.party.P2.decisions.at(-1)!.document).toMatchObject({ job: session, approve: true });
  });
});
