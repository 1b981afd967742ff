/** Inputs of a serving session at one party: who may ask, how often, and what is answered twice. */
import { describe, expect, it } from 'vitest';
import { MAX_INPUT_IMAGES, type ServeDocument } from '../../../src/federation/documents.ts';
import { Identity } from '../../../src/federation/identity.ts';
import type { InputPart } from '../../../src/server/ipc.ts';
import type { JobActor } from '../../../src/service/jobs/actor.ts';
import type { MemberEvent } from '../../../src/service/jobs/member.ts';
import { Sessions } from '../../../src/service/jobs/sessions.ts';
import { hex, serveDocument } from '../../federation/world.ts';

const JOB = '70'.repeat(32);
/** Of a client that waits. */
const stays = (): AbortSignal => new AbortController().signal;

/** As much of an actor as a session needs. */
class FakeActor {
  readonly digest = JOB;
  readonly job: { readonly document: ServeDocument };
  record: { images: number; imagesOf: Record<string, number> } = { images: 0, imagesOf: {} };
  readonly inputs: InputPart[] = [];
  /** How many came together. */
  readonly given: number[] = [];
  readonly withdrawn: string[] = [];
  readonly noted: object[] = [];
  readonly told: string[] = [];
  ready = true;
  readonly process = {
    give: (parts: readonly InputPart[]): void => {
      this.inputs.push(...parts);
      this.given.push(parts.length);
    },
    withdraw: (id: string): void => void this.withdrawn.push(id),
  };

  constructor(document: ServeDocument) {
    this.job = { document };
  }

  begun(): Promise<boolean> {
    return Promise.resolve(this.ready);
  }

  tell({ kind, ...allowed }: MemberEvent): Promise<void> {
    this.told.push(kind);
    if (kind === 'allow') this.record = { ...this.record, ...allowed };
    return Promise.resolve();
  }

  note(_event: string, facts: object): void {
    this.noted.push(facts);
  }
}

function session(changes: Partial<ServeDocument> = {}, party: 'P0' | 'P2' = 'P0', others: readonly Identity[] = []) {
  const client = Identity.generate();
  const fake = new FakeActor(serveDocument('aa'.repeat(32), [client, ...others], changes));
  const actor = fake as unknown as JobActor;
  const answered: number[] = [];
  let underWay = 0;
  const figures = {
    step: () => undefined,
    answered: (images: number) => void answered.push(images),
    batch: () => undefined,
    underWay: (more: number) => void (underWay += more),
  };
  const sessions = new Sessions(party, figures);
  const infer = (id: string, input: Uint8Array, by = client, gone = stays()): Promise<Uint8Array> =>
    Promise.resolve().then(() => sessions.infer(actor, id, by.public, input, gone));
  const answer = (share: BigUint64Array | null = BigUint64Array.of(3n), { id } = fake.inputs.at(-1)!): void => {
    sessions.hear(actor, { type: 'answers', images: 1, answers: [{ id, share, waited: 0 }] });
  };
  const reject = (reason: string, computed = false): void =>
    sessions.hear(actor, { type: 'rejected', id: fake.inputs.at(-1)!.id, reason, computed });
  const sent = async (count: number): Promise<void> => {
    while (fake.inputs.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { client, fake, actor, sessions, infer, answer, reject, sent, figures, answered, underWay: () => underWay };
}

/** For a network of 16 pixels. */
function inputOf(images: number, bytes = 4 + 16 + 8 * 16 * images): Uint8Array {
  const input = new Uint8Array(bytes).fill(7);
  new DataView(input.buffer).setUint32(0, images, true);
  return input;
}

describe('a serving session', () => {
  it('hands over what came, and gives its share of the answer', async () => {
    const { client, fake, infer, answer, sent } = session();
    const id = hex(16);
    const asked = infer(id, inputOf(2));
    await sent(1);
    expect(fake.inputs[0]).toMatchObject({ id: `${client.id}/${id}`, images: 2, masks: [new Uint8Array(16).fill(7)] });
    expect(fake.inputs[0].opened).toHaveLength(32);
    answer(BigUint64Array.of(1n, 2n));
    expect(new BigUint64Array((await asked).slice().buffer)).toEqual(BigUint64Array.of(1n, 2n));
  });

  it('answers the same input of the same client once, and again as the first time', async () => {
    const { fake, infer, answer, sent } = session({ maxImages: 1 });
    const id = hex(16);
    const both = [infer(id, inputOf(1)), infer(id, inputOf(1))];
    await sent(1);
    answer();
    const [first, second] = await Promise.all(both);
    expect(second).toEqual(first);
    expect(await infer(id, inputOf(1))).toEqual(first);
    expect(fake.inputs).toHaveLength(1);
  });

  it('answers clients that the job names, and nobody else', async () => {
    const { fake, infer } = session();
    await expect(infer(hex(16), inputOf(1), Identity.generate())).rejects.toMatchObject({ status: 403 });
    expect(fake.inputs).toEqual([]);
  });

  it('answers as many images as it allows, counted before they are answered, across lives of the party', async () => {
    const { fake, infer, answer, sent, actor, client, figures, answered } = session({ maxImages: 5 });
    const asked = infer(hex(16), inputOf(3));
    await sent(1);
    expect(fake.record.images).toBeGreaterThanOrEqual(3);
    answer();
    await asked;
    await expect(infer(hex(16), inputOf(3))).rejects.toThrow('the session answers 2 images more');
    expect(answered).toEqual([3]);
    const after = new Sessions('P0', figures);
    await expect(after.infer(actor, hex(16), client.public, inputOf(3), stays())).rejects.toMatchObject({
      status: 409,
    });
  });

  it('takes no input that has not the form of one', async () => {
    const { infer, fake } = session();
    await expect(infer('short', inputOf(1))).rejects.toMatchObject({ status: 400 });
    for (const input of [inputOf(0), new Uint8Array(3), inputOf(1, 100), inputOf(2, 4 + 16 + 8 * 16)])
      await expect(infer(hex(16), input)).rejects.toMatchObject({ status: 400 });
    await expect(infer(hex(16), inputOf(MAX_INPUT_IMAGES + 1))).rejects.toMatchObject({ status: 413 });
    expect(fake.inputs).toEqual([]);
  });

  it('says so when it is not running, and what is under way when its process goes', async () => {
    const { fake, infer, sessions, actor, sent } = session();
    fake.ready = false;
    await expect(infer(hex(16), inputOf(1))).rejects.toMatchObject({ status: 503 });
    fake.ready = true;
    const asked = infer(hex(16), inputOf(1));
    await sent(1);
    sessions.interrupted(actor);
    await expect(asked).rejects.toMatchObject({ status: 503 });
  });

  it('gives at P2, which has no share, nothing but that it is done', async () => {
    const { infer, answer, sent, fake } = session({}, 'P2');
    const asked = infer(hex(16), inputOf(1, 4 + 32));
    await sent(1);
    expect(fake.inputs[0]).toMatchObject({ opened: null, masks: [{ length: 16 }, { length: 16 }] });
    answer(null);
    expect(await asked).toHaveLength(0);
  });

  it('answers each client as many images as it allows to one, across lives of the party', async () => {
    const other = Identity.generate();
    const mine = session({ maxImagesEach: 4 }, 'P0', [other]);
    const asked = mine.infer(hex(16), inputOf(3));
    await mine.sent(1);
    mine.answer();
    await asked;
    await expect(mine.infer(hex(16), inputOf(2))).rejects.toThrow('the session answers you 1 images more');
    const others = mine.infer(hex(16), inputOf(4), other);
    await mine.sent(2);
    mine.answer();
    await others;
    const after = new Sessions('P0', mine.figures);
    const again = after.infer(mine.actor, hex(16), mine.client.public, inputOf(2), stays());
    await expect(again).rejects.toThrow('the session answers you 1 images more');
  });

  it('counts no image of an input that was not computed', async () => {
    const { infer, sent, reject, answer } = session({ maxImages: 2 });
    for (const [n, computed] of [false, false, true].entries()) {
      const asked = infer(hex(16), inputOf(1));
      await sent(n + 1);
      reject('for some reason', computed);
      await expect(asked).rejects.toThrow('for some reason');
    }
    const last = infer(hex(16), inputOf(1));
    await sent(4);
    answer();
    await last;
    await expect(infer(hex(16), inputOf(1))).rejects.toThrow('the session answers 0 images more');
  });

  it('hands over together what comes together', async () => {
    const { infer, sent, answer, fake } = session();
    const asked = Array.from({ length: 8 }, () => infer(hex(16), inputOf(1)));
    await sent(8);
    expect(fake.given.length).toBeLessThan(8);
    for (const part of fake.inputs) answer(undefined, part);
    await Promise.all(asked);
  });

  it('takes no more at once of one client than its share, and of the others still', async () => {
    const other = Identity.generate();
    const { infer, sent, answer, fake, underWay } = session({}, 'P0', [other]);
    const asked = Array.from({ length: 64 }, () => infer(hex(16), inputOf(1)));
    await sent(64);
    await expect(infer(hex(16), inputOf(1))).rejects.toMatchObject({ status: 429 });
    const others = infer(hex(16), inputOf(1), other);
    await sent(65);
    expect(underWay()).toBe(65);
    for (const part of fake.inputs) answer(undefined, part);
    await Promise.all([...asked, others]);
    expect(underWay()).toBe(0);
  });

  it('takes back what nobody waits for any more, unless it is asked for again', async () => {
    const { infer, sent, answer, fake, client } = session();
    const [gone, id] = [new AbortController(), hex(16)];
    const first = infer(id, inputOf(1), client, gone.signal);
    await sent(1);
    gone.abort();
    expect(fake.withdrawn).toEqual([fake.inputs[0].id]);
    const second = infer(id, inputOf(1));
    await sent(2);
    expect(fake.inputs[1]).toEqual(fake.inputs[0]);
    answer();
    expect(await first).toHaveLength(0);
    expect(await second).toHaveLength(8);
  });

  it('neither counts nor hands over what nobody waits for before its process is ready', async () => {
    const { infer, fake, client, answer, sent } = session({ maxImages: 1 });
    const gone = new AbortController();
    gone.abort();
    await expect(infer(hex(16), inputOf(1), client, gone.signal)).rejects.toMatchObject({ status: 503 });
    expect(fake.inputs).toEqual([]);
    const asked = infer(hex(16), inputOf(1));
    await sent(1);
    answer();
    await asked;
  });

  it('passes on why an input is not answered', async () => {
    const { infer, sent, reject } = session();
    const asked = infer(hex(16), inputOf(1));
    await sent(1);
    reject('its parts do not belong together');
    await expect(asked).rejects.toThrow('its parts do not belong together');
  });
});
