import { describe, expect, it } from 'vitest';
import type { Link, Traffic } from '../../src/channel/channel.ts';
import { decodeEvent, encodeEvent, MAXIMUM_EVENT_BYTES, type PartyEvent } from '../../src/data/party-events.ts';
import { MOST_RANKS } from '../../src/nn/ranks.ts';
import type { RankCounters } from '../../src/profile/rank-counters.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { ownerEnds } from '../../src/server/owner-ends.ts';
import { Reporter } from '../../src/server/reporter.ts';

class FakeLink {
  readonly sent: Traffic = { messages: 0, payloadBytes: 0, frameBytes: 0 };
  readonly messages: [string, Uint8Array][] = [];

  send(label: string, data: Uint8Array): Promise<void> {
    this.messages.push([label, data]);
    this.sent.frameBytes += 1_000_000;
    return Promise.resolve();
  }
}

describe('Reporter', () => {
  it('counts what goes to the other parties between events, not what goes to the owner', async () => {
    const [owner, a, b] = [new FakeLink(), new FakeLink(), new FakeLink()];
    a.sent.frameBytes = 500; // from before the job
    let rounds = 0;
    let waited = 40;
    const heard: PartyEvent[] = [];
    const ends = ownerEnds(0, new Map([['owner', owner as unknown as Link]]), new PairStreams(new Uint8Array(16)));
    const reporter = new Reporter({
      tell: (event) => ends.report(event),
      parties: [a, b] as unknown as Link[],
      rounds: () => rounds,
      waited: () => waited,
      onEvent: (event) => heard.push(event),
    });
    await reporter.report({ kind: 'ready' });
    a.sent.frameBytes += 10;
    b.sent.frameBytes += 5;
    rounds = 7;
    waited = 42.5;
    await reporter.report({ kind: 'step', step: 1, epoch: 1, loss: false });
    b.sent.frameBytes += 1;
    // On the way: the counters of what comes next go on.
    await reporter.testing({ kind: 'testing', evaluation: 1, images: 1000 });
    rounds = 9;
    await reporter.report({ kind: 'step', step: 2, epoch: 1, loss: false });
    await reporter.report({ kind: 'finished' });

    const events = owner.messages.map(([label, data]) => {
      expect(data.length).toBeLessThan(MAXIMUM_EVENT_BYTES);
      return [label, decodeEvent(data, label)];
    });
    expect(events).toMatchObject([
      ['event/0', { kind: 'ready', bytesSent: 0, onlineRounds: 0 }],
      ['event/1', { kind: 'step', step: 1, bytesSent: 15, onlineRounds: 7, waitSeconds: 2.5 }],
      ['event/2', { kind: 'testing', evaluation: 1, images: 1000 }],
      ['event/3', { kind: 'step', step: 2, bytesSent: 1, onlineRounds: 2 }],
      ['event/4', { kind: 'finished', bytesSent: 0, onlineRounds: 0, waitSeconds: 0 }],
    ]);
    expect(heard).toEqual(events.map(([, event]) => event));
  });
});

describe('a Reporter of several ranks', () => {
  it('tells what each spent between events; what all sent is what the party sent', async () => {
    const of = (bytesSent: number, seconds: number): RankCounters => {
      return { bytesSent, waitSeconds: 2 * seconds, computeSeconds: 3 * seconds, cpuSeconds: seconds };
    };
    let ranks = [of(100, 1), of(200, 2)]; // from before the job
    const told: PartyEvent[] = [];
    const reporter = new Reporter({
      tell: (event) => Promise.resolve(void told.push(event)),
      parties: [],
      ranks: () => ranks,
      rounds: () => 0,
      waited: () => 0,
      onEvent: () => undefined,
    });
    ranks = [of(110, 1.25), of(203, 2.5)];
    await reporter.report({ kind: 'ready' });
    ranks = [of(111, 1.25), of(205, 2.75)];
    await reporter.report({ kind: 'batch', batch: 0 });
    expect(told).toMatchObject([
      { bytesSent: 13, ranks: [of(10, 0.25), of(3, 0.5)] },
      { bytesSent: 3, ranks: [of(1, 0), of(2, 0.25)] },
    ]);
    for (const event of told) expect(decodeEvent(encodeEvent(event), 'P1')).toEqual(event);
  });

  it('an event of as many ranks as there may be has room', () => {
    const most = { bytesSent: 1e15, waitSeconds: 1e9 + 1e-6, computeSeconds: 1e9 + 1e-6, cpuSeconds: 1e9 + 1e-6 };
    const counters = { seconds: 1e9 + 1e-6, waitSeconds: 1e9 + 1e-6, bytesSent: 1e15, onlineRounds: 1e15 };
    const ranks = Array.from({ length: MOST_RANKS }, () => most);
    const event: PartyEvent = { kind: 'step', step: 1e15, epoch: 1e15, loss: false, ...counters, ranks };
    expect(encodeEvent(event).length).toBeLessThan(MAXIMUM_EVENT_BYTES);
    expect(decodeEvent(encodeEvent(event), 'P1')).toEqual(event);
    const more = { ...event, ranks: [...ranks, most] };
    expect(() => decodeEvent(encodeEvent(more), 'P1')).toThrow(/not an event of a party/);
  });
});

describe('decodeEvent', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  it.each([
    ['{"kind":', /P1: event\/0: not JSON/],
    ['{"kind":"fly"}', /not an event of a party/],
    ['{"kind":"ready","seconds":-1,"waitSeconds":0,"bytesSent":0,"onlineRounds":0}', /not an event of a party/],
    ['{"kind":"ready","seconds":1,"waitSeconds":0,"bytesSent":0.5,"onlineRounds":0}', /not an event of a party/],
    ['{"kind":"ready","seconds":1,"waitSeconds":0,"bytesSent":0,"onlineRounds":0,"ranks":[]}', /not an event/],
    ['{"kind":"testing","evaluation":1,"images":-1}', /not an event of a party/],
    ['{"kind":"testing","evaluation":1,"images":1,"seconds":1}', /not an event of a party/],
    ['{"kind":"ready","seconds":1,"waitSeconds":0,"bytesSent":0,"onlineRounds":0,"more":1}', /not an event of a party/],
  ])('refuses %s', (text, message) => {
    expect(() => decodeEvent(bytes(text), 'P1: event/0')).toThrow(message);
  });
});
