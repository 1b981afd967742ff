/**
 * The key by which ranks of one party know each other, where they are processes: a TLS key of the party's own that no other party or client ever
 * sees. A host of a rank needs it and nothing else that is secret; whoever has it can take the place of a rank, and then has what this party has
 * of a job.
 */
import { existsSync } from 'node:fs';
import type { LinkTls } from '../../channel/pins.ts';
import { Problem } from '../../data/problem.ts';
import { makeTlsKey, readCertificate, renewCertificate } from '../../federation/certificate.ts';
import type { Role } from '../../federation/card.ts';
import { readSecret, writeSecret } from '../../federation/secret-file.ts';

const HOSTS = ['localhost'];

export async function makeRanksKey(role: Role, path: string, passphrase: string | undefined): Promise<void> {
  const { key } = await makeTlsKey({ name: `ranks of ${role}`, hosts: HOSTS });
  await writeSecret(path, 'ranks-key', Buffer.from(key), { passphrase });
}

/** What both ends of a link within the party show, and take. */
export async function readRanksTls(role: Role, path: string, passphrase: string | undefined): Promise<LinkTls> {
  if (!existsSync(path))
    throw new Problem(
      `${path}: there is no key by which ranks know each other`,
      'make one (securenn party rotate ranks), and bring it to the hosts of all ranks',
    );
  const key = Buffer.from(await readSecret(path, 'ranks-key', passphrase)).toString('utf8');
  // What a certificate says plays no part: its key is pinned, at both ends.
  const { certificate } = await renewCertificate(key, { name: `ranks of ${role}`, hosts: HOSTS });
  return { key, certificate, pins: { [role]: [readCertificate(certificate, path).pin] } };
}
