/** Hosts of ranks: whom they answer and whom they refuse; and what a party makes of ranks that it lacks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { checkOwnPlace } from '../../src/cli/federation/serve-rank.ts';
import type { LinkTls } from '../../src/channel/pins.ts';
import type { HostPort } from '../../src/federation/address.ts';
import { KeyPair } from '../../src/random/keys.ts';
import { createLog } from '../../src/server/log.ts';
import { askRank, RankProcesses } from '../../src/server/ranks/processes.ts';
import { lacksRanks } from '../../src/service/jobs/admission.ts';
import { makeRanksKey, readRanksTls } from '../../src/service/ranks/key.ts';
import type * as builtHost from '../../src/service/ranks/host.ts';
import { RankHost, type RankHostOptions } from '../../src/service/ranks/host.ts';
import { importBuilt } from '../built.ts';
import { temporaryFolder } from '../folder.ts';
import { approve, begin } from './jobs/begun.ts';
import { makeFederation } from './parties.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';

const HOST = '127.0.0.1';
const log = createLog('P0', 'silent', { write: () => undefined });
let own: LinkTls;
let other: LinkTls;
beforeAll(async () => {
  const folder = temporaryFolder('ranks-key');
  const key = async (name: string, passphrase?: string): Promise<LinkTls> => {
    await makeRanksKey('P0', join(folder, name), passphrase);
    return readRanksTls('P0', join(folder, name), passphrase);
  };
  [own, other] = [await key('own.key', 'open'), await key('other.key')];
});

const hosts: Pick<RankHost, 'close' | 'instance'>[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

async function host(
  changes: Partial<RankHostOptions> = {},
  type: Pick<typeof RankHost, 'open'> = RankHost,
): Promise<HostPort> {
  const options = {
    party: 'P0',
    rank: 1,
    size: 3,
    listen: { host: HOST, port: 0 },
    at: () => [],
    tls: own,
    log,
  } as const;
  const opened = await type.open({ ...options, ...changes });
  hosts.push(opened);
  return { host: HOST, port: opened.port };
}

const ask = (at: HostPort, tls: LinkTls = own, timeoutMs = 500): Promise<string> =>
  askRank({ party: 'P0', tls, at: [at, at] }, 1, timeoutMs);

describe('the host of a rank', () => {
  it('says who is there, to whoever has the key of the ranks', async () => {
    const at = await host();
    expect(await ask(at)).toBe(hosts[0].instance);
  });

  it.each([
    ['another number of ranks', { size: 2 }, 'it was started as one of 2 ranks, rank 0 as one of 3'],
    ['another rank', { rank: 2 }, 'rank 2 answers there'],
    ['another party', { party: 'P1' as const }, 'it is a rank of P1'],
  ])('of %s: the error names both', async (_, changes, complaint) => {
    // The same key, under the name of another party.
    const tls = 'party' in changes ? { ...own, pins: { P1: own.pins.P0! } } : own;
    const at = await host({ ...changes, tls });
    await expect(ask(at)).rejects.toThrow(`rank 1 of P0 is expected at ${HOST}:${at.port}: ${complaint}`);
  });

  it('is not taken for a rank, and takes nobody for rank 0, without that key', async () => {
    const at = await host();
    await expect(ask(at, other)).rejects.toThrow(/rank 1 of P0 does not come: .*a key with pin/);
    const theirs = await host({ tls: other });
    await expect(ask(theirs, { ...own, pins: other.pins })).rejects.toThrow('rank 1 of P0 does not come');
  });

  it('that is not there, or says nothing: the error names the rank, in time', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, HOST, resolve));
    const { port } = silent.address() as AddressInfo;
    await expect(ask({ host: HOST, port })).rejects.toThrow(`rank 1 of P0 does not come: ${HOST}:${port}`);
    silent.close();
    await expect(ask({ host: HOST, port: 1 })).rejects.toThrow('rank 1 of P0 does not come');
  });

  it('shows strangers nothing', async () => {
    const at = await host();
    const { connect } = await import('node:tls');
    for (const ALPNProtocols of [[], ['securenn/0123456789abcdef0123456789abcdef']]) {
      const shown = await new Promise<boolean>((resolve) => {
        const socket = connect({ ...at, rejectUnauthorized: false, ALPNProtocols });
        socket
          .on('secureConnect', () => resolve(true))
          .on('error', () => resolve(false))
          .on('close', () => resolve(false));
      });
      expect(shown).toBe(false);
    }
  });
});

describe('attempts of jobs', () => {
  it('of one job that begin at once get one process, those of others their own: the first has ended before the second begins', async () => {
    const pids: number[] = [];
    const write = (line: string): void => {
      const { pid, msg } = JSON.parse(line) as { readonly pid?: number; readonly msg?: string };
      if (msg === 'begins an attempt') pids.push(pid!);
    };
    const built = await importBuilt<typeof builtHost>('src/service/ranks/host.js');
    const at = await host({ size: 2, log: createLog('P0', 'info', { write }) }, built.RankHost);
    const begin = (job = '0a'.repeat(32)): Promise<RankProcesses> =>
      RankProcesses.open({
        ...{ party: 'P0', at: [at], tls: own, job, identity: KeyPair.generate(), onRefused: () => undefined },
      });
    const first = await begin();
    // Both find the process of the first one, and wait until it has ended.
    const outcomes = await Promise.allSettled([begin(), begin()]);
    expect(outcomes.map(({ status }) => status)).toContain('fulfilled');
    await expect(first.failed).resolves.toMatchObject({ message: expect.stringContaining('rank 1') as string });
    const alive = (): number[] => pids.filter(isAlive);
    await vi.waitFor(() => expect(alive()).toHaveLength(1), { timeout: 60_000 });
    expect(pids).toHaveLength(3);
    // That of another job runs beside it: a session answers while a network is trained.
    const beside = await begin('0b'.repeat(32));
    expect(alive()).toHaveLength(2);
    expect(await Promise.race([beside.failed, Promise.resolve('no failure')])).toBe('no failure');
    await hosts[0].close();
    expect(alive()).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a party that cannot start', () => {
  it('leaves no host of a rank behind', async () => {
    const { P0 } = (await makeFederation()).parties;
    const path = join(P0.folder, 'party.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"log":', '"ranks": 3, "log":'));
    const listens = ({ host, port }: HostPort): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connectTcp(port, host);
        socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
      });
    const ranksAt = (): readonly HostPort[] => P0.jobs.parts!.ranks!.at;
    P0.onOpening = async () => {
      expect(await Promise.all(ranksAt().map(listens))).toEqual([true, true]);
      throw new Error('the disk is broken');
    };
    await expect(P0.start()).rejects.toThrow('the disk is broken');
    expect(await Promise.all(ranksAt().map(listens))).toEqual([false, false]);
    P0.onOpening = () => Promise.resolve();
    await P0.start();
    await P0.stop();
    expect(await Promise.all(ranksAt().map(listens))).toEqual([false, false]);
  });
});

describe('a process that begins as a rank', () => {
  const check = (mine: number, at: HostPort): Promise<void> =>
    checkOwnPlace(hosts[mine], { party: 'P0', tls: own, at: [at, at] }, 1);
  let warn: MockInstance<typeof console.error>;
  beforeEach(() => {
    warn = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => warn.mockRestore());

  it('goes on where it finds itself at its place', async () => {
    await check(0, await host());
    expect(warn).not.toHaveBeenCalled();
  });

  it('ends where another process of the same rank is there first', async () => {
    const first = await host();
    await host();
    await expect(check(1, first)).rejects.toThrow(
      `rank 1: another process answers at ${HOST}:${first.port}: two have the same rank`,
    );
  });

  it('ends where another rank is there, of which others are told no address', async () => {
    const second = await host({ rank: 2 });
    await host();
    await expect(check(1, second)).rejects.toMatchObject({
      message: `rank 1 of P0 is expected at ${HOST}:${second.port}: rank 2 answers there`,
      told: 'rank 1 of P0 is another one: rank 2 answers there',
    });
  });

  it('warns and waits where nobody is there yet: a name may take a while until it leads to it', async () => {
    await host();
    await check(0, { host: HOST, port: 1 });
    expect(warn.mock.calls.join()).toMatch(/does not find itself .*rank 1 of P0 does not come/);
  });
});

describe('a job for several ranks', () => {
  const pool = (size: number, missing?: string) => ({ size, missing: () => Promise.resolve(missing) });

  it('is refused by a party that has fewer, waits for one that is missing, and begins where all are there', async () => {
    expect(await lacksRanks(1, undefined, false)).toBeUndefined();
    expect(await lacksRanks(2, undefined, false)).toMatchObject({
      refused: 'the job is for 2 ranks of each party, and it has one',
      over: 'refused',
    });
    expect(await lacksRanks(4, pool(3), false)).toMatchObject({ refused: /for 4 .* it has 3/, over: 'refused' });
    const gone = await lacksRanks(2, pool(3, 'rank 1 of P1 does not come'), false);
    expect(gone?.refused).toBe('rank 1 of P1 does not come');
    expect(gone?.over).toBeUndefined();
    // A training that has begun is not given up because of how one party was started again.
    expect((await lacksRanks(4, pool(3), true))?.over).toBeUndefined();
    expect(await lacksRanks(3, pool(3), false)).toBeUndefined();
  });

  it('ends with the reason at all three where parties have other numbers of ranks', async () => {
    const { three, document } = await begin({ ranks: 2, microBatch: 2 }, (made) => {
      const places = { at: [{ host: HOST, port: 1 }], tls: own, here: 1, announced: () => [`${HOST}:1`] };
      for (const party of ['P0', 'P2'] as const) made.ranks[party] = { ...places, ...pool(2) };
    });
    const job = await three.propose(document);
    await approve(three, job);
    await three.until(job, ['refused']);
    for (const party of PARTY_NAMES)
      expect(three.said(party, job)).toContain('the job is for 2 ranks of each party, and it has one');
  });

  it('is refused where a batch has fewer parts than ranks', async () => {
    const { three, document } = await begin({ ranks: 3, microBatch: 2 });
    const job = await three.propose(document);
    await three.until(job, ['refused']);
    expect(three.said('P0', job)).toContain('ranks: a batch has 2 parts, too few for 3 ranks');
  });
});
