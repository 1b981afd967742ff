/**
 * The first messages of a connection, before it becomes a link. Who dialled is A, who listens is B:
 *
 *     A → B  hello: protocol version, own role, role expected of B, ephemeral public key
 *     B → A  hello                          (or refuse, with a reason)
 *     A → B  confirm: A's proof
 *     B → A  confirm: B's proof             (or refuse)
 *     A → B  terms: session, way of making keys, configuration; sealed for B
 *     B → A  terms, sealed for A            (or refuse)
 *     both   compare the two terms field by field
 *
 * Each message is JSON in one binary message of at most 64 KiB. Both proofs cover both hellos, byte for byte; who lacks the identity key
 * of the role it claims cannot make its proof (see random/agreement.ts). Terms are sealed under keys that depend on both hellos, and the
 * pair key depends on every byte of hellos and terms. So a stranger learns nothing of a session, neither by asking nor by listening,
 * and can neither change one nor stop it with a wrong configuration; and it can make this side keep two messages at most.
 *
 * A hello keeps its fields in later protocol versions: that is how a difference in version gets a clear text.
 */
import { timingSafeEqual } from 'node:crypto';
import { ChannelError, type PeerName } from './channel.ts';
import { printable } from './frame.ts';
import { Patience } from './patience.ts';
import type { Transport } from './transport.ts';

/** In version 1 session and configuration were part of the hello. */
export const PROTOCOL_VERSION = '2';

/** How this connection's keys come about; made anew for each connection. `random/agreement.ts` has one. */
export interface KeyAgreement {
  /** Ephemeral public key. */
  readonly publicKey: Uint8Array;
  /** In words; both ends must say the same. */
  readonly keys: string;
  /** Throws when the peer's key is unusable. */
  derive(hellos: Uint8Array, peerPublicKey: Uint8Array): HandshakeSecrets;
}

interface HandshakeSecrets {
  proofOf(role: string): Uint8Array;
  seal(role: string, text: Uint8Array): Uint8Array;
  /** Undefined: that role has not sealed this. */
  unseal(role: string, sealed: Uint8Array): Uint8Array | undefined;
  pairKey(terms: Uint8Array): Uint8Array;
}

export interface HandshakeSide {
  readonly self: PeerName;
  readonly sessionId: string;
  /** What must agree, in an order that must agree. */
  readonly config: readonly (readonly [name: string, value: string])[];
  readonly agreement: (peer: PeerName) => KeyAgreement;
}

/** Whom a listener takes. */
export interface Door {
  accepts(role: PeerName): boolean;
  isConnected(role: PeerName): boolean;
}

export interface HandshakeOptions {
  /** How long the first message may take, which a true peer sends at once. By default as long as the others. */
  readonly helloMs?: number;
  /** How long each message may take. */
  readonly timeoutMs: number;
  /** Told once the other side has proved who it is. */
  readonly onProved: () => void;
}

export interface Introduced {
  readonly peer: PeerName;
  /** Not enumerable by accident: a function. */
  readonly pairKey: () => Uint8Array;
}

/** The other end is not the peer it says it is, or not of this session: a listener turns it away and listens on. */
export class StrangerError extends ChannelError {}
/** The other end hung up or fell silent before all was said: if it is the true peer, another connection may come through. */
export class HungUpError extends ChannelError {}
/** The peer proved who it is, and has another session in mind. */
class OtherSessionError extends StrangerError {}
/** The peer proved who it is, and has another configuration. */
export class MismatchError extends ChannelError {}

/** Messages that each side sends before its proof has been checked. */
export const MESSAGES_BEFORE_PROOF = 2;
export const MAX_MESSAGE_BYTES: number = 64 * 1024;
const NAMES: readonly string[] = ['P0', 'P1', 'P2', 'owner'] satisfies PeerName[];

/** All that a stranger gets to read. */
interface Hello {
  readonly protocol: string;
  readonly role: PeerName;
  readonly peer: string;
  readonly publicKey: string;
}

interface Terms {
  readonly session: string;
  readonly keys: string;
  readonly config: readonly (readonly [string, string])[];
}

/** The side that dialled. Rejects with a HungUpError when it makes sense to dial again. */
export async function introduceTo(
  transport: Transport,
  side: HandshakeSide,
  peer: PeerName,
  { timeoutMs, onProved }: HandshakeOptions,
): Promise<Introduced> {
  const { self } = side;
  const next = async (): Promise<Message> => {
    const message = await nextMessage(transport, timeoutMs, peer);
    checkNotRefused(message.content, peer, self);
    return message;
  };
  const agreement = side.agreement(peer);
  const myHello = say(transport, helloOf(self, peer, agreement));
  const hello = await next();
  const theirs = parseHello(hello.content, peer, self);
  if (theirs.role !== peer || theirs.peer !== self) {
    throw new StrangerError(`${peer} should answer, found ${theirs.role} expecting ${printable(theirs.peer, 20)}`);
  }
  const secrets = agreement.derive(transcriptOf(myHello, hello.bytes), fromHex(theirs.publicKey));
  say(transport, { proof: toHex(secrets.proofOf(self)) });
  checkProof((await next()).content, secrets.proofOf(peer), peer);
  onProved();
  const mine = termsOf(side, agreement);
  const myTerms = say(transport, sealed(mine, self, secrets));
  const answer = await next();
  const text = difference(self, mine, peer, parseTerms(answer.content, peer, secrets));
  if (text !== undefined) throw new MismatchError(text);
  const terms = transcriptOf(myTerms, answer.bytes);
  return { peer, pairKey: () => secrets.pairKey(terms) };
}

/**
 * The side that listens. Rejects with a MismatchError when the true peer came with another configuration, and with any other error for
 * whatever does not come from a peer of this session.
 */
export async function welcome(
  transport: Transport,
  side: HandshakeSide,
  door: Door,
  { helloMs, timeoutMs, onProved }: HandshakeOptions,
): Promise<Introduced> {
  const { self } = side;
  let who = 'a stranger';
  try {
    const hello = await nextMessage(transport, helloMs ?? timeoutMs, who);
    const theirs = parseHello(hello.content, who, self);
    const peer = theirs.role;
    who = `a stranger, as ${peer}`;
    if (theirs.peer !== self)
      throw new StrangerError(`${who}: ${self} listens here, not ${printable(theirs.peer, 20)}`);
    if (!door.accepts(peer)) throw new StrangerError(`${who}: ${self} does not accept this role`);
    const agreement = side.agreement(peer);
    const myHello = say(transport, helloOf(self, peer, agreement));
    const secrets = agreement.derive(transcriptOf(hello.bytes, myHello), fromHex(theirs.publicKey));
    checkProof((await nextMessage(transport, timeoutMs, who)).content, secrets.proofOf(peer), who);
    onProved();
    say(transport, { proof: toHex(secrets.proofOf(self)) });
    const offer = await nextMessage(transport, timeoutMs, peer);
    const offered = parseTerms(offer.content, peer, secrets);
    // Another connection of this peer may have come through meanwhile. From here to the caller nothing else runs.
    if (door.isConnected(peer)) throw new StrangerError(`${who}: this role is connected already`);
    const mine = termsOf(side, agreement);
    const myTerms = say(transport, sealed(mine, self, secrets));
    const text = difference(self, mine, peer, offered);
    if (text !== undefined) throw new (offered.session === mine.session ? MismatchError : OtherSessionError)(text);
    const terms = transcriptOf(offer.bytes, myTerms);
    return { peer, pairKey: () => secrets.pairKey(terms) };
  } catch (error) {
    // Who has the terms finds a difference by itself; who hung up or was silent may come again; anyone else is told why it is turned away.
    if (error instanceof MismatchError || error instanceof OtherSessionError || error instanceof HungUpError)
      throw error;
    const refusal = error instanceof ChannelError ? error : new StrangerError(`${who}: ${messageOf(error)}`);
    say(transport, { refused: refusal.message, protocol: PROTOCOL_VERSION });
    throw refusal;
  }
}

// ── comparing ──

/** The first field that differs, in words. */
function difference(self: PeerName, mine: Terms, peer: PeerName, theirs: Terms): string | undefined {
  const fields = (terms: Terms): (readonly [string, string])[] => [
    ['session', terms.session],
    ['pair keys', terms.keys],
    ...terms.config,
  ];
  const [ours, others] = [fields(mine), fields(theirs)];
  for (let i = 0; i < Math.max(ours.length, others.length); i++) {
    const [name, value] = ours[i] ?? others[i];
    const text = (field: readonly [string, string] | undefined): string => {
      if (field === undefined) return `no ${printable(name, 60)}`;
      return `${printable(field[0], 60)} ${printable(field[1], 120)}`;
    };
    if (ours[i]?.[0] !== others[i]?.[0])
      return advise(`${peer} has ${text(others[i])} where ${self} has ${text(ours[i])}`);
    if (value !== others[i][1]) return advise(`${peer} has ${text(others[i])}, ${self} has ${printable(value, 120)}`);
  }
  return undefined;
}

function advise(text: string): string {
  return `${text}: start all parties with the same configuration`;
}

// ── messages ──

function helloOf(role: PeerName, peer: PeerName, { publicKey }: KeyAgreement): Hello {
  return { protocol: PROTOCOL_VERSION, role, peer, publicKey: toHex(publicKey) };
}

function parseHello(content: object, who: string, self: PeerName): Hello {
  const hello = content as Partial<Record<keyof Hello, unknown>>;
  const texts = [hello.protocol, hello.role, hello.peer, hello.publicKey];
  if (!texts.every((text) => typeof text === 'string') || !NAMES.includes(hello.role as string))
    throw new StrangerError(`${who} sent no proper hello`);
  checkVersion(hello.protocol as string, who, self);
  return hello as Hello;
}

function checkVersion(found: string, who: string, self: PeerName): void {
  if (found === PROTOCOL_VERSION) return;
  const versions = `${who} speaks protocol version ${printable(found, 20)}, ${self} speaks ${PROTOCOL_VERSION}`;
  throw new StrangerError(`${versions}: install the same version of securenn at all parties`);
}

function termsOf({ sessionId, config }: HandshakeSide, { keys }: KeyAgreement): Terms {
  return { session: sessionId, keys, config };
}

/** As a message. */
function sealed(terms: Terms, self: PeerName, secrets: HandshakeSecrets): object {
  const bytes = secrets.seal(self, Buffer.from(JSON.stringify(terms)));
  return { terms: Buffer.from(bytes).toString('base64') };
}

function parseTerms(content: object, peer: PeerName, secrets: HandshakeSecrets): Terms {
  const { terms: text } = content as { terms?: unknown };
  const bytes = typeof text === 'string' ? secrets.unseal(peer, Buffer.from(text, 'base64')) : undefined;
  if (bytes === undefined) throw new StrangerError(`${peer}: its terms are missing or were changed on the way`);
  const terms = (parseObject(bytes) ?? {}) as Partial<Record<keyof Terms, unknown>>;
  const isField = (field: unknown): boolean =>
    Array.isArray(field) && field.length === 2 && field.every((value) => typeof value === 'string');
  const fits =
    [terms.session, terms.keys].every((value) => typeof value === 'string') &&
    Array.isArray(terms.config) &&
    terms.config.every(isField);
  if (!fits) throw new StrangerError(`${peer} sent no proper terms`);
  return terms as Terms;
}

function checkProof(content: object, expected: Uint8Array, who: string): void {
  const { proof } = content as { proof?: unknown };
  const found = typeof proof === 'string' ? fromHex(proof) : new Uint8Array(0);
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
    throw new StrangerError(`${who}: it did not prove that it has the identity key of this role`);
  }
}

function checkNotRefused(content: object, who: PeerName, self: PeerName): void {
  const { refused, protocol } = content as { refused?: unknown; protocol?: unknown };
  if (typeof refused !== 'string') return;
  // Version 1 takes a hello of ours for none, and says no version.
  checkVersion(typeof protocol === 'string' ? protocol : '1', who, self);
  throw new StrangerError(`${who} refused the connection: ${printable(refused)}`);
}

/** Sends one message; returns its bytes. Should the connection have ended, the next wait says so. */
function say(transport: Transport, message: object): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(message));
  transport.send([bytes])?.catch(() => undefined);
  return bytes;
}

interface Message {
  readonly bytes: Uint8Array;
  /** The object they stand for. */
  readonly content: object;
}

/** The next message. Nothing else is taken from the transport. */
function nextMessage(transport: Transport, timeoutMs: number, who: string): Promise<Message> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void): void => {
      patience.cancel();
      transport.detach();
      act();
    };
    const late = (): void => end(() => reject(new HungUpError(`${who}: no answer in the handshake`)));
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

function parseMessage(parts: readonly Uint8Array[], who: string): Message {
  const bytes = Buffer.concat(parts);
  if (bytes.length > MAX_MESSAGE_BYTES)
    throw new StrangerError(`${who}: a message of ${bytes.length} bytes in the handshake`);
  const content = parseObject(bytes);
  if (content === undefined) throw new StrangerError(`${who}: not a message of the handshake`);
  return { bytes, content };
}

/** Undefined: not JSON, or no object. */
function parseObject(bytes: Uint8Array): object | undefined {
  try {
    const content: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof content === 'object' && content !== null ? content : undefined;
  } catch {
    return undefined;
  }
}

/** Each message behind its length. */
function transcriptOf(...messages: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(message.length);
      return [length, message];
    }),
  );
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
