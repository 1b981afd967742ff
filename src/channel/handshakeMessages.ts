/**
 * The messages of a handshake (`handshake.ts`), as they are said and taken: JSON in one binary message of at most 64 KiB. A hello keeps its
 * fields in later protocol versions: that is how a difference in version gets a clear text.
 */
import { timingSafeEqual } from 'node:crypto';
import type { PeerName } from './channel.ts';
import { printable } from './frame.ts';
import { HungUpError, StrangerError } from './handshakeErrors.ts';
import { Patience } from './patience.ts';
import { parseClaim, type Claim } from './resume.ts';
import type { Transport } from './transport.ts';

/** In version 1 session and configuration were part of the hello; in version 2 a link ended with its connection. */
export const PROTOCOL_VERSION = '3';
export const MAX_MESSAGE_BYTES: number = 64 * 1024;
const NAMES: readonly string[] = ['P0', 'P1', 'P2', 'owner'] satisfies PeerName[];

/** All that a stranger gets to read, and without TLS alone. */
export interface Hello {
  readonly protocol: string;
  readonly role: PeerName;
  readonly peer: string;
  readonly publicKey: string;
}

export interface Terms {
  readonly session: string;
  readonly keys: string;
  /** Whether a link outlives its connection. */
  readonly links: string;
  readonly config: readonly (readonly [string, string])[];
  /** On a connection that an open link is to go on over. */
  readonly resume?: Claim | undefined;
}

/** What seals and opens terms. */
export interface Sealing {
  seal(role: string, text: Uint8Array): Uint8Array;
  /** Undefined: that role has not sealed this. */
  unseal(role: string, sealed: Uint8Array): Uint8Array | undefined;
}

export interface Message {
  readonly bytes: Uint8Array;
  /** The object they stand for. */
  readonly content: object;
}

/** The first field that differs, in words. */
export function difference(self: PeerName, mine: Terms, peer: PeerName, theirs: Terms): string | undefined {
  const fields = (terms: Terms): (readonly [string, string])[] => [
    ['session', terms.session],
    ['pair keys', terms.keys],
    ['links', terms.links],
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

export function parseHello(content: object, who: string, self: PeerName): Hello {
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

/** As a message. */
export function sealed(terms: Terms, self: PeerName, sealing: Sealing): object {
  const bytes = sealing.seal(self, Buffer.from(JSON.stringify(terms)));
  return { terms: Buffer.from(bytes).toString('base64') };
}

export function parseTerms(content: object, peer: PeerName, sealing: Sealing): Terms {
  const { terms: text } = content as { terms?: unknown };
  const bytes = typeof text === 'string' ? sealing.unseal(peer, Buffer.from(text, 'base64')) : undefined;
  if (bytes === undefined) throw new StrangerError(`${peer}: its terms are missing or were changed on the way`);
  const terms = (parseObject(bytes) ?? {}) as Partial<Record<keyof Terms, unknown>>;
  const isField = (field: unknown): boolean =>
    Array.isArray(field) && field.length === 2 && field.every((value) => typeof value === 'string');
  const fits =
    [terms.session, terms.keys, terms.links].every((value) => typeof value === 'string') &&
    Array.isArray(terms.config) &&
    terms.config.every(isField);
  const resume = parseClaim(terms.resume);
  if (!fits || (terms.resume !== undefined && resume === undefined))
    throw new StrangerError(`${peer} sent no proper terms`);
  return { ...(terms as Terms), resume };
}

/** @param what the message's only field: hexadecimal */
export function checkProof(
  content: object,
  what: 'proof' | 'ready' | 'open',
  expected: Uint8Array,
  fault: string,
): void {
  const proof = (content as Partial<Record<typeof what, unknown>>)[what];
  const found = typeof proof === 'string' ? fromHex(proof) : new Uint8Array(0);
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
    throw new StrangerError(fault);
  }
}

export function checkNotRefused(content: object, who: PeerName, self: PeerName): void {
  const { refused, protocol } = content as { refused?: unknown; protocol?: unknown };
  if (typeof refused !== 'string') return;
  // Version 1 takes a hello of ours for none, and says no version.
  checkVersion(typeof protocol === 'string' ? protocol : '1', who, self);
  throw new StrangerError(`${who} refused the connection: ${printable(refused)}`);
}

/** Sends one message; returns its bytes. Should the connection have ended, the next wait says so. */
export function say(transport: Transport, message: object): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(message));
  transport.send([bytes])?.catch(() => undefined);
  return bytes;
}

/** The next message. Nothing else is taken from the transport. */
export function nextMessage(transport: Transport, timeoutMs: number, who: string): Promise<Message> {
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
export function transcriptOf(...messages: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(message.length);
      return [length, message];
    }),
  );
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
