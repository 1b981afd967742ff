/** What counts as waiting, and for whom. */
import { describe, expect, it } from 'vitest';
import type { Compute } from '../../runtime/compute.ts';
import { MeasuredCompute } from '../../runtime/measured.ts';
import { WaitMeter } from '../../src/server/wait-meter.ts';

/** A meter on an event loop that sleeps when the test says so. */
function meterOn(): { meter: WaitMeter; sleep: (ms: number) => void } {
  let slept = 1000;
  const meter = new WaitMeter(() => slept);
  return { meter, sleep: (ms) => void (slept += ms) };
}

describe('WaitMeter', () => {
  it('counts sleep for the peer whose message ended it', () => {
    const { meter, sleep } = meterOn();
    sleep(30);
    meter.arrived('P1');
    meter.arrived('P2'); // came with it
    sleep(12);
    meter.arrived('P2');
    sleep(8);
    meter.arrived('P1');
    expect(meter.waitSeconds).toBe(0.05);
    expect([...meter.waitSecondsByPeer]).toEqual([
      ['P1', 0.038],
      ['P2', 0.012],
    ]);
  });

  it('counts sleep that nothing has ended yet, and keeps it for the message that comes', () => {
    const { meter, sleep } = meterOn();
    sleep(20);
    expect(meter.waitSeconds).toBe(0.02);
    expect(meter.waitSecondsByPeer.size).toBe(0);
    sleep(5);
    meter.arrived('owner');
    expect(meter.waitSecondsByPeer.get('owner')).toBe(0.025);
    expect(meter.waitSeconds).toBe(0.025);
  });

  it('takes sleep for computing while a kernel runs elsewhere, until the last one ends', async () => {
    const { meter, sleep } = meterOn();
    const ends: (() => void)[] = [];
    const slow = {
      gemm: () => new Promise<BigUint64Array>((resolve) => ends.push(() => resolve(new BigUint64Array(1)))),
    } as unknown as Compute;
    const compute = new MeasuredCompute(slow, meter);
    const job = { m: 1, k: 1, n: 1, terms: [] };
    sleep(1);
    const [first, second] = [compute.gemm(job), compute.gemm(job)];
    sleep(100);
    meter.arrived('P0'); // overlaps
    ends[0]();
    await first;
    sleep(100);
    ends[1]();
    await second;
    sleep(2);
    meter.arrived('P1');
    expect(meter.waitSeconds).toBe(0.003);
    expect([...meter.waitSecondsByPeer]).toEqual([
      ['P0', 0.001],
      ['P1', 0.002],
    ]);
  });

  it('takes all other time for computing', () => {
    let [slept, now] = [0, 500];
    const meter = new WaitMeter(
      () => slept,
      () => now,
    );
    [slept, now] = [30, 600];
    expect(meter.computeSeconds).toBeCloseTo(0.07, 12);
    expect(meter.waitSeconds).toBe(0.03);
  });

  it('reads the event loop of this process', async () => {
    const meter = new WaitMeter();
    // A busy machine may leave a process no time to sleep.
    while (meter.waitSeconds === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    meter.arrived('P0');
    expect(meter.waitSeconds).toBeGreaterThan(0);
    expect(meter.waitSecondsByPeer.get('P0')).toBe(meter.waitSeconds);
  });
});
