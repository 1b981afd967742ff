import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { Mesh } from '../../src/channel/mesh.ts';
import { agreementsWith } from '../../src/random/agreement.ts';
import { insecurePairKey } from '../../src/random/insecure.ts';
import { KeyPair } from '../../src/random/keys.ts';
import { CONFIG, endAll, identities, join, listeners, messageOf, NAMES, type Change } from './session.ts';

afterEach(endAll);

describe('a mesh', () => {
  it('of three parties and an owner: links, keys, orderly end', async () => {
    const ports = await listeners();
    const meshes = await Promise.all(NAMES.map((name) => join(name, ports, NAMES)));
    for (const [i, self] of NAMES.entries()) {
      const peers = NAMES.filter((name) => name !== self);
      expect([...meshes[i].links.keys()].sort()).toEqual([...peers].sort());
      for (const peer of peers) {
        const other = meshes[NAMES.indexOf(peer)];
        expect(meshes[i].pairKeys.get(peer)).toHaveLength(16);
        expect(meshes[i].pairKeys.get(peer)).toEqual(other.pairKeys.get(self));
        await meshes[i].links.get(peer)!.send(`from ${self}`, Uint8Array.of(i), 1);
        expect((await other.links.get(self)!.receive(`from ${self}`, 'u8', 1)).data).toEqual(Uint8Array.of(i));
      }
    }
    const keys = meshes.flatMap((mesh) => [...mesh.pairKeys.values()].map((key) => Buffer.from(key).toString('hex')));
    expect(new Set(keys).size).toBe(6);
    for (const shown of [inspect(meshes[0], { depth: 20 }), JSON.stringify(meshes[0])]) {
      for (const key of meshes[0].pairKeys.values()) {
        expect(shown).not.toContain(Buffer.from(key).toString('hex'));
        expect(shown).not.toContain([...key].join(', '));
      }
    }
    await Promise.all(meshes.map((mesh) => mesh.close()));
  });

  it('forms in any order, and has other keys in every session', async () => {
    const ports = await listeners();
    const keys: string[] = [];
    for (const order of [
      ['P2', 'P1', 'P0'],
      ['P1', 'P0', 'P2'],
    ] as const) {
      const joining: Promise<Mesh>[] = [];
      for (const name of order) {
        joining.push(join(name, ports, ['P0', 'P1', 'P2']));
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      const meshes = await Promise.all(joining);
      keys.push(Buffer.from(meshes[0].pairKeys.get('P1') ?? meshes[0].pairKeys.get('P2')!).toString('hex'));
      await Promise.all(meshes.map((mesh) => mesh.close()));
    }
    expect(keys[0]).not.toBe(keys[1]);
  });

  it('tells everybody when one party stops', async () => {
    const ports = await listeners();
    const [p0, p1, p2] = await Promise.all(
      (['P0', 'P1', 'P2'] as const).map((n) => join(n, ports, ['P0', 'P1', 'P2'])),
    );
    const pending = p1.links.get('P2')!.receive('x', 'u64', 1);
    p2.abortAll('out of memory');
    expect((await p0.failed).message).toBe('P2 stopped: out of memory');
    expect((await p1.failed).message).toBe('P2 stopped: out of memory');
    expect(await messageOf(pending)).toBe('P2 stopped: out of memory');
    expect(await messageOf(p1.close())).toBe('P2 stopped: out of memory');
  });

  it('leaves nothing open behind', async () => {
    const sockets = () =>
      process
        .getActiveResourcesInfo()
        .filter((name) => /TCP|Timeout|Immediate/.test(name))
        .sort();
    const before = sockets();
    const ports = await listeners();
    const meshes = await Promise.all(NAMES.map((name) => join(name, ports, NAMES)));
    expect(sockets().length).toBeGreaterThan(before.length);
    await Promise.all(meshes.map((mesh) => mesh.close()));
    await Promise.all(Object.values(ports).map((listener) => listener.close()));
    // What the test runner has open meanwhile may have ended since.
    const more = (): string[] => {
      const left = sockets();
      for (const name of before) if (left.includes(name)) left.splice(left.indexOf(name), 1);
      return left;
    };
    await expect.poll(more).toEqual([]);
  });

  it('insecure keys are the fixed ones', async () => {
    const ports = await listeners();
    const [p0, p1] = await Promise.all(
      (['P0', 'P1'] as const).map((n) => join(n, ports, ['P0', 'P1'], { insecureSeed: 5 })),
    );
    expect(p0.pairKeys.get('P1')).toEqual(insecurePairKey(5, 'P0-P1'));
    expect(p1.pairKeys.get('P0')).toEqual(insecurePairKey(5, 'P0-P1'));
    await Promise.all([p0.close(), p1.close()]);
  });
});

describe('differences end the session at both ends', () => {
  const advice = ': start all parties with the same configuration';
  it.each<[what: string, change: Change, atP0: string, atP1: string]>([
    [
      'a value',
      {
        config: [
          ['suite', 'direct'],
          ['fractionBits', '13'],
          ['model', 'B'],
        ],
      },
      'P1 has fractionBits 13, P0 has 16',
      'P0 has fractionBits 16, P1 has 13',
    ],
    [
      'a name',
      {
        config: [
          ['suite', 'direct'],
          ['prime', '17'],
          ['model', 'A'],
        ],
      },
      'P1 has prime 17 where P0 has fractionBits 16',
      'P0 has fractionBits 16 where P1 has prime 17',
    ],
    [
      'a field too few',
      { config: CONFIG.slice(0, 2) },
      'P1 has no model where P0 has model A',
      'P0 has model A where P1 has no model',
    ],
    [
      'pair keys',
      { insecureSeed: 3 },
      'P1 has pair keys insecure, seed 3, P0 has fresh',
      'P0 has pair keys fresh, P1 has insecure, seed 3',
    ],
  ])('%s', async (_what, change, atP0, atP1) => {
    const ports = await listeners();
    const members = ['P0', 'P1', 'P2'] as const;
    const [p0, p1, p2] = [join('P0', ports, members), join('P1', ports, members, change), join('P2', ports, members)];
    const texts = await Promise.all([p0, p1, p2].map(messageOf));
    // P1 differs from both others, and notices with whichever comes first; they may learn from each other.
    expect(texts[0]).toMatch(new RegExp(`^(P2 stopped: )?${atP0}${advice}$`.replace('P0 ', 'P[02] ')));
    expect(texts[1]).toMatch(new RegExp(`^${atP1}${advice}$`.replace('P0 ', 'P[02] ')));
    expect(texts[2]).toMatch(new RegExp(`(^P2 cannot reach P1: |${advice}$)`));
  });
});

describe('time-outs and impostors', () => {
  it('names who did not come', async () => {
    const ports = await listeners();
    const p0 = join('P0', ports, NAMES, { timeoutMs: 2000 });
    const p2 = join('P2', ports, ['P0', 'P2']);
    expect(await messageOf(p0)).toBe('P0 waited 2 s for P1 and owner to connect');
    // P2 had connected and learns why there is no session.
    expect((await (await p2).failed).message).toBe('P0 stopped: P0 waited 2 s for P1 and owner to connect');
    await ports.P0.close();
    expect(await messageOf(join('P1', ports, ['P0', 'P1'], { timeoutMs: 1000 }))).toMatch(
      /^P1 cannot reach P0: no answer from ws:\/\/127\.0\.0\.1:\d+ for 1 s: .*ECONNREFUSED/,
    );
  });

  it('a listener that is not who it should be', async () => {
    const ports = await listeners();
    const impostor = join('P0', ports, ['P0', 'P1'], { identity: KeyPair.generate(), timeoutMs: 3000 });
    expect(await messageOf(join('P1', ports, ['P0', 'P1']))).toBe(
      'P0 refused the connection: a stranger, as P1: it did not prove that it has the identity key of this role',
    );
    await messageOf(impostor);
    const swapped = { ...ports, P0: ports.P2 };
    const p2 = join('P2', ports, ['P2', 'owner'], { timeoutMs: 3000 });
    expect(await messageOf(join('P1', swapped, ['P0', 'P1']))).toBe(
      'P0 refused the connection: a stranger, as P1: P2 listens here, not P0',
    );
    await messageOf(p2);
  });

  it('a party that accepts needs a listener and a known identity key', async () => {
    const ports = await listeners();
    expect(await messageOf(join('P0', ports, ['P0', 'P1'], { listener: undefined }))).toBe(
      'P0 cannot accept P1 without a listener',
    );
    const agreement = agreementsWith({ self: 'P1', identity: identities.P1, publicKeys: {} });
    expect(await messageOf(join('P1', ports, ['P0', 'P1'], { agreement }))).toBe('no identity key of P0 is known');
  });
});
