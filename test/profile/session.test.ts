/** A profile of three real parties: what it says equals what the channel counted, and taking it changes nothing. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodePart } from '../../src/profile/part.ts';
import { rootProbe } from '../../src/profile/probe.ts';
import { Recorder, type Recording } from '../../src/profile/recorder.ts';
import type { Party } from '../../src/party/party.ts';
import { createSecureEngine, type SecureEngine } from '../../src/engine/secure.ts';
import type { SecureOptions } from '../../src/engine/secureValues.ts';
import { simulate, type Simulation, type SimulationOptions } from '../simulate.ts';

const COUNT = 600;
const SHAPE = [30, 20];

function engineOf(party: Party, suite: 'direct' | 'paper'): SecureEngine {
  const options: SecureOptions = {
    suite,
    truncation: suite === 'direct' ? 'dealt' : 'local',
    fractionBits: 13,
    compareBits: suite === 'direct' ? 33 : 64,
    reveal: () => Promise.resolve(),
  };
  return createSecureEngine(party, options);
}

/** A layer forward, a product and a select: all kinds of messages. Returns this party's share. */
async function layers(
  party: Party,
  suite: 'direct' | 'paper',
  shares: readonly BigUint64Array[],
): Promise<BigUint64Array> {
  const engine = engineOf(party, suite);
  const share = party.id === 2 ? null : shares[party.id];
  const x = engine.input('x', SHAPE, 13, share);
  const result = await engine.scope('step/1', async (step) => {
    const y = await step.scope('layer/0:dense', (fork) => fork.matmul(x, x, { transposeY: true }));
    const { y: z, sign } = await step.scope('layer/1:relu', (fork) => fork.truncateRelu(y, 13));
    return step.scope('layer/2:relu', (fork) => fork.select(sign, z));
  });
  await engine.settle();
  return (await engine.held(result)).data ?? new BigUint64Array(0);
}

describe.each(['direct', 'paper'] as const)('%s suite', (suite) => {
  const keys = [randomBytes(16), randomBytes(16), randomBytes(16)] as const;
  const options: SimulationOptions = { keys, chunk: 256 };
  const shares: [BigUint64Array, BigUint64Array] = [new BigUint64Array(COUNT), new BigUint64Array(COUNT)];
  let plain: Simulation<BigUint64Array>;
  let profiled: Simulation<BigUint64Array>;
  let recordings: Recording[];

  beforeAll(async () => {
    // Small numbers in two shares.
    const mask = new BigUint64Array(COUNT).map(() => randomBytes(8).readBigUInt64LE());
    shares[0] = mask;
    shares[1] = mask.map((m, i) => BigInt.asUintN(64, BigInt((i % 61) << 10) - m));
    plain = await simulate((party) => layers(party, suite, shares), options);
    const recorders = [new Recorder(), new Recorder(), new Recorder()];
    const probes = [rootProbe(recorders[0]), rootProbe(recorders[1]), rootProbe(recorders[2])] as const;
    profiled = await simulate((party) => layers(party, suite, shares), { ...options, probes });
    recordings = recorders.map((recorder) => recorder.recording());
  });

  it('changes no value and no message', () => {
    expect(profiled.results).toEqual(plain.results);
    expect(profiled.traffic).toEqual(plain.traffic);
    expect(profiled.rounds).toBe(plain.rounds);
  });

  it("counts each party's messages and bytes as its links do", () => {
    const counted = recordings.map(({ lines }) => {
      const sends = lines.filter(({ kind }) => kind === 'send');
      const sum = (of: (line: (typeof sends)[number]) => number): number =>
        sends.reduce((all, line) => all + of(line), 0);
      return {
        messages: sum((l) => l.calls),
        payloadBytes: sum((l) => l.payloadBytes),
        frameBytes: sum((l) => l.frameBytes),
      };
    });
    expect(counted).toEqual(profiled.traffic);
  });

  it('counts what is received as it was sent', () => {
    for (const to of ['P0', 'P1', 'P2'] as const) {
      const sent = recordings.flatMap(({ lines }) => lines.filter((line) => line.kind === 'send' && line.peer === to));
      const received = recordings[Number(to[1])].lines.filter((line) => line.kind === 'receive');
      const sum = (lines: typeof sent): number => lines.reduce((all, line) => all + line.payloadBytes, 0);
      expect(sum(received)).toBe(sum(sent));
    }
  });

  it("rounds add up to the engine's", () => {
    const rounds = recordings.slice(0, 2).map(({ lines }) => lines.reduce((sum, line) => sum + line.rounds, 0));
    expect(Math.max(...rounds)).toBe(profiled.rounds);
  });

  it('accounts for every moment once', () => {
    for (const { lines, startMs, endMs } of recordings) {
      const all = lines.reduce((sum, { ownMs, localMs, idleMs }) => sum + ownMs + localMs + idleMs, 0);
      expect(all).toBeCloseTo(endMs - startMs, 3);
    }
  });

  it('finds layers and protocols', () => {
    const scopes = new Set(recordings[0].lines.map(({ scope }) => scope));
    expect(scopes).toContain('step/layer/0:dense/matmul');
    expect([...scopes].some((scope) => /^step\/layer\/1:relu\/(truncateRelu|relu)/.test(scope))).toBe(true);
  });

  it('holds no key, no share and no message', () => {
    const secrets = [...keys, ...shares, profiled.results[0], profiled.results[1]].map((array) =>
      Buffer.from(array.buffer, array.byteOffset, array.byteLength),
    );
    recordings.forEach((recording, i) => {
      const own = {
        ...{ session: 'test', party: (['P0', 'P1', 'P2'] as const)[i], complete: true, traffic: [], rounds: 0 },
        clock: { offsetMs: 0, uncertaintyMs: 0 },
      };
      const part = Buffer.from(encodePart(own, recording));
      for (const secret of secrets) {
        for (let at = 0; at + 8 <= secret.length; at += 8)
          expect(part.includes(secret.subarray(at, at + 8))).toBe(false);
      }
    });
  });
});
