/** Strangers' connections: few, short, in bounded memory; those who prove who they are stay, and newcomers get in. */
import { EventEmitter, once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/federation/identity.ts';
import {
  addressGroup,
  Bucket,
  Door,
  DOOR_LIMITS,
  type DoorLimits,
  type TurnedAway,
} from '../../src/service/http/door.ts';
import { ThrottledLog } from '../../src/service/http/throttled-log.ts';
import { createLog } from '../../src/server/log.ts';
import { admitAll, ask, makeFederation } from './parties.ts';

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  gone = false;

  constructor(address: string, port: number) {
    super();
    [this.remoteAddress, this.remotePort] = [address, port];
  }
  resetAndDestroy(): void {
    this.destroy();
  }
  destroy(): void {
    this.gone = true;
    this.emit('close');
  }
}

let port = 1;
const socketFrom = (address: string): FakeSocket & Socket => new FakeSocket(address, port++) as FakeSocket & Socket;

const MANY = { perSecond: 1e6, burst: 1e6 };
const LIMITS: DoorLimits = {
  ...{
    proved: 2,
    strangers: 4,
    strangersOfOneAddress: 3,
    strangerMs: 1000,
    strangerRequests: 3,
    rate: MANY,
    rateOfOneAddress: MANY,
    visitors: 3,
    visitorsOfOneAddress: 2,
    visitorMs: 5000,
    visits: MANY,
    visitsOfOneAddress: MANY,
  },
};

function doorWith(change: Partial<DoorLimits>, clock = { now: 0 }): { door: Door; why: TurnedAway[] } {
  const why: TurnedAway[] = [];
  return {
    door: new Door(
      { ...LIMITS, ...change },
      (reason) => void why.push(reason),
      () => clock.now,
    ),
    why,
  };
}

describe('the door', () => {
  it('lets the oldest stranger go for a new one, first of the same address', () => {
    const { door, why } = doorWith({});
    const [a, b, c, d, e, f] = ['1', '2', '1', '1', '1', '3'].map(socketFrom);
    for (const each of [a, b, c, d]) expect(door.admit(each)).toBe(true);
    expect([a, b, c, d].map(({ gone }) => gone)).toEqual([false, false, false, false]);
    door.admit(e);
    expect([a, b, c, d, e].map(({ gone }) => gone)).toEqual([true, false, false, false, false]);
    door.admit(f);
    expect([b, c, d, e, f].map(({ gone }) => gone)).toEqual([true, false, false, false, false]);
    expect(why).toEqual(['too many', 'too many']);
    expect(door.strangers).toBe(4);
  });

  it('keeps those who have proved who they are, as many as may be', () => {
    const { door, why } = doorWith({});
    const [a, b, c] = ['1', '1', '2'].map(socketFrom);
    for (const each of [a, b, c]) door.admit(each);
    expect([a, b, c].map((each) => door.prove(each))).toEqual([true, true, false]);
    expect(door.prove(a)).toBe(true);
    for (let i = 0; i < 50; i++) door.admit(socketFrom('1'));
    expect([a.gone, b.gone]).toEqual([false, false]);
    expect([door.proved, door.strangers, door.isProved(a)]).toEqual([2, 4, true]);
    expect(why).toContain('proved too many');
    a.destroy();
    expect(door.proved).toBe(1);
  });

  it('ends those that take too long', () => {
    const clock = { now: 0 };
    const { door, why } = doorWith({}, clock);
    const [early, late] = ['1', '2'].map(socketFrom);
    door.admit(early);
    clock.now = 600;
    door.admit(late);
    clock.now = 1100;
    door.sweep();
    expect([early.gone, late.gone, why]).toEqual([true, false, ['too slow']]);
  });

  it('lets visitors crowd out each other alone, those of one address first, and trusts their address no more', () => {
    const clock = { now: 0 };
    const { door, why } = doorWith({ rate: { perSecond: 0.001, burst: 5 } }, clock);
    const [one, two, three, other] = ['1.1.1.1', '1.1.1.1', '1.1.1.1', '2.2.2.2'].map(socketFrom);
    const known = socketFrom('3.3.3.3');
    for (const socket of [one, two, three]) {
      door.admit(socket);
      door.visit(socket);
    }
    expect([one.gone, two.gone, three.gone, door.visitors, door.strangers]).toEqual([true, false, false, 2, 0]);
    door.admit(known);
    door.prove(known);
    door.admit(other);
    door.visit(other);
    expect([door.visitors, door.proved, why]).toEqual([3, 1, ['too many']]);
    // It asks again, so it is not the oldest any more.
    door.visit(two);
    const next = socketFrom('4.4.4.4');
    door.admit(next);
    door.visit(next);
    expect([two.gone, three.gone, known.gone]).toEqual([false, true, false]);
    // Whoever visited pays for each connection, as strangers do.
    const more = socketFrom('1.1.1.1');
    expect([door.admit(more), more.gone]).toEqual([false, true]);
    clock.now = 6000;
    door.sweep();
    expect([two.gone, other.gone, next.gone, known.gone, door.visitors]).toEqual([true, true, true, false, 0]);
    door.close();
  });

  it('ends a visitor that asks again and again without signing, and none that signs', () => {
    const { door, why } = doorWith({});
    const socket = socketFrom('1.1.1.1');
    door.admit(socket);
    door.visit(socket);
    for (let i = 0; i < 10; i++) {
      expect(door.asks(socket)).toBe(true);
      door.visit(socket);
    }
    expect([door.asks(socket), door.asks(socket), door.asks(socket), door.asks(socket)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    door.end(socket);
    expect([socket.gone, door.visitors, why]).toEqual([true, 0, ['too much']]);
    door.close();
  });

  it('checks so many signatures of visitors a second, of one address and in all', () => {
    const clock = { now: 0 };
    const rates = { visits: { perSecond: 1, burst: 3 }, visitsOfOneAddress: { perSecond: 1, burst: 2 } };
    const { door } = doorWith(rates, clock);
    const from = (address: string): boolean => door.mayVisit(socketFrom(address));
    expect([from('1.1.1.1'), from('1.1.1.1'), from('1.1.1.1')]).toEqual([true, true, false]);
    expect([from('2.2.2.2'), from('2.2.2.2')]).toEqual([true, false]);
    clock.now = 1000;
    expect([from('1.1.1.1'), from('1.1.1.1')]).toEqual([true, false]);
    door.close();
  });

  it('ends those that ask again and again without proving anything', () => {
    const { door, why } = doorWith({});
    const [asks, proves] = ['1', '2'].map(socketFrom);
    for (const each of [asks, proves]) door.admit(each);
    for (let i = 0; i < 3; i++) expect([door.asks(asks), door.asks(proves)]).toEqual([true, true]);
    door.prove(proves);
    expect([door.asks(asks), door.asks(proves)]).toEqual([false, true]);
    for (const each of [asks, asks, proves]) door.end(each);
    expect([asks.gone, proves.gone, why]).toEqual([true, false, ['too much']]);
  });

  it('takes so many a second, of one address and in all; those who prove themselves do not count', () => {
    const clock = { now: 0 };
    const { door } = doorWith(
      { strangers: 1000, rateOfOneAddress: { perSecond: 2, burst: 4 }, rate: { perSecond: 5, burst: 10 } },
      clock,
    );
    const admitted = (address: string): number =>
      Array.from({ length: 20 }, () => door.admit(socketFrom(address))).filter(Boolean).length;
    expect(admitted('1')).toBe(4);
    clock.now = 1000;
    expect(admitted('1')).toBe(2);
    expect(['2', '3', '4'].map(admitted)).toEqual([4, 4, 0]);
    clock.now = 100_000;
    for (let i = 0; i < 50; i++) {
      const socket = socketFrom('9');
      expect(door.admit(socket)).toBe(true);
      door.prove(socket);
      socket.destroy();
    }
    // From where somebody is known a flood of others keeps nobody out.
    clock.now = 200_000;
    expect(['5', '6', '7'].map(admitted)).toEqual([4, 4, 2]);
    expect([admitted('8'), admitted('9')]).toEqual([0, 4]);
    // A clock that is set back gives nothing, and takes nothing.
    const bucket = new Bucket({ perSecond: 1, burst: 1 }, 1000);
    expect([bucket.take(1000), bucket.take(0), bucket.take(500), bucket.take(1600)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('takes an IPv6 network for one address, and a mapped IPv4 address for that', () => {
    expect(addressGroup('2001:db8:0:1:aaaa::1')).toBe(addressGroup('2001:db8::1:ffff:0:0:2'));
    expect(addressGroup('2001:db8::1')).not.toBe(addressGroup('2001:db8:0:1::1'));
    expect(addressGroup('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(addressGroup('::1')).toBe('0:0:0:0::/64');
    expect(addressGroup('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(addressGroup('192.0.2.7')).toBe('192.0.2.7');
  });
});

describe('log lines that strangers cause', () => {
  it('are few of each kind, and then a number', () => {
    const lines: string[] = [];
    let now = 0;
    const log = new ThrottledLog(createLog('P0', 'info', { write: (line) => void lines.push(line) }), () => now);
    for (let i = 0; i < 1000; i++)
      log.warn('refused a request', { reason: i % 2 ? 'form' : 'unknown', path: 'x'.repeat(10_000) });
    expect(lines).toHaveLength(10);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(400);
    now = 61_000;
    log.warn('refused a request', { reason: 'form' });
    expect(lines).toHaveLength(12);
    expect(JSON.parse(lines[10])).toMatchObject({ reason: 'form', more: 495 });
  });
});

describe('a flood', () => {
  it('of requests over one connection that nobody signed is cut off', async () => {
    const { parties } = await makeFederation();
    const service = await parties.P0.start();
    const socket = connect({ port: service.ports.api, host: '127.0.0.1', rejectUnauthorized: false });
    let answers = '';
    socket.on('error', () => undefined).on('data', (piece: Buffer) => (answers += piece.toString('latin1')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'secureConnect');
    socket.write('GET /v1/hello HTTP/1.1\r\nhost: party\r\n\r\n'.repeat(1000));
    await closed;
    expect(answers.split('HTTP/1.1 200').length - 1).toBeLessThanOrEqual(DOOR_LIMITS.strangerRequests);
    const metrics = await (await fetch(`http://127.0.0.1:${service.ports.private}/metrics`)).text();
    expect(metrics).toContain('turned_away_total{port="address",reason="too much",party="P0"} 1');
    await parties.P0.stop();
  });

  it('of idle, slow and senseless connections keeps nobody out who is known', async () => {
    const { parties } = await makeFederation();
    const { P0 } = parties;
    const member = Identity.generate();
    await admitAll(P0, [{ name: 'member', identity: member }]);
    P0.door = { ...DOOR_LIMITS, rate: MANY, rateOfOneAddress: MANY };
    const service = await P0.start();
    const { api } = service.ports;
    const sockets: Socket[] = [];
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 1000; i++) {
        const socket =
          i % 3 === 0
            ? connect({ port: api, host: '127.0.0.1', rejectUnauthorized: false }, () =>
                socket.write('GET /v1/hello HTTP/1.1\r\nhost'),
              )
            : connectTcp(api, '127.0.0.1');
        socket.on('error', () => undefined);
        if (i % 3 === 1) socket.write('GET /'.repeat(100));
        sockets.push(socket);
        if (i % 10 === 0) await once(socket, 'connect').catch(() => undefined);
      }
    };
    let flooding = true;
    const flooded = flood().then(() => (flooding = false));
    let served = 0;
    while (flooding) {
      expect((await ask(P0, member, { path: '/v1/status' })).status).toBe(200);
      served++;
    }
    await flooded;
    expect(served).toBeGreaterThan(0);
    const metrics = await (await fetch(`http://127.0.0.1:${service.ports.private}/metrics`)).text();
    const strangers = Number(/securenn_connections\{of="strangers",party="P0"\} (\d+)/.exec(metrics)![1]);
    expect(strangers).toBeLessThanOrEqual(DOOR_LIMITS.strangersOfOneAddress);
    for (const socket of sockets) socket.destroy();
    await P0.stop();
  });
});
