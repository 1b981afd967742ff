/** Parties in this process: started, asked, ended, and started again from the same folder. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type LocalFederation, Problem, startFederation, startParty } from '../../src/api/server.ts';
import { parseFederation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { temporaryFolder } from '../folder.ts';

const running: LocalFederation[] = [];
afterAll(async () => {
  for (const local of running) await local.close();
});

async function started(...options: Parameters<typeof startFederation>): Promise<LocalFederation> {
  const local = await startFederation(...options);
  running.push(local);
  return local;
}

const answers = (address: string): Promise<boolean> =>
  fetch(`http://${address}/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

it('a federation has three parties, each with a folder, keys and ports of its own; closed, it leaves nothing', async () => {
  const local = await started();
  const { parties } = parseFederation(local.federation, 'federation.json');
  for (const role of ['P0', 'P1', 'P2'] as const) {
    const party = local.parties[role];
    expect(party.role).toBe(role);
    expect(parties[role].address).toBe(party.addresses.https);
    expect(parties[role].links).toBe(party.addresses.links);
    expect(await party.ready()).toEqual({ ready: true });
    expect(await answers(party.addresses.private)).toBe(true);
    expect(existsSync(join(local.dir, role, 'identity.key'))).toBe(true);
  }
  await local.close();
  expect(existsSync(local.dir)).toBe(false);
  for (const party of Object.values(local.parties)) {
    expect(await answers(party.addresses.private)).toBe(false);
    expect(await party.ready()).toEqual({ ready: false, reason: 'it has ended' });
  }
  await local.close();
});

it('a folder that was given stays, its settings with it, and its party starts again', async () => {
  const dir = join(temporaryFolder('api'), 'parties');
  const lines: string[] = [];
  const log = { level: 'info', write: (line: string) => void lines.push(line) } as const;
  const settings = (role: string) => ({ limits: { memoryGiB: role === 'P1' ? 2 : 1 } });
  const local = await started({ dir, settings, log: () => log });
  expect(lines.filter((line) => line.includes('"serving"'))).toHaveLength(3);
  expect(JSON.parse(readFileSync(join(dir, 'P1', 'party.json'), 'utf8'))).toMatchObject({ limits: { memoryGiB: 2 } });
  const taken = startParty({ dir: join(dir, 'P1') });
  await expect(taken).rejects.toBeInstanceOf(Problem);
  await local.parties.P1.drain();
  const again = await startParty({ dir: join(dir, 'P1') });
  expect(again.addresses).toEqual(local.parties.P1.addresses);
  expect(await again.ready()).toEqual({ ready: true });
  await again.close();
  const wanted = { private: { port: 0 }, local: { port: 0 }, pages: ['http://localhost:5173'] };
  const changed = await startParty({ dir: join(dir, 'P1'), settings: wanted });
  const { addresses } = changed;
  expect(addresses).toMatchObject({ https: again.addresses.https, links: again.addresses.links });
  for (const address of [addresses.private, addresses.local]) expect(address).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
  expect(await answers(addresses.private)).toBe(true);
  expect(await answers(again.addresses.private)).toBe(false);
  const hello = await fetch(`http://${addresses.local}/v1/hello`, { headers: { origin: wanted.pages[0] } });
  expect(hello.headers.get('access-control-allow-origin')).toBe(wanted.pages[0]);
  await changed.close();
  const unknown = startParty({ dir: join(dir, 'P1'), settings: { limit: 1 } });
  await expect(unknown).rejects.toThrow(/party\.json, with the settings given/);
  await local.close();
  expect(existsSync(join(dir, 'P0', 'audit.log'))).toBe(true);
  const others = startFederation({ dir });
  await expect(others).rejects.toThrow(/a party lives in this folder/);
  expect(existsSync(join(dir, 'P0', 'audit.log'))).toBe(true);
});

it('who is admitted is a member at all three at once; a name is taken once', async () => {
  const local = await started();
  await local.admit(Identity.generate(), 'me', ['client']);
  await local.admit(Identity.generate(), 'you');
  for (const role of ['P0', 'P1', 'P2']) {
    const text = readFileSync(join(local.dir, role, 'members.json'), 'utf8');
    const { members } = JSON.parse(text) as { members: { name: string; roles: string[] }[] };
    expect(members.map(({ name, roles }) => [name, roles.length])).toEqual([
      ['me', 1],
      ['you', 3],
    ]);
  }
  await expect(local.admit(Identity.generate(), 'me')).rejects.toBeInstanceOf(Problem);
  await local.close();
});

it('a folder of no party is refused', async () => {
  const dir = temporaryFolder('api');
  await expect(startParty({ dir })).rejects.toThrow(/party\.json: cannot be read/);
});
