/** Handshakes with strangers, with peers that say nonsense, and with somebody on the line who changes what is said. */
import fc from 'fast-check';
import type { PeerName } from '../../src/channel/channel.ts';
import { introduceTo, welcome, type Door, type HandshakeSide, type Introduced } from '../../src/channel/handshake.ts';
import { memoryTransports } from '../../src/channel/memory.ts';
import { Resumption } from '../../src/channel/resume.ts';
import type { FrameSink } from '../../src/channel/transport.ts';
import { agreementsWith, keyAgreement } from '../../src/random/agreement.ts';
import { KeyPair } from '../../src/random/keys.ts';
import { change, changed, expect, fuzz, type Fuzz } from './fuzz.ts';

const identities = { P0: KeyPair.generate(), P1: KeyPair.generate() };
const publicKeys = { P0: identities.P0.publicKey, P1: identities.P1.publicKey };
const sideOf = (self: 'P0' | 'P1', linkPatienceMs = 5000): HandshakeSide => ({
  ...{ self, sessionId: 'session-1', config: [['suite', 'direct']], linkPatienceMs },
  agreement: agreementsWith({ self, identity: identities[self], publicKeys }),
});
const handshaking = { timeoutMs: 5_000, onProved: () => undefined };

const door = (resumption?: Resumption): Door => ({
  accepts: (role: PeerName) => role === 'P1',
  resumption: () => resumption,
  isConnected: () => resumption !== undefined,
  begin: () => () => true,
});

/** What a stranger says: JSON with the right names and wrong values, or anything. */
const name = fc.constantFrom('protocol', 'role', 'peer', 'publicKey', 'proof', 'terms', 'ready', 'open', 'refused');
const value = fc.oneof(
  fc.constantFrom<unknown>('3', '2', 'P0', 'P1', 'P2', 'owner', '', '00'.repeat(32), 'ff'.repeat(32), null, -1),
  fc.jsonValue({ maxDepth: 2 }),
);
const spoken = fc.oneof(
  fc.uint8Array({ maxLength: 200, size: 'max' }),
  fc.dictionary(name, value, { maxKeys: 5 }).map((content) => Buffer.from(JSON.stringify(content))),
  fc.jsonValue({ maxDepth: 3 }).map((content) => Buffer.from(JSON.stringify(content))),
  fc.dictionary(name, value, { maxKeys: 2 }).map((content) => {
    const hello = { protocol: '3', role: 'P1', peer: 'P0', publicKey: Buffer.from(publicKeys.P1).toString('hex') };
    return Buffer.from(JSON.stringify({ ...hello, ...content }));
  }),
);

async function refuses(handshake: Promise<Introduced>): Promise<void> {
  const outcome = await handshake.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome instanceof Error, 'a handshake with a stranger came to an end');
  expect(!(outcome instanceof TypeError || outcome instanceof ReferenceError), `threw ${String(outcome)}`);
}

export const STRANGERS: Fuzz = fuzz(
  'handshakes with strangers',
  0.15,
  fc.tuple(fc.array(spoken, { maxLength: 5 }), fc.boolean()),
  async ([messages, dials]) => {
    const [here, there] = memoryTransports('P0', 'P1');
    for (const one of messages) void there.send([one]);
    void there.close();
    const handshake = dials
      ? welcome(here, sideOf('P0'), door(), handshaking)
      : introduceTo(here, sideOf('P0'), 'P1', handshaking);
    await refuses(handshake);
    here.destroy();
  },
);

export const HALVES: Fuzz = fuzz(
  'handshakes that are changed on their way',
  0.1,
  fc.tuple(fc.nat(7), fc.array(change, { minLength: 1, maxLength: 3 })),
  async ([which, changes]) => {
    let index = 0;
    let touched = false;
    const [atP0, atP1] = memoryTransports('P0', 'P1', {
      tamper: (_n, original) => {
        if (index++ !== which) return [original];
        const after = changed(original, changes);
        touched = !Buffer.from(after).equals(original);
        return [after];
      },
    });
    const both = [
      welcome(atP0, sideOf('P0'), door(), handshaking).finally(() => void atP0.close()),
      introduceTo(atP1, sideOf('P1'), 'P0', handshaking).finally(() => void atP1.close()),
    ];
    const outcomes = await Promise.allSettled(both);
    const keys = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value.pairKey()] : []));
    // Both ends prove what they heard: where both come through, both have the same key.
    if (keys.length === 2) expect(Buffer.from(keys[0]).equals(keys[1]), 'two ends have two keys');
    if (!touched) expect(keys.length === 2, 'a handshake that nobody changed failed');
    for (const one of outcomes)
      if (one.status === 'rejected') expect(!(one.reason instanceof TypeError), `threw ${String(one.reason)}`);
  },
);

/** Somebody who has the keys of P1, says a hello and a proof as it should, and then terms of its own making. */
export const TERMS: Fuzz = fuzz(
  'terms of a peer',
  0.05,
  fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.record(
      {
        session: fc.oneof(fc.constant('session-1'), fc.jsonValue({ maxDepth: 1 })),
        keys: fc.oneof(fc.constant('fresh'), fc.jsonValue({ maxDepth: 1 })),
        links: fc.oneof(fc.constant('that outlive connections'), fc.jsonValue({ maxDepth: 1 })),
        config: fc.oneof(fc.constant([['suite', 'direct']]), fc.jsonValue({ maxDepth: 2 })),
        resume: fc.oneof(
          fc.record({ attempt: fc.integer(), received: fc.double(), proof: fc.string() }, { requiredKeys: [] }),
          fc.jsonValue({ maxDepth: 1 }),
        ),
      },
      { requiredKeys: [] },
    ),
  ),
  async (terms) => {
    const [atP0, atP1] = memoryTransports('P0', 'P1');
    let suspended = false;
    const resumable = { suspend: () => ((suspended = true), 0), faultOf: () => undefined, fail: () => undefined };
    const resumption = new Resumption('P0', 'P1', new Uint8Array(32).fill(7), resumable);
    const welcoming = welcome(atP0, sideOf('P0'), door(resumption), handshaking);
    const agreement = keyAgreement({
      ...{ self: 'P1', peer: 'P0', identity: identities.P1, peerIdentity: publicKeys.P0 },
    });
    const hex = (of: Uint8Array): string => Buffer.from(of).toString('hex');
    const hello = Buffer.from(
      JSON.stringify({ protocol: '3', role: 'P1', peer: 'P0', publicKey: hex(agreement.publicKey) }),
    );
    const answers: Buffer[] = [];
    await new Promise<void>((resolve) => {
      const sink: FrameSink = {
        onFrame: (parts) => {
          answers.push(Buffer.concat(parts));
          if (answers.length !== 1) return;
          const theirs = JSON.parse(answers[0].toString()) as { publicKey: string };
          const lengths = [hello, answers[0]].map((one) => Buffer.from([0, 0, one.length >> 8, one.length & 255]));
          const hellos = Buffer.concat([lengths[0], hello, lengths[1], answers[0]]);
          const secrets = agreement.derive(hellos, new Uint8Array(Buffer.from(theirs.publicKey, 'hex')));
          void atP1.send([Buffer.from(JSON.stringify({ proof: hex(secrets.proofOf('P1')) }))]);
          const sealed = Buffer.from(secrets.seal('P1', Buffer.from(JSON.stringify(terms)))).toString('base64');
          void atP1.send([Buffer.from(JSON.stringify({ terms: sealed }))]);
          void atP1.close().then(resolve);
        },
        onClose: () => resolve(),
      };
      atP1.attach(sink);
      void atP1.send([hello]);
    });
    await refuses(welcoming);
    expect(!suspended, 'a link was let go for a claim without proof');
    atP0.destroy();
  },
);
