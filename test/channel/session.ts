/** Parties on this machine that form meshes: what tests of meshes and of strangers share. */
import type { PeerName } from '../../src/channel/channel.ts';
import { openListener, type ListenOptions, type Listener } from '../../src/channel/listener.ts';
import { openMesh, type Mesh, type MeshOptions } from '../../src/channel/mesh.ts';
import type { LinkTls } from '../../src/channel/pins.ts';
import { agreementsWith } from '../../src/random/agreement.ts';
import { KeyPair } from '../../src/random/keys.ts';

export const HOST = '127.0.0.1';
export const NAMES: PeerName[] = ['P0', 'P1', 'P2', 'owner'];
export const identities = Object.fromEntries(NAMES.map((name) => [name, KeyPair.generate()])) as Record<
  PeerName,
  KeyPair
>;
export const publicKeys = Object.fromEntries(NAMES.map((name) => [name, identities[name].publicKey])) as Record<
  PeerName,
  Uint8Array
>;
export const CONFIG: [string, string][] = [
  ['suite', 'direct'],
  ['fractionBits', '16'],
  ['model', 'A'],
];

/** What a test opened, ended after it. */
export const opened: { end: () => unknown }[] = [];
/** Ends all that a test opened. */
export async function endAll(): Promise<void> {
  for (const { end } of opened.splice(0).reverse()) await end();
}

/** @param tls what each shows and takes; without it there is none */
export async function listeners(
  tls: (name: PeerName) => LinkTls | undefined = () => undefined,
  options: Partial<ListenOptions> = {},
): Promise<Record<PeerName, Listener>> {
  const all = await Promise.all(
    NAMES.map(async (name) => [name, await openListener({ host: HOST, port: 0, tls: tls(name), ...options })] as const),
  );
  for (const [, listener] of all) opened.push({ end: () => listener.close() });
  return Object.fromEntries(all) as Record<PeerName, Listener>;
}

export interface Change extends Partial<MeshOptions> {
  readonly identity?: KeyPair;
  readonly insecureSeed?: number;
}

/** One party among `members`, by the convention: later ones dial earlier ones. */
export function join(
  self: PeerName,
  ports: Record<PeerName, Listener>,
  members: readonly PeerName[],
  change: Change = {},
): Promise<Mesh> {
  const { identity = identities[self], insecureSeed, ...options } = change;
  const rank = NAMES.indexOf(self);
  const scheme = options.tls === undefined ? 'ws' : 'wss';
  const mesh = openMesh({
    self,
    agreement: agreementsWith({ self, identity, publicKeys, insecureSeed }),
    sessionId: 'session-1',
    config: CONFIG,
    listener: ports[self],
    dial: Object.fromEntries(
      members
        .filter((name) => NAMES.indexOf(name) < rank)
        .map((name) => [name, `${scheme}://${HOST}:${ports[name].port}`]),
    ),
    accept: members.filter((name) => NAMES.indexOf(name) > rank),
    // For what does not come; what comes may take its time.
    timeoutMs: 30_000,
    ...options,
  });
  void mesh.then(
    (m) => opened.push({ end: () => m.abortAll('the test is over') }),
    () => undefined,
  );
  return mesh;
}

export const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );
