/**
 * The first messages of a connection, before it becomes a link. Who dialled is A, who listens is B:
 *
 *     A → B  hello: protocol version, session, own role, role expected of B, way of making keys, ephemeral public key, configuration
 *     B → A  hello                          (or refuse, with a reason)
 *     A → B  confirm: A's proof
 *     B → A  confirm: B's proof             (or refuse)
 *     both   compare the two hellos field by field
 *
 * Each message is JSON in one binary message of at most 64 KiB. The transcript is both hellos, byte for byte, so the proofs cover every
 * field of them; who lacks the identity key of the role it claims cannot make its proof (see random/agreement.ts). Only then are fields
 * compared, so that a stranger can neither stop a session with a wrong configuration nor learn a right one by trying.
 *
 * Hello and confirm keep this form in later protocol versions: that is how a difference in version gets a clear text.
 */
import { timingSafeEqual } from 'node:crypto';
import { ChannelError, type PeerName } from './channel.ts';
import { printable } from './frame.ts';
import { Patience } from './patience.ts';
import type { Transport } from './transport.ts';

export const PROTOCOL_VERSION = '1';

/** How this connection's keys come about; made anew for each connection. `random/agreement.ts` has one. */
export interface KeyAgreement {
  /** Ephemeral public key. */
  readonly publicKey: Uint8Array;
  /** In words; both ends must say the same. */
  readonly keys: string;
  /** Throws when the peer's key is unusable. */
  derive(
    transcript: Uint8Array,
    peerPublicKey: Uint8Array,
  ): { pairKey(): Uint8Array; proofOf(role: string): Uint8Array };
}

export interface HandshakeSide {
  readonly self: PeerName;
  readonly sessionId: string;
  /** What must agree, in an order that must agree. */
  readonly config: readonly (readonly [name: string, value: string])[];
  readonly agreement: (peer: PeerName) => KeyAgreement;
}

export interface Introduced {
  readonly peer: PeerName;
  /** Not enumerable by accident: a function. */
  readonly pairKey: () => Uint8Array;
}

/** The other end is not the peer it says it is, or not of this session: a listener turns it away and listens on. */
export class StrangerError extends ChannelError {}
/** The other end hung up before it said anything: it may not be ready yet. */
export class HungUpError extends ChannelError {}
/** The peer proved who it is, and has another configuration. */
export class MismatchError extends ChannelError {}

const MAX_MESSAGE_BYTES = 64 * 1024;
const NAMES: readonly string[] = ['P0', 'P1', 'P2', 'owner'] satisfies PeerName[];

interface Hello {
  readonly protocol: string;
  readonly session: string;
  readonly role: PeerName;
  readonly peer: string;
  readonly keys: string;
  readonly publicKey: string;
  readonly config: readonly (readonly [string, string])[];
}

/**
 * The side that dialled. Rejects with a HungUpError when it makes sense to dial again.
 * @param timeoutMs for each message of the other side
 */
export async function introduceTo(
  transport: Transport,
  side: HandshakeSide,
  peer: PeerName,
  timeoutMs: number,
): Promise<Introduced> {
  const agreement = side.agreement(peer);
  const mine = helloOf(side, peer, agreement);
  const myBytes = say(transport, mine);
  const hello = await nextMessage(transport, timeoutMs, peer);
  checkNotRefused(hello.message, peer);
  const theirs = parseHello(hello.message, peer);
  if (theirs.role !== peer || theirs.peer !== side.self) {
    throw new StrangerError(`${peer} should answer, found ${theirs.role} expecting ${printable(theirs.peer, 20)}`);
  }
  const secrets = agreement.derive(transcriptOf(myBytes, hello.bytes), fromHex(theirs.publicKey));
  say(transport, { proof: toHex(secrets.proofOf(side.self)) });
  const confirm = await nextMessage(transport, timeoutMs, peer).catch((error: unknown) => {
    throw new StrangerError(messageOf(error));
  });
  checkNotRefused(confirm.message, peer);
  checkProof(confirm.message, secrets.proofOf(peer), peer);
  const text = difference(side.self, mine, theirs);
  if (text !== undefined) throw new MismatchError(text);
  return { peer, pairKey: () => secrets.pairKey() };
}

/**
 * The side that listens. Rejects with a MismatchError when the true peer came with another configuration, and with any other error for
 * whatever does not come from a peer of this session.
 * @param refusalOf why a role is not awaited, if it is not.
 * @param timeoutMs for each message of the other side
 */
export async function welcome(
  transport: Transport,
  side: HandshakeSide,
  refusalOf: (role: PeerName) => string | undefined,
  timeoutMs: number,
): Promise<Introduced> {
  const hello = await nextMessage(transport, timeoutMs, 'a stranger');
  const theirs = parseHello(hello.message, 'a stranger');
  const peer = theirs.role;
  const who = `a stranger, as ${peer}`;
  try {
    const here = theirs.peer === side.self ? undefined : `${side.self} listens here, not ${printable(theirs.peer, 20)}`;
    const refusal = here ?? refusalOf(peer);
    if (refusal !== undefined) throw new StrangerError(`${who}: ${refusal}`);
    const agreement = side.agreement(peer);
    const mine = helloOf(side, peer, agreement);
    const myBytes = say(transport, mine);
    const secrets = agreement.derive(transcriptOf(hello.bytes, myBytes), fromHex(theirs.publicKey));
    checkProof((await nextMessage(transport, timeoutMs, who)).message, secrets.proofOf(peer), who);
    // Another connection of this peer may have come through meanwhile. From here to the caller nothing else runs.
    const late = refusalOf(peer);
    if (late !== undefined) throw new StrangerError(`${who}: ${late}`);
    say(transport, { proof: toHex(secrets.proofOf(side.self)) });
    const text = difference(side.self, mine, theirs);
    if (text !== undefined && theirs.session !== side.sessionId) throw new StrangerError(text);
    if (text !== undefined) throw new MismatchError(text);
    return { peer, pairKey: () => secrets.pairKey() };
  } catch (error) {
    // Who has proved who it is finds a difference by itself; anyone else is told why it is turned away, for what that is worth.
    if (error instanceof MismatchError) throw error;
    const refusal = error instanceof ChannelError ? error : new StrangerError(`${who}: ${messageOf(error)}`);
    say(transport, { refused: refusal.message });
    throw refusal;
  }
}

// ── comparing ──

/** The first field that differs, in words. */
function difference(self: PeerName, mine: Hello, theirs: Hello): string | undefined {
  const fields = (hello: Hello): (readonly [string, string])[] => [
    ['protocol version', hello.protocol],
    ['session', hello.session],
    ['pair keys', hello.keys],
    ...hello.config,
  ];
  const [ours, others] = [fields(mine), fields(theirs)];
  for (let i = 0; i < Math.max(ours.length, others.length); i++) {
    const [name, value] = ours[i] ?? others[i];
    const text = (field: readonly [string, string] | undefined): string => {
      if (field === undefined) return `no ${printable(name, 60)}`;
      return `${printable(field[0], 60)} ${printable(field[1], 120)}`;
    };
    if (ours[i]?.[0] !== others[i]?.[0])
      return advise(`${theirs.role} has ${text(others[i])} where ${self} has ${text(ours[i])}`);
    if (value !== others[i][1])
      return advise(`${theirs.role} has ${text(others[i])}, ${self} has ${printable(value, 120)}`);
  }
  return undefined;
}

function advise(text: string): string {
  return `${text}: start all parties with the same configuration`;
}

// ── messages ──

function helloOf(side: HandshakeSide, peer: PeerName, agreement: KeyAgreement): Hello {
  const { self, sessionId, config } = side;
  const publicKey = toHex(agreement.publicKey);
  return { protocol: PROTOCOL_VERSION, session: sessionId, role: self, peer, keys: agreement.keys, publicKey, config };
}

function parseHello(message: object, who: string): Hello {
  const hello = message as Partial<Record<keyof Hello, unknown>>;
  const texts = [hello.protocol, hello.session, hello.role, hello.peer, hello.keys, hello.publicKey];
  const isField = (field: unknown): boolean =>
    Array.isArray(field) && field.length === 2 && field.every((text) => typeof text === 'string');
  const fits =
    texts.every((text) => typeof text === 'string') &&
    NAMES.includes(hello.role as string) &&
    Array.isArray(hello.config) &&
    hello.config.every(isField);
  if (!fits) throw new StrangerError(`${who} sent no proper hello`);
  return hello as Hello;
}

function checkProof(message: object, expected: Uint8Array, who: string): void {
  const { proof } = message as { proof?: unknown };
  const found = typeof proof === 'string' ? fromHex(proof) : new Uint8Array(0);
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
    throw new StrangerError(`${who}: it did not prove that it has the identity key of this role`);
  }
}

function checkNotRefused(message: object, who: string): void {
  const { refused } = message as { refused?: unknown };
  if (typeof refused === 'string') throw new StrangerError(`${who} refused the connection: ${printable(refused)}`);
}

/** Sends one message; returns its bytes. Should the connection have ended, the next wait says so. */
function say(transport: Transport, message: object): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(message));
  transport.send([bytes])?.catch(() => undefined);
  return bytes;
}

/** The next message, as bytes and as the object they stand for. Nothing else is taken from the transport. */
function nextMessage(
  transport: Transport,
  timeoutMs: number,
  who: string,
): Promise<{ bytes: Uint8Array; message: object }> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void): void => {
      patience.cancel();
      transport.detach();
      act();
    };
    const late = (): void => end(() => reject(new StrangerError(`${who}: no answer in the handshake`)));
    const patience = new Patience(timeoutMs, late);
    transport.attach({
      onFrame: (parts) => {
        end(() => {
          try {
            resolve(parseMessage(parts, who));
          } catch (error) {
            reject(error instanceof Error ? error : new StrangerError(String(error)));
          }
        });
      },
      onClose: (reason) => end(() => reject(new HungUpError(`${who} hung up in the handshake: ${printable(reason)}`))),
    });
  });
}

function parseMessage(parts: readonly Uint8Array[], who: string): { bytes: Uint8Array; message: object } {
  const bytes = Buffer.concat(parts);
  if (bytes.length > MAX_MESSAGE_BYTES)
    throw new StrangerError(`${who}: a message of ${bytes.length} bytes in the handshake`);
  let message: unknown;
  try {
    message = JSON.parse(bytes.toString('utf8'));
  } catch {
    // Said below.
  }
  if (typeof message !== 'object' || message === null)
    throw new StrangerError(`${who}: not a message of the handshake`);
  return { bytes, message };
}

function transcriptOf(dialler: Uint8Array, listener: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(dialler.length);
  return Buffer.concat([length, dialler, listener]);
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
