/** Each way in which a stranger or a cheater could get round the rules, tried at one party's decision. */
import { beforeEach, describe, expect, it } from 'vitest';
import { decide, objectionOnceBegun, type Verdict } from '../../src/federation/consent.ts';
import type {
  DataReference,
  GrantDocument,
  JobDocument,
  Revealed,
  ServeDocument,
  TrainDocument,
} from '../../src/federation/documents.ts';
import { Identity } from '../../src/federation/identity.ts';
import { dataBehind, type World } from '../../src/federation/job-check.ts';
import { nameOf, signDocument, type Signed } from '../../src/federation/signed.ts';
import { hex, Known, NETWORK, networkName, NOW, serveDocument, trainDocument, VERSION } from './world.ts';

const [analyst, a, b, client, stranger] = Array.from({ length: 5 }, () => Identity.generate());

let known: Known;
let scans: DataReference;
let others: DataReference;
beforeEach(() => {
  known = new Known();
  known.admit(analyst, { name: 'analyst' });
  known.admit(a, { name: 'a' });
  known.admit(b, { name: 'b' });
  known.admit(client, { name: 'client', roles: ['client'] });
  scans = known.put(a, 'scans');
  others = known.put(b, 'scans');
});

/** On data of a and b, unless said otherwise. */
function training(changes: Partial<TrainDocument> = {}, by: Identity = analyst): Signed<TrainDocument> {
  return signDocument(trainDocument(by, { train: [scans, others], ...changes }), by);
}

function verdict(job: Signed, changes: Partial<World> = {}): Verdict {
  // As it comes: through text.
  return decide(JSON.parse(JSON.stringify(job)) as Signed, known.world(changes));
}

function refusal(job: Signed, changes: Partial<World> = {}): string {
  const found = verdict(job, changes);
  expect(found.kind).toBe('refused');
  return (found as { reason: string }).reason;
}

function approved(job: Signed, ...owners: readonly Identity[]): void {
  for (const owner of owners) known.decide(owner, job);
}

describe('a job', () => {
  it('waits for the owners of its data, training and test, and for nobody else', () => {
    const job = training({ train: [scans], test: [others], reveal: { model: true, loss: true, counts: 'total' } });
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id, b.id] });
    const yes = known.decide(a, job);
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [b.id] });
    const other = known.decide(b, job);
    expect(verdict(job)).toEqual({
      kind: 'approved',
      by: [
        { owner: a.id, under: 'decision', digest: nameOf(yes) },
        { owner: b.id, under: 'decision', digest: nameOf(other) },
      ],
    });
  });

  it('proposed by an owner has that owner’s approval, as it is signed', () => {
    const job = training({}, a);
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [b.id] });
    known.decide(b, job);
    expect(verdict(job)).toMatchObject({
      kind: 'approved',
      by: [{ owner: a.id, under: 'proposal', digest: nameOf(job) }, {}],
    });
    known.decide(a, job, { approve: false, at: '2026-02-01T11:30:00.000Z' });
    expect(refusal(job)).toBe('a has declined it');
  });

  it('on one’s own data alone needs nobody else', () => {
    expect(verdict(training({ train: [scans] }, a))).toMatchObject({ kind: 'approved' });
  });

  it('past its moment is not begun, however it was approved', () => {
    const job = training({ expires: new Date(NOW).toISOString() });
    approved(job, a, b);
    expect(verdict(job)).toMatchObject({ kind: 'approved' });
    expect(refusal(job, { now: NOW + 1 })).toMatch(/^expired: no party starts it after 2026-02-01T12:00/);
  });

  it('of another version, federation or form is refused', () => {
    expect(refusal(training({ version: VERSION + 1 }))).toBe(
      `it is of job version ${VERSION + 1}, this party runs version ${VERSION}`,
    );
    expect(refusal(training({ federation: 'ab'.repeat(32) }))).toBe('job: is for another federation');
    expect(refusal(training({ epochs: 1 }))).toMatch(/either epochs or steps/);
    expect(refusal(training({ steps: undefined }))).toMatch(/either epochs or steps/);
    expect(refusal(training({ learningRate: -1 }))).toMatch(/^job: document\.learningRate/);
    const extra = { ...trainDocument(analyst, { train: [scans] }), also: 1 } as TrainDocument;
    expect(refusal(signDocument(extra, analyst))).toMatch(/a field that does not belong there/);
    const network = { ...NETWORK, layers: [] };
    expect(refusal(training({ network }))).toMatch(/^job: document\.network: network: /);
    const counts: Revealed = { model: true, loss: true, counts: 'total' };
    expect(refusal(training({ reveal: counts }))).toMatch(/counts of a test set, but has none/);
  });

  it('whose signature is another’s, or of another document, is refused', () => {
    const job = training();
    approved(job, a, b);
    expect(refusal({ ...job, by: a.public })).toBe('job: the signature is not that of its author');
    expect(refusal({ ...job, signature: training().signature })).toMatch(/signature/);
    // Its keys with another's sealing key are another identity.
    expect(refusal({ ...job, by: { ...analyst.public, seal: a.public.seal } })).toMatch(/no member/);
  });

  it('of a stranger, of one revoked, or of one who is no analyst is refused', () => {
    const job = training({}, stranger);
    approved(job, a, b);
    expect(refusal(job)).toMatch(/^its proposer \([0-9a-f]{12}\) is no member here$/);
    known.admit(stranger, { name: 'mallory', revoked: true });
    expect(refusal(job)).toBe('its proposer, mallory, has been revoked here');
    known.admit(stranger, { name: 'mallory', roles: ['owner', 'client'] });
    expect(refusal(job)).toBe('its proposer, mallory, is not admitted here as an analyst');
    known.admit(stranger, { name: 'mallory', roles: ['analyst'] });
    expect(verdict(job)).toMatchObject({ kind: 'approved' });
  });

  it('whose results go to somebody unknown or revoked is refused', () => {
    const job = training({ receiver: stranger.public });
    approved(job, a, b);
    expect(refusal(job)).toMatch(/receiver of the results .* no member/);
    known.admit(stranger, { name: 'mallory', revoked: true });
    expect(refusal(job)).toMatch(/receiver of the results, mallory, has been revoked/);
  });
});

describe('a job that was changed after approval', () => {
  it('by one byte anywhere has lost it', () => {
    const job = training();
    approved(job, a, b);
    expect(verdict(job).kind).toBe('approved');
    const text = JSON.stringify(job);
    for (let i = 0; i < text.length; i++) {
      for (const letter of ['0', '1', 'a', ' ']) {
        if (text[i] === letter) continue;
        let changed: Signed;
        try {
          changed = JSON.parse(text.slice(0, i) + letter + text.slice(i + 1)) as Signed;
        } catch {
          continue;
        }
        expect(decide(changed, known.world()).kind, `byte ${i} → ${letter}`).toBe('refused');
      }
    }
  });

  it('and signed anew is another job: nobody has approved it', () => {
    const document = trainDocument(analyst, { train: [scans, others] });
    approved(signDocument(document, analyst), a, b);
    const changes: Partial<TrainDocument>[] = [
      { seed: 2 },
      { title: 'a traininG' },
      { steps: 11 },
      { keepModel: true },
      { nonce: hex(16) },
      { learningRate: 0.2 },
      { reveal: { ...document.reveal, counts: 'none', loss: false } },
      { expires: '2026-03-01T00:00:01.000Z' },
      { train: [others, scans] },
      { receiver: b.public },
      { network: { ...NETWORK, name: 'Tiny' } },
    ];
    for (const change of changes) {
      const job = signDocument({ ...document, ...change }, analyst);
      expect(verdict(job), JSON.stringify(change)).toMatchObject({
        kind: 'waiting',
        for: expect.arrayContaining([a.id, b.id]) as unknown,
      });
    }
  });

  it('in the order of its fields and its spaces alone is the same job', () => {
    const job = training();
    approved(job, a, b);
    const turned = Object.fromEntries(Object.entries(job.document).reverse()) as unknown as JobDocument;
    expect(verdict({ ...job, document: turned })).toMatchObject({ kind: 'approved' });
  });
});

describe('a decision', () => {
  it('of somebody who owns none of the data approves nothing', () => {
    const job = training();
    approved(job, analyst, client, stranger);
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id, b.id] });
    // Nor does it decline anything.
    known.decide(stranger, job, { approve: false });
    expect(verdict(job)).toMatchObject({ kind: 'waiting' });
  });

  it('of one owner does not stand for another', () => {
    const job = training();
    approved(job, a, a, a);
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [b.id] });
  });

  it('counts for one job, in one federation, and as it was signed', () => {
    const job = training();
    known.decide(a, training());
    known.decide(a, job, { federation: 'ab'.repeat(32) });
    const forged = { ...known.decide(stranger, job), by: a.public };
    known.decisions.push({ signed: forged });
    const turned = known.decide(a, job, { approve: false, at: '2026-02-01T10:00:00.000Z' });
    known.decisions.pop();
    known.decisions.push({ signed: { ...turned, document: { ...turned.document, approve: true } as never } });
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id, b.id] });
  });

  it('is taken back by a later one, in whatever order they come', () => {
    const job = training();
    approved(job, b);
    known.decide(a, job, { approve: false, at: '2026-02-01T11:30:00.000Z' });
    known.decide(a, job, { approve: true, at: '2026-02-01T11:00:00.000Z' });
    expect(refusal(job)).toBe('a has declined it');
    known.decisions.reverse();
    expect(refusal(job)).toBe('a has declined it');
    known.decide(a, job, { approve: true, at: '2026-02-01T11:40:00.000Z' });
    expect(verdict(job)).toMatchObject({ kind: 'approved' });
  });

  it('of the same moment as another: no counts', () => {
    const job = training();
    approved(job, a, b);
    known.decide(a, job, { approve: false });
    expect(refusal(job)).toBe('a has declined it');
    known.decisions.reverse();
    expect(refusal(job)).toBe('a has declined it');
  });

  it('of an owner who is revoked meanwhile counts no more, before the start and after', () => {
    const job = training();
    approved(job, a, b);
    known.admit(b, { name: 'b', revoked: true });
    expect(refusal(job)).toBe('its owner of data, b, has been revoked here');
    expect(objectionOnceBegun(job, known.world())).toBe('its owner of data, b, has been revoked here');
    known.members.delete(b.id);
    expect(refusal(job)).toMatch(/is no member here/);
    known.admit(b, { name: 'b', roles: ['analyst'] });
    expect(refusal(job)).toBe('its owner of data, b, is not admitted here as an owner');
  });
});

describe('the data of a job', () => {
  const approvedWith = (changes: Partial<TrainDocument>): Signed<TrainDocument> => {
    const job = training(changes);
    approved(job, a, b);
    return job;
  };

  it('must be here, and of the owner and name that the job gives', () => {
    expect(refusal(approvedWith({ train: [{ ...scans, digest: hex(32) }] }))).toBe('data set a/scans is not here');
    expect(refusal(approvedWith({ train: [{ ...scans, owner: b.id }] }))).toMatch(
      /b\/scans is not of the owner that the job names/,
    );
    expect(refusal(approvedWith({ train: [{ ...scans, name: 'other' }] }))).toMatch(/a\/other has another name: scans/);
    expect(refusal(approvedWith({ train: [scans, others, scans] }))).toMatch(/names a\/scans twice/);
  });

  it('of somebody who approves nothing is not had by naming oneself its owner', () => {
    known.admit(stranger, { name: 'mallory' });
    const job = training({ train: [{ ...scans, owner: stranger.id }] }, stranger);
    expect(refusal(job)).toMatch(/not of the owner/);
  });

  it('must be ready; while it is on its way the job waits', () => {
    for (const state of ['uploading', 'complete']) {
      const late = known.put(a, 'late', { state });
      const job = approvedWith({ train: [late, others] });
      expect(verdict(job)).toEqual({
        kind: 'waiting',
        for: [],
        reason: 'data set a/late is not complete at all three parties yet',
      });
    }
  });

  it('withdrawn, is not used, nor is a job gone on with', () => {
    const job = approvedWith({});
    known.data.get(scans.digest)!.state = 'withdrawn';
    expect(refusal(job)).toBe('data set a/scans has been withdrawn by its owner');
    expect(objectionOnceBegun(job, known.world())).toBe('data set a/scans has been withdrawn by its owner');
  });

  it.each<[string, Parameters<Known['put']>[2], RegExp]>([
    ['rows', { rows: 5 }, /takes \[16\], images of a\/odd are 5 x 4 x 1/],
    ['channels', { channels: 3 }, /images of a\/odd are 4 x 4 x 3/],
    ['classes', { classes: 10 }, /knows 4 classes, a\/odd has 10/],
    ['fewer classes', { classes: 3 }, /knows 4 classes, a\/odd has 3/],
    ['fraction bits', { fractionBits: 12 }, /a\/odd has 12 fraction bits, this job 13/],
    [
      'scaling',
      { scaling: { divideBy: 1, mean: [0.5], std: [1] } },
      /a\/odd has values as they are, less the mean 0\.5, this job values divided by 255$/,
    ],
    [
      'names of classes',
      { classNames: ['a', 'b', 'c', 'd'] },
      /a\/odd has classes a, b, c, d, this job classes without/,
    ],
  ])('of other %s than the network, or than each other, is refused', (_what, changes, expected) => {
    const odd = known.put(a, 'odd', changes);
    expect(refusal(approvedWith({ train: [scans, odd] }))).toMatch(expected);
    const counts: Revealed = { model: true, loss: true, counts: 'total' };
    expect(refusal(approvedWith({ train: [scans], test: [odd], reveal: counts }))).toMatch(expected);
  });

  it('of the same number of values in another order of axes is refused', () => {
    const network = { ...NETWORK, input: [2, 8, 1], layers: [{ type: 'flatten' as const }, ...NETWORK.layers] };
    expect(refusal(approvedWith({ network }))).toMatch(/takes \[2,8,1\], images of a\/scans are 4 x 4 x 1/);
  });

  it('must fill a batch', () => {
    expect(verdict(approvedWith({ batch: 200 }))).toMatchObject({ kind: 'approved' });
    expect(refusal(approvedWith({ batch: 201 }))).toMatch(/batch of 201 images .* \(200\)/);
  });

  it('whose record was tampered with on the disk is not used', () => {
    const record = known.data.get(scans.digest)!;
    const { signed } = record.data;
    record.data = { signed: { ...signed, document: { ...signed.document, images: 99 } as never } };
    expect(refusal(approvedWith({}))).toBe('the record of data set a/scans here is damaged');
    // Another data set of the owner under this one's name.
    const other = known.put(a, 'scans', { images: 7 });
    known.data.set(scans.digest, known.data.get(other.digest)!);
    expect(refusal(approvedWith({}))).toBe('the record of data set a/scans here is damaged');
  });
});

describe('a grant', () => {
  it('stands for a decision, of its owner alone', () => {
    const digest = known.grant(a, analyst, [scans]);
    const job = training();
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [b.id] });
    known.decide(b, job);
    expect(verdict(job)).toMatchObject({
      kind: 'approved',
      by: [{ owner: a.id, under: 'grant', digest }, { owner: b.id }],
    });
  });

  it.each<[string, Partial<GrantDocument>, Partial<TrainDocument>]>([
    ['of another analyst', { analyst: stranger.id }, {}],
    ['for other networks', { networks: [networkName({ ...NETWORK, name: 'other' })] }, {}],
    ['of another federation', { federation: 'ab'.repeat(32) }, {}],
    ['for other data', { data: [hex(32)] }, {}],
    ['expired', { until: new Date(NOW - 1).toISOString() }, {}],
    ['without the model', { reveal: { model: false, loss: true, counts: 'per-class' } }, {}],
    ['without the loss', { reveal: { model: true, loss: false, counts: 'per-class' } }, {}],
    ['without a model that stays', { keepModel: false }, { keepModel: true }],
    ['for who does not receive the results', {}, { receiver: b.public }],
  ])('%s covers nothing', (_what, grant, job) => {
    known.grant(a, analyst, [scans], grant);
    expect(verdict(training({ train: [scans], ...job }))).toMatchObject({ kind: 'waiting', for: [a.id] });
  });

  it('allows the counts that it names, and fewer', () => {
    const kinds = ['none', 'total', 'per-class'] as const;
    kinds.forEach((most, i) => {
      known.grants.length = 0;
      known.grant(a, analyst, [scans], { reveal: { model: true, loss: true, counts: most } });
      kinds.forEach((counts, j) => {
        const job = training({ train: [scans], test: [scans], reveal: { model: true, loss: true, counts } });
        expect(verdict(job).kind, `${counts} of ${most}`).toBe(j <= i ? 'approved' : 'waiting');
      });
    });
  });

  it('holds for the networks that it names, and what is less than it allows', () => {
    known.grant(a, analyst, [scans], { networks: [hex(32), networkName(NETWORK)] });
    const nothing: Revealed = { model: false, loss: false, counts: 'none' };
    expect(verdict(training({ train: [scans], reveal: nothing }))).toMatchObject({ kind: 'approved' });
    const network = { ...NETWORK, layers: [{ type: 'dense' as const, units: 4 }, ...NETWORK.layers] };
    expect(verdict(training({ train: [scans], network }))).toMatchObject({ kind: 'waiting' });
  });

  it('holds until its very moment', () => {
    known.grant(a, analyst, [scans], { until: new Date(NOW).toISOString() });
    const job = training({ train: [scans] });
    expect(verdict(job).kind).toBe('approved');
    expect(verdict(job, { now: NOW + 1 }).kind).toBe('waiting');
  });

  it('is used n times, and once by one job', () => {
    known.grant(a, analyst, [scans], { maxRuns: 2 });
    const [grant] = known.grants;
    const jobs = [0, 1, 2].map(() => training({ train: [scans] }));
    for (const job of jobs.slice(0, 2)) {
      expect(verdict(job).kind).toBe('approved');
      grant.uses.push(nameOf(job));
    }
    expect(verdict(jobs[2])).toMatchObject({ kind: 'waiting', for: [a.id] });
    // Asked again, a job that counts already is still covered.
    expect(verdict(jobs[0]).kind).toBe('approved');
    expect(verdict(jobs[1]).kind).toBe('approved');
  });

  it('withdrawn covers nothing; one under which a job has begun is another matter', () => {
    known.grant(a, analyst, [scans]);
    const job = training({ train: [scans] });
    known.grants[0].withdrawn = true;
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id] });
    expect(objectionOnceBegun(job, known.world())).toBeUndefined();
  });

  it('of somebody else on a’s data, or changed after it was signed, covers nothing', () => {
    known.admit(stranger, { name: 'mallory' });
    known.grant(stranger, analyst, [scans]);
    known.grant(b, analyst, [scans]);
    const job = training({ train: [scans] });
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id] });
    known.grant(a, stranger, [scans]);
    const [, , mine] = known.grants;
    const { signed } = mine.grant;
    mine.grant = { signed: { ...signed, document: { ...signed.document, analyst: analyst.id } as never } };
    known.grants[0].grant = { signed: { ...known.grants[0].grant.signed, by: a.public } };
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id] });
  });

  it('covers a job only together with others that cover the rest of the owner’s data', () => {
    const more = known.put(a, 'more');
    const job = training({ train: [scans, more] });
    const first = known.grant(a, analyst, [scans]);
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id] });
    const second = known.grant(a, analyst, [more]);
    expect(verdict(job)).toMatchObject({ kind: 'approved', by: [{ digest: first }, { digest: second }] });
    // One that covers all is preferred, so that fewer are used up.
    const both = known.grant(a, analyst, [scans, more]);
    expect(verdict(job)).toEqual({ kind: 'approved', by: [{ owner: a.id, under: 'grant', digest: both }] });
  });

  it('does not outweigh a no', () => {
    known.grant(a, analyst, [scans]);
    const job = training({ train: [scans] });
    known.decide(a, job, { approve: false });
    expect(refusal(job)).toBe('a has declined it');
  });

  it('does not help who has been revoked', () => {
    known.grant(a, analyst, [scans]);
    known.admit(analyst, { name: 'analyst', revoked: true });
    expect(refusal(training({ train: [scans] }))).toBe('its proposer, analyst, has been revoked here');
  });

  it('as garbage in the store covers nothing and harms nothing', () => {
    for (const by of [undefined, null, 7, { sign: 1 }, a.public]) {
      known.grants.push({ grant: { signed: { by } as never }, withdrawn: false, uses: [] });
    }
    known.grant(a, analyst, [scans]);
    expect(verdict(training({ train: [scans] })).kind).toBe('approved');
  });
});

describe('a model that stayed shared', () => {
  let model: string;
  let trained: Signed<TrainDocument>;
  beforeEach(() => {
    trained = training({ train: [scans], keepModel: true });
    model = known.keep(trained, dataBehind(trained.document, undefined));
  });

  it('concerns the owners of the data in it: starting from it', () => {
    const job = training({ train: [others], from: model });
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [b.id, a.id] });
    known.decide(b, job);
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id] });
    known.decide(a, job);
    expect(verdict(job).kind).toBe('approved');
  });

  it('concerns them at one remove as well', () => {
    const second = training({ train: [others], from: model, keepModel: true });
    const data = dataBehind(second.document, known.models.get(model));
    expect(data).toEqual([others, scans]);
    const third = training({ train: [others], from: known.keep(second, data) });
    expect(verdict(third)).toMatchObject({ kind: 'waiting', for: [b.id, a.id] });
  });

  it('keeps concerning those whom its training names, whatever its record says', () => {
    known.keep(trained, []);
    expect(verdict(training({ train: [others], from: model }))).toMatchObject({ for: [b.id, a.id] });
  });

  it('whose owner has been revoked, is not used; whose data is withdrawn, is a matter of the owner', () => {
    const job = training({ train: [others], from: model });
    approved(job, a, b);
    known.data.get(scans.digest)!.state = 'withdrawn';
    expect(verdict(job).kind).toBe('approved');
    known.admit(a, { name: 'a', revoked: true });
    expect(refusal(job)).toBe('its owner of data, a, has been revoked here');
  });

  it('is covered by grants on the data in it', () => {
    known.decide(b, training());
    const job = training({ train: [others], from: model });
    known.decide(b, job);
    known.grant(a, analyst, [known.put(a, 'more')]);
    expect(verdict(job)).toMatchObject({ kind: 'waiting', for: [a.id] });
    known.grant(a, analyst, [scans]);
    expect(verdict(job).kind).toBe('approved');
  });

  it('must be here, have been kept, and fit', () => {
    expect(refusal(training({ from: hex(32) }))).toMatch(/there is no model of job [0-9a-f]{12} here/);
    const gone = training({ train: [scans] });
    expect(refusal(training({ from: known.keep(gone, [scans]) }))).toMatch(/was not to stay shared/);
    const network = { ...NETWORK, layers: [{ type: 'relu' as const }, ...NETWORK.layers] };
    expect(refusal(training({ from: model, network }))).toMatch(/is of another network \(tiny\)/);
    // Another job's record under this name.
    known.models.set(model, { training: { signed: training({ keepModel: true }) }, data: [] });
    expect(refusal(training({ from: model }))).toMatch(/record of model [0-9a-f]{12} here is damaged/);
  });

  it('must have been trained on values scaled as the job says, and classes of the same names', () => {
    const facts = { scaling: { divideBy: 1, mean: [0], std: [2] }, classNames: ['a', 'b', 'c', 'd'] };
    const train = [known.put(a, 'named', facts)];
    const kept = training({ train, keepModel: true, ...facts });
    const named = known.keep(kept, train);
    const served = (changes: Partial<ServeDocument>): Signed =>
      signDocument(serveDocument(named, [client], changes), analyst);
    expect(verdict(served(facts))).toMatchObject({ kind: 'waiting' });
    expect(refusal(served({}))).toMatch(
      /was trained on values as they are, over the deviation 2, this job says values divided by 255/,
    );
    expect(refusal(served({ ...facts, classNames: ['a', 'b', 'd', 'c'] }))).toMatch(
      /classes a, b, c, d, this job says classes a, b, d, c/,
    );
    expect(refusal(training({ from: named }))).toMatch(/was trained on values as they are/);
  });

  it('must have the fraction bits of the job', () => {
    const fine = known.put(b, 'fine', { fractionBits: 14 });
    expect(refusal(training({ train: [fine], fractionBits: 14, from: model }))).toMatch(
      /has 13 fraction bits, this job 14/,
    );
  });

  it('is served once the owners of the data in it approve, and under no grant', () => {
    const session = signDocument(serveDocument(model, [client]), analyst);
    known.grant(a, analyst, [scans]);
    expect(verdict(session)).toMatchObject({ kind: 'waiting', for: [a.id] });
    known.decide(a, session);
    expect(verdict(session)).toMatchObject({ kind: 'approved', by: [{ owner: a.id, under: 'decision' }] });
  });

  it('is served to members alone', () => {
    const to = (...clients: Identity[]): string => refusal(signDocument(serveDocument(model, clients), analyst));
    expect(to(client, stranger)).toMatch(/its client \([0-9a-f]{12}\) is no member here/);
    known.admit(stranger, { name: 'mallory', revoked: true });
    expect(to(stranger)).toBe('its client, mallory, has been revoked here');
    known.admit(stranger, { name: 'mallory', roles: ['owner'] });
    expect(to(stranger)).toBe('its client, mallory, is not admitted here as a client');
  });
});

describe('a member who has changed its key', () => {
  const [next, last] = [Identity.generate(), Identity.generate()];

  it('decides on jobs with its data, with either key: the last answer counts', () => {
    known.follow(a, next, true);
    const job = training({ train: [scans] });
    expect(verdict(job)).toEqual({ kind: 'waiting', for: [a.id], reason: undefined });
    known.decide(a, job, { approve: false });
    expect(refusal(job)).toBe('a has declined it');
    const yes = known.decide(next, job, { at: '2026-02-01T11:30:00.000Z' });
    const by = [{ owner: a.id, under: 'decision', digest: nameOf(yes) }];
    expect(verdict(job)).toEqual({ kind: 'approved', by });
    known.decide(a, job, { approve: false, at: '2026-02-01T11:40:00.000Z' });
    expect(refusal(job)).toBe('a has declined it');
  });

  it('is one owner, whichever of its keys its data sets have', () => {
    known.follow(a, next);
    known.follow(next, last);
    const more = known.put(last, 'more');
    expect(verdict(training({ train: [scans, more] }))).toMatchObject({ kind: 'waiting', for: [a.id] });
    expect(verdict(training({ train: [scans, more] }, next))).toMatchObject({ kind: 'approved' });
  });

  it('keeps the grants that it gave, and those that it was given', () => {
    const after = Identity.generate();
    known.grant(a, analyst, [scans]);
    known.follow(a, next, true);
    known.follow(analyst, after, true);
    expect(verdict(training({ train: [scans] }, after))).toMatchObject({ kind: 'approved' });
    known.grant(next, after, [others]);
    expect(verdict(training({ train: [others] }, after))).toMatchObject({ kind: 'waiting', for: [b.id] });
    expect(verdict(training({ train: [scans] }, b))).toMatchObject({ kind: 'waiting', for: [a.id] });
  });

  it('revoked, has no key that counts', () => {
    known.follow(a, next);
    for (const key of [a, next]) known.members.set(key.id, { ...known.members.get(key.id)!, revoked: true });
    expect(refusal(training({ train: [scans] }))).toMatch(/owner of data, a, has been revoked/);
    expect(refusal(training({ train: [others] }, next))).toMatch(/proposer, a, has been revoked/);
  });

  it('gets no results sealed to a key that counts no more, but what has begun goes on', () => {
    const after = Identity.generate();
    const job = training({ train: [scans] });
    approved(job, a);
    known.follow(analyst, after);
    expect(verdict(job)).toMatchObject({ kind: 'approved' });
    known.members.set(analyst.id, { ...known.members.get(analyst.id)!, replaced: true });
    expect(refusal(job)).toMatch(/sealed to has been followed by another/);
    expect(objectionOnceBegun(job, known.world())).toBeUndefined();
  });
});
