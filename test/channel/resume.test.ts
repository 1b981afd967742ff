/** What lets a link go on over another connection, and what does not. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  introduceTo,
  welcome,
  type Door,
  type HandshakeSide,
  type IntroductionOptions,
} from '../../src/channel/handshake.ts';
import { dial } from '../../src/channel/dial.ts';
import type { Listener } from '../../src/channel/listener.ts';
import { memoryTransports } from '../../src/channel/memory.ts';
import { ResumableTransport, type Connection, type FrameCounts } from '../../src/channel/resumable.ts';
import { parseClaim, Resumption, type Resumable } from '../../src/channel/resume.ts';
import { Inlet, type FrameSink } from '../../src/channel/transport.ts';
import { agreementsWith } from '../../src/random/agreement.ts';
import { tlsOf } from './certificates.ts';
import { CONFIG, endAll, HOST, identities, join, listeners, messageOf, opened, publicKeys } from './session.ts';

afterEach(endAll);

const KEY = new Uint8Array(32).fill(1);
const HELLOS = new Uint8Array([1, 2, 3]);

/** The end of a link that has sent 10 frames, of which the peer has 4 for certain, and received 7. */
function end() {
  const log: string[] = [];
  const resumable: Resumable = {
    suspend: () => (log.push('suspended'), 7),
    faultOf: (received) => (received >= 4 && received <= 10 ? undefined : `wrong: ${received}`),
    fail: (reason) => void log.push(`failed: ${reason}`),
  };
  return { log, resumable };
}

describe('a claim', () => {
  const dialler = () => new Resumption('P1', 'P0', KEY, end().resumable);

  it('and its answer fit', () => {
    const { log, resumable } = end();
    const [a, b] = [dialler(), new Resumption('P0', 'P1', KEY, resumable)];
    const claim = a.claim(HELLOS);
    expect(claim).toMatchObject({ attempt: 1, received: 7 });
    const answer = b.answer(claim, HELLOS);
    expect(answer).toMatchObject({ attempt: 1, received: 7 });
    expect(answer.proof).not.toBe(claim.proof);
    a.check(answer, HELLOS);
    expect(log).toEqual(['suspended']);
  });

  const noProof = 'P1: it did not prove that it had this link';
  it.each<[string, (claim: ReturnType<Resumption['claim']>) => [object, Uint8Array], string]>([
    ['of another connection', (claim) => [claim, new Uint8Array([1, 2, 4])], noProof],
    ['with another count', (claim) => [{ ...claim, received: 6 }, HELLOS], noProof],
    ['with another attempt', (claim) => [{ ...claim, attempt: 2 }, HELLOS], noProof],
    ['without proof', (claim) => [{ ...claim, proof: '' }, HELLOS], noProof],
    ['with half a proof', (claim) => [{ ...claim, proof: claim.proof.slice(0, 32) }, HELLOS], noProof],
    [
      'by whoever lacks the key',
      () => [new Resumption('P1', 'P0', HELLOS, end().resumable).claim(HELLOS), HELLOS],
      noProof,
    ],
    [
      'that is the answer sent back',
      () => [new Resumption('P0', 'P1', KEY, end().resumable).claim(HELLOS), HELLOS],
      noProof,
    ],
  ])('%s changes nothing', (_what, change, text) => {
    const { log, resumable } = end();
    const [changed, hellos] = change(dialler().claim(HELLOS));
    const b = new Resumption('P0', 'P1', KEY, resumable);
    expect(() => b.answer(changed as ReturnType<Resumption['claim']>, hellos)).toThrow(text);
    expect(log).toEqual([]);
  });

  it('that is not the newest is turned away, and the link stays', () => {
    const { log, resumable } = end();
    const [a, b] = [dialler(), new Resumption('P0', 'P1', KEY, resumable)];
    const [first, second] = [a.claim(HELLOS), a.claim(HELLOS)];
    b.answer(second, HELLOS);
    for (const late of [first, second])
      expect(() => b.answer(late, HELLOS)).toThrow('P1: a connection that came later than a newer one of its own');
    expect(log).toEqual(['suspended']);
  });

  it.each([3, 11])('or an answer of %d frames, which cannot be, is the end of the link', (received) => {
    const liar = { ...end().resumable, suspend: () => received };
    const atListener = end();
    const listener = new Resumption('P0', 'P1', KEY, atListener.resumable);
    const claim = new Resumption('P1', 'P0', KEY, liar).claim(HELLOS);
    expect(() => listener.answer(claim, HELLOS)).toThrow(`P1: wrong: ${received}`);
    expect(atListener.log).toEqual([`failed: wrong: ${received}`]);
    const atDialler = end();
    const dialling = new Resumption('P1', 'P0', KEY, atDialler.resumable);
    const answer = new Resumption('P0', 'P1', KEY, { ...liar, faultOf: () => undefined }).answer(
      dialling.claim(HELLOS),
      HELLOS,
    );
    expect(() => dialling.check(answer, HELLOS)).toThrow(`P0: wrong: ${received}`);
    expect(atDialler.log).toEqual(['suspended', `failed: wrong: ${received}`]);
  });

  it('answers only the newest attempt', () => {
    const [a, b] = [dialler(), new Resumption('P0', 'P1', KEY, end().resumable)];
    const old = b.answer(a.claim(HELLOS), HELLOS);
    a.claim(HELLOS);
    expect(() => a.check(old, HELLOS)).toThrow('P0: an answer to another attempt');
  });

  it.each([null, 1, {}, { attempt: 1, received: 1 }, { attempt: '1', received: 1, proof: '' }])(
    'that is none is not read: %j',
    (content) => expect(parseClaim(content)).toBeUndefined(),
  );
  it.each([-1, 0.5, 2 ** 53, NaN])('of %d frames is none', (received) =>
    expect(parseClaim({ attempt: 1, received, proof: '' })).toBeUndefined(),
  );
});

/** A connection that keeps what it is given, and has room while `room` says so. */
class Kept implements Connection {
  readonly frames: number[] = [];
  readonly inlet: Inlet = new Inlet();
  endedCleanly = false;
  destroyed = false;
  tells = 0;
  room: Promise<void> | undefined;

  send(parts: readonly Uint8Array[]): Promise<void> | undefined {
    this.frames.push(parts[0][0]);
    return this.room;
  }

  attach(sink: FrameSink): void {
    this.inlet.attach(sink);
  }

  detach(): void {
    this.inlet.detach();
  }

  close(): Promise<void> {
    this.endedCleanly = true;
    this.inlet.end('the connection was closed');
    return Promise.resolve();
  }

  destroy(): void {
    this.destroyed = true;
  }

  tell(): void {
    this.tells++;
  }
}

describe('a transport that outlives its connections', () => {
  function transport() {
    const log: string[] = [];
    const one = new ResumableTransport({
      patienceMs: 1000,
      onApart: (reason) => void log.push(`apart: ${reason}`),
      onEnded: () => void log.push('ended'),
    });
    const frames: number[] = [];
    one.attach({
      onFrame: (parts) => void frames.push(parts[0][0]),
      onClose: (reason) => void log.push(`closed: ${reason}`),
    });
    return { one, log, frames };
  }
  const frame = (n: number): Uint8Array[] => [Uint8Array.of(n)];
  const join = (one: ResumableTransport, received: number): [Kept, FrameCounts] => {
    const connection = new Kept();
    const counts = one.countsOn(connection);
    one.resume(connection, received);
    return [connection, counts];
  };

  it('sends again what the peer does not have, and nothing else', () => {
    const { one, log } = transport();
    void one.send(frame(0));
    const [first, counts] = join(one, 0);
    for (let n = 1; n < 6; n++) void one.send(frame(n));
    expect(first.frames).toEqual([0, 1, 2, 3, 4, 5]);
    counts.acknowledge(2);
    first.inlet.end('broken');
    void one.send(frame(6));
    const [second, later] = join(one, 4);
    expect(second.frames).toEqual([4, 5, 6]);
    // What an old connection still says counts no more.
    counts.acknowledge(2);
    later.acknowledge(7);
    expect(one.heldBytes).toBe(0);
    expect(log).toEqual(['apart: broken']);
  });

  it('takes nothing from a connection that it has let go', () => {
    const { one, frames } = transport();
    const [first] = join(one, 0);
    first.inlet.frame(frame(1));
    expect(one.suspend()).toBe(1);
    first.inlet.frame(frame(2));
    first.inlet.end('broken');
    expect(first.destroyed).toBe(true);
    const [second, counts] = join(one, 0);
    second.inlet.frame(frame(2));
    expect(frames).toEqual([1, 2]);
    expect(counts.told()).toBe(2);
  });

  it.each([
    ['more than it was sent', [3]],
    ['less than before', [2, 1]],
    ['no number', [NaN]],
    ['no whole number', [0.5]],
  ])('fails when the peer says that it has %s', (_what, says) => {
    const { one, log } = transport();
    const [connection, counts] = join(one, 0);
    for (const n of [1, 2]) void one.send(frame(n));
    for (const count of says) counts.acknowledge(count);
    expect(log).toEqual(['ended', expect.stringMatching(/^closed: it says that it has .* frames of 2, and had [02]$/)]);
    expect(connection.destroyed).toBe(true);
  });

  it('does not take an acknowledgement of what only an older connection was given', () => {
    const { one, log } = transport();
    const [first] = join(one, 0);
    for (const n of [1, 2, 3]) void one.send(frame(n));
    first.inlet.end('broken');
    const blocked = new Kept();
    blocked.room = new Promise(() => undefined);
    const counts = one.countsOn(blocked);
    one.resume(blocked, 0);
    expect(blocked.frames).toEqual([1]);
    counts.acknowledge(2);
    expect(log.at(-1)).toBe('closed: it says that it has 2 frames of 1, and had 0');
  });

  it('tells how much has come in after 256 frames or a mebibyte', () => {
    const { one } = transport();
    const [connection, counts] = join(one, 0);
    connection.tell = () => (connection.tells++, void counts.told());
    for (let i = 0; i < 1000; i++) connection.inlet.frame(frame(1));
    expect(connection.tells).toBe(3);
    for (let i = 0; i < 4; i++) connection.inlet.frame([new Uint8Array(2 ** 19)]);
    expect(connection.tells).toBe(5);
  });

  it('holds back senders at 64 MiB until the peer acknowledges, and is bounded when they do not wait', async () => {
    const { one, log } = transport();
    const [, counts] = join(one, 0);
    const large = [new Uint8Array(2 ** 20)];
    for (let i = 0; i < 63; i++) expect(one.send(large)).toBeUndefined();
    const room = one.send(large)!;
    expect(room).toBeInstanceOf(Promise);
    const seen = vi.fn();
    void room.then(seen);
    await Promise.resolve();
    expect(seen).not.toHaveBeenCalled();
    counts.acknowledge(2);
    await room;
    for (let i = 0; i < 193; i++) void one.send(large);
    expect(log).toEqual([]);
    void one.send(large);
    expect(log).toEqual(['ended', expect.stringMatching(/^closed: \d+ bytes wait for it to acknowledge them/)]);
    expect(one.heldBytes).toBe(0);
  });

  it('lets one frame of any size pass', () => {
    const { one, log } = transport();
    void one.send([new Uint8Array(new ArrayBuffer(300 * 2 ** 20))]);
    expect(log).toEqual([]);
  });

  it('gives a connection no more than it takes', async () => {
    const { one } = transport();
    const connection = new Kept();
    let free: () => void = () => undefined;
    connection.room = new Promise((resolve) => (free = resolve));
    one.resume(connection, 0);
    expect(one.send(frame(1))).toBeInstanceOf(Promise);
    void one.send(frame(2));
    expect(connection.frames).toEqual([1]);
    connection.room = undefined;
    free();
    await Promise.resolve();
    await Promise.resolve();
    expect(connection.frames).toEqual([1, 2]);
  });
});

describe('whoever has a party’s keys, but not the link', () => {
  const side: HandshakeSide = {
    self: 'P1',
    sessionId: 'session-1',
    config: CONFIG,
    agreement: agreementsWith({ self: 'P1', identity: identities.P1, publicKeys }),
    linkPatienceMs: 60_000,
  };

  /** A link between P0 and P1 that works, before and after. */
  async function besides(attack: (port: number) => Promise<void>): Promise<string[]> {
    const ports = await listeners(tlsOf);
    const refused: string[] = [];
    const both = {
      linkPatienceMs: 60_000,
      onRefused: (reason: string) => void refused.push(reason.replace(/^\S+: /, '')),
    };
    const [p0, p1] = await Promise.all(
      (['P0', 'P1'] as const).map((name) => join(name, ports, ['P0', 'P1'], { ...both, tls: tlsOf(name) })),
    );
    const works = async (label: string): Promise<void> => {
      await p1.links.get('P0')!.send(label, Uint8Array.of(1), 1);
      await p0.links.get('P1')!.receive(label, 'u8', 1);
    };
    await works('before');
    await attack((ports as Record<string, Listener>)['P0'].port);
    await works('after');
    await Promise.all([p0.close(), p1.close()]);
    return refused;
  }

  async function approach(port: number, options: Partial<IntroductionOptions>): Promise<void> {
    const url = `wss://${HOST}:${port}`;
    const connection = await dial(url, { tls: tlsOf('P1'), peer: 'P0', timeoutMs: 30_000 });
    opened.push({ end: () => connection.destroy() });
    const { secured } = connection;
    await introduceTo(connection, side, 'P0', {
      ...{ timeoutMs: 30_000, secured, onProved: () => connection.trust(), isOpen: true },
      ...options,
    });
  }

  it('cannot take it over', async () => {
    const refused = await besides(async (port) => {
      const resumption = new Resumption('P1', 'P0', KEY, { ...end().resumable, suspend: () => 0 });
      expect(await messageOf(approach(port, { resumption }))).toBe(
        'P0 refused the connection: P1: it did not prove that it had this link',
      );
    });
    expect(refused).toEqual(['P1: it did not prove that it had this link']);
  });

  it('cannot answer as if it had it', async () => {
    const [atP0, atP1] = memoryTransports('P0', 'P1');
    const other: HandshakeSide = {
      ...side,
      self: 'P0',
      agreement: agreementsWith({ self: 'P0', identity: identities.P0, publicKeys }),
    };
    const pretending = { answer: () => ({ attempt: 1, received: 0, proof: '00'.repeat(32) }) } as unknown as Resumption;
    const door: Door = {
      accepts: () => true,
      resumption: () => pretending,
      isConnected: () => true,
      begin: () => () => true,
    };
    const both = { timeoutMs: 30_000, onProved: () => undefined };
    const answering = welcome(atP0, other, door, both);
    const resumption = new Resumption('P1', 'P0', KEY, { ...end().resumable, suspend: () => 0 });
    const dialling = introduceTo(atP1, side, 'P0', { ...both, resumption, isOpen: true });
    expect(await messageOf(dialling)).toBe('P0: it did not prove that it had this link');
    await answering;
  });

  it('cannot open another one in its place', async () => {
    const refused = await besides(async (port) => {
      expect(await messageOf(approach(port, { isOpen: false }))).toBe(
        'P0 refused the connection: a stranger, as P1: this role is connected already',
      );
    });
    expect(refused).toEqual(['a stranger, as P1: this role is connected already']);
  });
});
