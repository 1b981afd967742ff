/** Inputs of a serving session at one party: who may ask, how often, and what is answered twice. */
import { describe, expect, it } from 'vitest';
import { MAX_INPUT_IMAGES, type ServeDocument } from '../../../src/federation/documents.ts';
import { Identity } from '../../../src/federation/identity.ts';
import { openWith } from '../../../src/federation/sealed.ts';
import type { InputOrder } from '../../../src/server/ipc.ts';
import type { JobActor } from '../../../src/service/jobs/actor.ts';
import { Sessions } from '../../../src/service/jobs/sessions.ts';
import { hex, serveDocument } from '../../federation/world.ts';

const JOB = '70'.repeat(32);

/** As much of an actor as a session needs. */
class FakeActor {
  readonly digest = JOB;
  readonly job: { readonly document: ServeDocument };
  record = { images: 0 };
  readonly inputs: InputOrder[] = [];
  readonly told: string[] = [];
  ready = true;
  readonly process = { input: (order: InputOrder): void => void this.inputs.push(order) };

  constructor(document: ServeDocument) {
    this.job = { document };
  }

  begun(): Promise<boolean> {
    return Promise.resolve(this.ready);
  }

  tell(event: { readonly kind: string; readonly images?: number }): Promise<void> {
    this.told.push(event.kind);
    if (event.images !== undefined) this.record = { images: event.images };
    return Promise.resolve();
  }
}

function session(changes: Partial<ServeDocument> = {}, party: 'P0' | 'P2' = 'P0') {
  const client = Identity.generate();
  const fake = new FakeActor(serveDocument('aa'.repeat(32), [client], changes));
  const actor = fake as unknown as JobActor;
  const answered: number[] = [];
  const figures = { step: () => undefined, answered: (images: number) => void answered.push(images) };
  const sessions = new Sessions(party, figures);
  const infer = (id: string, input: Uint8Array, by = client): Promise<Uint8Array> =>
    Promise.resolve().then(() => sessions.infer(actor, id, by.public, input));
  const answer = (share: BigUint64Array | null = BigUint64Array.of(3n)): void => {
    sessions.hear(actor, { type: 'output', id: fake.inputs.at(-1)!.id, share });
  };
  const sent = async (count: number): Promise<void> => {
    while (fake.inputs.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { client, fake, actor, sessions, infer, answer, sent, figures, answered };
}

/** For a network of 16 pixels. */
function inputOf(images: number, bytes = 4 + 16 + 8 * 16 * images): Uint8Array {
  const input = new Uint8Array(bytes).fill(7);
  new DataView(input.buffer).setUint32(0, images, true);
  return input;
}

describe('a serving session', () => {
  it('hands over what came, and seals the answer to who asked', async () => {
    const { client, fake, infer, answer, sent } = session();
    const id = hex(16);
    const asked = infer(id, inputOf(2));
    await sent(1);
    expect(fake.inputs[0]).toMatchObject({ id: `${client.id}/${id}`, images: 2, masks: [new Uint8Array(16).fill(7)] });
    expect(fake.inputs[0].opened).toHaveLength(32);
    answer(BigUint64Array.of(1n, 2n));
    const share = await openWith(client, `answer ${JOB} ${id}`, await asked);
    expect(new BigUint64Array(share!.slice().buffer)).toEqual(BigUint64Array.of(1n, 2n));
  });

  it('answers the same input of the same client once, and again as the first time', async () => {
    const { fake, infer, answer, sent } = session({ maxImages: 1 });
    const id = hex(16);
    const both = [infer(id, inputOf(1)), infer(id, inputOf(1))];
    await sent(1);
    answer();
    const [first, second] = await Promise.all(both);
    expect(second).toBe(first);
    expect(await infer(id, inputOf(1))).toBe(first);
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
    await expect(after.infer(actor, hex(16), client.public, inputOf(3))).rejects.toMatchObject({ status: 409 });
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

  it('passes on why an input is not answered', async () => {
    const { infer, sent, sessions, actor, fake } = session();
    const asked = infer(hex(16), inputOf(1));
    await sent(1);
    sessions.hear(actor, { type: 'rejected', id: fake.inputs[0].id, reason: 'its parts do not belong together' });
    await expect(asked).rejects.toThrow('its parts do not belong together');
  });
});
