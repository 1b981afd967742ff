/** party.json: what the operator of a party decides. JSON with comments; what is left out has the value below. */
import { open, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as z from 'zod';
import { faultOf } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';
import type { HostPort } from '../federation/address.ts';
import { ROLES, type Role } from '../federation/card.ts';
import { checkForm, COMMENTED, parseJson } from '../federation/form.ts';
import { BACKENDS, type ComputeSettings } from '../server/compute.ts';
import { MOST_RANKS } from '../nn/ranks.ts';
import { LOG_LEVELS, type LogLevel } from '../server/log-levels.ts';

export interface PartyConfig {
  readonly role: Role;
  /** Where HTTPS is bound; the card says where others find it. */
  readonly listen: HostPort;
  /** Where links are bound. */
  readonly links: HostPort;
  /** Health, metrics and log level, for this organisation alone; no password, no TLS. */
  readonly private: HostPort;
  /** Origins of pages that may ask this party, `https://example.org`; those of nobody where none is named. */
  readonly pages: readonly string[];
  /** Plain HTTP on 127.0.0.1, for pages on this very machine: demonstrations and development. */
  readonly local?: { readonly port: number } | undefined;
  readonly federation: string;
  /** A file whose first line opens the key files. */
  readonly passphraseFile?: string | undefined;
  /** Certificate and key that `address` shows instead of the pinned ones, where the card's trust is not `pinned`; PEM files. */
  readonly publicTls?: { readonly key: string; readonly certificate: string } | undefined;
  readonly compute: Pick<ComputeSettings, 'backend' | 'fallbackAdapter' | 'workers'>;
  /** That compute parts of a batch side by side (docs/ranks.md). */
  readonly ranks: number;
  readonly patience: {
    /** How long a job's link may be broken before the attempt ends. */
    readonly linkSeconds: number;
    /** How long a party may be away before the job fails. */
    readonly partySeconds: number;
    /** How long a link may do nothing while all parties are there. */
    readonly stepSeconds: number;
  };
  readonly limits: {
    /** Connections at the same time, of anybody. */
    readonly connections: number;
    /** Of visitors, whom nobody admitted: images a minute from one address, in sessions that answer anyone. */
    readonly visitorImagesPerMinute: number;
    /** Uploads under way at the same time, of one owner. */
    readonly uploadsPerOwner: number;
    /** What all jobs together may take. */
    readonly memoryGiB: number;
    /** Free space below which nothing new is taken. */
    readonly freeDiskGiB: number;
    /** An upload that nobody went on with is removed after this. */
    readonly uploadDays: number;
  };
  readonly certificateWarningDays: number;
  readonly log: { readonly level: LogLevel; readonly file?: string | undefined };
}

const port = z.int().min(0).max(65_535);
const hostPort = (host: string, fallback: number): z.ZodType<HostPort> =>
  z.strictObject({ host: z.string().min(1).default(host), port: port.default(fallback) }).prefault({});
const seconds = z.number().positive().max(86_400);
const file = z.string().min(1);

const ORIGIN = 'expected the origin of a page: https://example.org, without a path';

/** As browsers write it: `*` and `null` are none. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const configSchema: z.ZodType<PartyConfig> = z.strictObject({
  role: z.enum(['P0', 'P1', 'P2']),
  listen: hostPort('0.0.0.0', 7600),
  links: hostPort('0.0.0.0', 7601),
  private: hostPort('127.0.0.1', 7602),
  pages: z.array(z.string().refine(isOrigin, ORIGIN)).max(64).default([]),
  // No host may be named: whoever reaches it needs no certificate.
  local: z.strictObject({ port }).optional(),
  federation: file.default('federation.json'),
  passphraseFile: file.optional(),
  publicTls: z.strictObject({ key: file, certificate: file }).optional(),
  compute: z
    .strictObject({
      backend: z.enum(BACKENDS).default('auto'),
      fallbackAdapter: z.boolean().default(false),
      workers: z
        .int()
        .min(1)
        .max(256)
        .default(Math.max(1, availableParallelism() - 1)),
    })
    .prefault({}),
  ranks: z.int().min(1).max(MOST_RANKS).default(1),
  patience: z
    .strictObject({
      linkSeconds: seconds.default(120),
      partySeconds: seconds.default(900),
      stepSeconds: seconds.default(60),
    })
    .prefault({}),
  limits: z
    .strictObject({
      connections: z.int().min(8).max(100_000).default(512),
      visitorImagesPerMinute: z.int().min(1).max(1_000_000).default(60),
      uploadsPerOwner: z.int().min(1).max(1000).default(4),
      memoryGiB: z.number().positive().default(8),
      freeDiskGiB: z.number().min(0).default(1),
      uploadDays: z.number().positive().default(7),
    })
    .prefault({}),
  certificateWarningDays: z.int().min(0).max(3650).default(30),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info'), file: file.optional() }).prefault({}),
});

/** Where everything of a party lies, in its folder. */
export interface PartyPaths {
  readonly folder: string;
  readonly config: string;
  readonly identity: string;
  /** The identity to come, while `party rotate` is at it. */
  readonly nextIdentity: string;
  /** The identity before, while it still counts. */
  readonly previousIdentity: string;
  readonly tlsKey: string;
  readonly tlsCertificate: string;
  /** The TLS key to come, between `party rotate` and the new federation file. */
  readonly nextTlsKey: string;
  readonly nextTlsCertificate: string;
  readonly storageKeys: string;
  /** What ranks of the party know each other by. */
  readonly ranksKey: string;
  readonly members: string;
  readonly audit: string;
  readonly state: string;
}

export function pathsOf(folder: string): PartyPaths {
  const at = (name: string): string => join(folder, name);
  return {
    folder,
    config: at('party.json'),
    identity: at('identity.key'),
    nextIdentity: at('identity.next.key'),
    previousIdentity: at('identity.previous.key'),
    tlsKey: at('tls.key'),
    tlsCertificate: at('tls.crt'),
    nextTlsKey: at('tls.next.key'),
    nextTlsCertificate: at('tls.next.crt'),
    storageKeys: at('storage.key'),
    ranksKey: at('ranks.key'),
    members: at('members.json'),
    audit: at('audit.log'),
    state: at('state'),
  };
}

/** Fields of `party.json`. */
export type PartySettings = Readonly<Record<string, unknown>>;

/** @param settings what counts in place of the file's fields of these names */
export function parseConfig(text: string, source: string, settings?: PartySettings): PartyConfig {
  const origin = { source, fix: 'see docs/operate.md for what may stand there' };
  const json = parseJson(text, origin, COMMENTED);
  if (settings === undefined) return checkForm(configSchema, json, origin);
  const changed = { ...origin, source: `${source}, with the settings given` };
  return checkForm(configSchema, { ...(json as object), ...settings }, changed);
}

/** @param folder that of `party init`; paths in the file are relative to it */
export async function readConfig(folder: string, settings?: PartySettings): Promise<PartyConfig> {
  const { config: path } = pathsOf(folder);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const roles = ROLES.join('|');
    throw new Problem(
      `${path}: cannot be read: ${faultOf(error)}`,
      `give the party's folder to --dir, or make it: securenn party init --role ${roles} --address HOST:7600 --dir ${folder}`,
    );
  });
  const config = parseConfig(text, path, settings);
  const within = (name: string): string => (isAbsolute(name) ? name : join(folder, name));
  const { passphraseFile, publicTls, log } = config;
  return {
    ...config,
    federation: within(config.federation),
    ...(passphraseFile === undefined ? {} : { passphraseFile: within(passphraseFile) }),
    ...(publicTls === undefined
      ? {}
      : { publicTls: { key: within(publicTls.key), certificate: within(publicTls.certificate) } }),
    log: { level: log.level, ...(log.file === undefined ? {} : { file: within(log.file) }) },
  };
}

/** What opens the key files: of the file that the configuration names, else of the environment. */
export async function readPassphrase(
  { passphraseFile }: Pick<PartyConfig, 'passphraseFile'>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  if (passphraseFile === undefined) return environment.SECURENN_PASSPHRASE || undefined;
  const fix = 'see passphraseFile in party.json';
  const text = await readPrivately(passphraseFile).catch((error: unknown) => {
    if (error instanceof Problem) throw error;
    throw new Problem(`${passphraseFile}: the passphrase cannot be read: ${faultOf(error)}`, fix);
  });
  const [line] = text.split(/\r?\n/);
  if (line === '') throw new Problem(`${passphraseFile}: its first line is empty`, 'put the passphrase there');
  return line;
}

const EVERYBODY = 0o007;

/** Its group may: that is how systems hand secrets to a service. */
async function readPrivately(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { mode } = await handle.stat();
    if (process.getuid !== undefined && (mode & EVERYBODY) !== 0)
      throw new Problem(`${path}: everybody can read the passphrase`, `chmod 600 ${path}, and change the passphrase`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** The file that `party init` writes. */
export function initialConfig(
  config: Pick<PartyConfig, 'role' | 'listen' | 'links' | 'private'> & { readonly passphraseFile?: string | undefined },
): string {
  const at = ({ host, port }: HostPort): string => `{ "host": ${JSON.stringify(host)}, "port": ${port} }`;
  const { passphraseFile } = config;
  return `// What the operator of this party decides. Every other setting, and what it does: docs/operate.md
{
  "role": "${config.role}",
  // HTTPS, for clients and the other two parties.
  "listen": ${at(config.listen)},
  // Links of jobs, for the other two parties alone.
  "links": ${at(config.links)},
  // Health and metrics, for this organisation alone.
  "private": ${at(config.private)},
  "federation": "federation.json",${passphraseFile === undefined ? '' : `\n  "passphraseFile": ${JSON.stringify(passphraseFile)},`}
  "log": { "level": "info" }
}
`;
}
