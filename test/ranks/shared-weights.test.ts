import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { FrameLink } from '../../src/channel/link.ts';
import { PortTransport } from '../../src/server/ranks/port-transport.ts';
import { sharedPlaces, SharedWeights } from '../../src/server/ranks/shared-weights.ts';

describe('weights in shared memory', () => {
  it('stay as they were until the tensor is written for the second time after, and all threads see them', () => {
    const places = sharedPlaces(new Map([['a', 2], ['b', 1]])); // prettier-ignore
    const [writer, reader] = [new SharedWeights(places), new SharedWeights(places)];
    writer.place('a', 0).set([1n, 2n]);
    writer.place('b', 0).set([9n]);
    writer.place('a', 1).set([3n, 4n]);
    expect(['a', 'b'].map((name) => [...reader.place(name, 0)])).toEqual([[1n, 2n], [9n]]);
    writer.place('a', 2).set([5n, 6n]);
    expect([0, 1, 2].map((time) => [...reader.place('a', time)])).toEqual([
      [5n, 6n],
      [3n, 4n],
      [5n, 6n],
    ]);
    expect(() => reader.place('c', 0)).toThrow('no memory is shared for c');
  });
});

describe('a link between threads', () => {
  const joined = (): [FrameLink, FrameLink] => {
    const { port1, port2 } = new MessageChannel();
    return [new FrameLink('P0', 'P0', new PortTransport(port1)), new FrameLink('P0', 'P0', new PortTransport(port2))];
  };

  it('carries what is shared as it is, and of all else a copy', async () => {
    const [a, b] = joined();
    const shared = new SharedWeights(sharedPlaces(new Map([['w', 100]]))).place('w', 0);
    shared.set(BigUint64Array.from({ length: 100 }, (_, i) => BigInt(i)));
    const own = BigUint64Array.from({ length: 100 }, (_, i) => BigInt(2 * i));
    await a.send('shared', shared, 1);
    await a.send('own', own.subarray(10, 20), 2);
    const [first, second] = [await b.receive('shared', 'u64', 100), await b.receive('own', 'u64', 10)];
    expect(first.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(first.data).toEqual(shared);
    shared[3] = 7n;
    expect(first.data[3]).toBe(7n);
    expect([...second.data]).toEqual([...own.subarray(10, 20)]);
    own[10] = 1n;
    expect(second.data[0]).toBe(20n);
    expect(second.depth).toBe(2);
    await Promise.all([a.close(), b.close()]);
  });

  it('ends at both ends, with the reason', async () => {
    const [a, b] = joined();
    const waiting = b.receive('never', 'u64', 1);
    a.abort('enough');
    await expect(waiting).rejects.toThrow('P0 stopped: enough');
    const [c, d] = joined();
    const lost = d.receive('never', 'u64', 1);
    const { port1, port2 } = new MessageChannel();
    const e = new FrameLink('P0', 'P0', new PortTransport(port1));
    port2.close();
    expect((await e.failed).message).toMatch(/the thread is gone/);
    void c.close();
    await expect(lost).rejects.toThrow('it closed the link before it sent');
  });
});
