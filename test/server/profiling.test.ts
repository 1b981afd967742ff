/** A party's side of a profile: its clock, what it counts from, and the file it leaves. */
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Link, PeerName } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';
import { decodePart } from '../../src/profile/part.ts';
import { rankCounters, type RankCounters } from '../../src/profile/rank-counters.ts';
import { Recorder } from '../../src/profile/recorder.ts';
import { partFile, Profiling } from '../../src/server/profiling.ts';
import { temporaryFolder } from '../folder.ts';

const NAMES = ['P0', 'P1', 'P2'] as const;
const AHEAD = { P0: 0, P1: 5000, P2: -3000 } as const;

/** All three parties, with clocks set apart. */
async function open(
  folder: string,
  ranks?: () => readonly RankCounters[],
): Promise<{ parties: Profiling[]; links: Map<PeerName, Link>[] }> {
  const links = NAMES.map(() => new Map<PeerName, Link>());
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ]) {
    const [a, b] = memoryPair(NAMES[i], NAMES[j]);
    links[i].set(NAMES[j], a);
    links[j].set(NAMES[i], b);
  }
  const parties = await Promise.all(
    NAMES.map((party, i) => {
      const recorder = new Recorder({ now: () => performance.now() + AHEAD[party], events: 16 });
      return Profiling.open({ folder, party, session: 'one', links: links[i], ranks }, recorder);
    }),
  );
  return { parties, links };
}

describe('profiling', () => {
  it("finds each clock against P0's, and leaves those messages out of what it counts", async () => {
    const { parties, links } = await open('nowhere');
    let rounds = 5; // of a warm-up
    for (const party of parties) party.begin(() => rounds);
    rounds += 7;
    await links[1].get('P0')!.send('x', new Uint8Array(100), 1);
    parties.forEach((party, i) => {
      const part = decodePart(party.part(true), 'part');
      expect(part).toMatchObject({ session: 'one', party: NAMES[i], rounds: 7, complete: true });
      expect(Math.abs(part.clock.offsetMs + AHEAD[NAMES[i]])).toBeLessThanOrEqual(part.clock.uncertaintyMs + 1e-3);
      const payload = part.traffic.map(({ peer, payloadBytes }) => [peer, payloadBytes]);
      expect(payload.filter(([, bytes]) => bytes !== 0)).toEqual(i === 1 ? [['P0', 100]] : []);
      party.end(false);
    });
  });

  it('tells of several ranks what each spent since the protocols started', async () => {
    const of = (all: number): RankCounters => rankCounters(() => all);
    let ranks = [of(1), of(2)];
    const { parties } = await open('nowhere', () => ranks);
    parties[2].begin(() => 0);
    ranks = [of(1.5), of(4)];
    expect(decodePart(parties[2].part(true), 'part').ranks).toEqual([of(0.5), of(2)]);
    parties[2].end(false);
    const { parties: alone } = await open('nowhere');
    expect(decodePart(alone[0].part(true), 'part').ranks).toBeUndefined();
  });

  it('leaves a whole file at the end, also of a party that never began', async () => {
    const folder = temporaryFolder('profile');
    const { parties } = await open(folder);
    parties[0].begin(() => 0);
    parties[0].end(true);
    parties[1].end(false);
    expect(decodePart(readFileSync(partFile(folder, 'P0')), 'P0').complete).toBe(true);
    expect(decodePart(readFileSync(partFile(folder, 'P1')), 'P1')).toMatchObject({ complete: false, rounds: 0 });
    expect(existsSync(`${partFile(folder, 'P0')}.tmp`)).toBe(false);
  });

  it('does not fail a party whose folder has gone', async () => {
    const { parties } = await open(join(tmpdir(), 'securenn-profile-that-is-not-there'));
    parties[2].begin(() => 0);
    expect(() => parties[2].end(true)).not.toThrow();
  });
});
