/**
 * The first messages of a connection, before a link runs over it. Who dialled is A, who listens is B:
 *
 *     A → B  hello: protocol version, own role, role expected of B, ephemeral public key
 *     B → A  hello                          (or refuse, with a reason)
 *     A → B  confirm: A's proof
 *     B → A  confirm: B's proof             (or refuse)
 *     A → B  terms: session, way of making keys, configuration; sealed for B
 *     B → A  terms, sealed for A            (or refuse)
 *     both   compare the two terms field by field
 *     A → B  ready: A has B's terms; proves which terms it has heard and said
 *     B → A  open: the link is open at B, likewise          (or refuse)
 *
 * Each message is JSON in one binary message of at most 64 KiB. Both proofs cover both hellos, byte for byte, and what TLS gives both ends
 * of this connection alone; who lacks the identity key of the role it claims cannot make its proof (see random/agreement.ts). Terms are
 * sealed under keys that depend on both hellos, and the pair key depends on every byte of hellos and terms. So a stranger learns nothing of
 * a session, neither by asking nor by listening, and can neither change one nor stop it with a wrong configuration; and it can make this
 * side keep two messages at most.
 *
 * On a connection that an open link is to go on over, the terms hold a claim (`resume.ts`), and all is said with them.
 *
 * Wherever a connection ends, both sides agree on whether the link is open. B opens it when A is ready; A uses no key of it before it knows
 * that. If A does not hear so, its next connection claims the link, with nothing received: B goes on with it, or says by terms
 * without a claim that it has not opened it, will not do so any more, and that this connection's terms are those of a new one.
 */
import { createHmac } from 'node:crypto';
import { ChannelError, type PeerName } from './channel.ts';
import { printable } from './frame.ts';
import { HungUpError, LostLinkError, MismatchError, OtherSessionError, StrangerError } from './handshakeErrors.ts';
import {
  checkNotRefused,
  checkProof,
  difference,
  fromHex,
  nextMessage,
  parseHello,
  parseTerms,
  PROTOCOL_VERSION,
  say,
  sealed,
  toHex,
  transcriptOf,
  type Hello,
  type Message,
  type Sealing,
  type Terms,
} from './handshakeMessages.ts';
import type { Claim, Resumption } from './resume.ts';
import type { Secured } from './tls.ts';
import { messageOf } from './reason.ts';
import type { Transport } from './transport.ts';

/** How this connection's keys come about; made anew for each connection. `random/agreement.ts` has one. */
export interface KeyAgreement {
  /** Ephemeral public key. */
  readonly publicKey: Uint8Array;
  /** In words; both ends must say the same. */
  readonly keys: string;
  /** Throws when the peer's key is unusable. */
  derive(hellos: Uint8Array, peerPublicKey: Uint8Array): HandshakeSecrets;
}

interface HandshakeSecrets extends Sealing {
  proofOf(role: string): Uint8Array;
  pairKey(terms: Uint8Array): Uint8Array;
  resumeKey(terms: Uint8Array): Uint8Array;
  tagKey(role: string, terms: Uint8Array): Uint8Array;
}

export interface HandshakeSide {
  readonly self: PeerName;
  readonly sessionId: string;
  /** What must agree, in an order that must agree. */
  readonly config: readonly (readonly [name: string, value: string])[];
  readonly agreement: (peer: PeerName) => KeyAgreement;
  /** How long a peer may be away once its link is open. Both ends must have some patience, or both none: 0, the default. */
  readonly linkPatienceMs?: number;
}

/** Whom a listener takes. */
export interface Door {
  accepts(role: PeerName): boolean;
  /** The open link with this role, on this or another connection; undefined: there is none, or none that outlives its connection. */
  resumption(role: PeerName): Resumption | undefined;
  isConnected(role: PeerName): boolean;
  /** This role's terms came: from now on older connections of its open no link. Returns whether this is still the newest. */
  begin(role: PeerName): () => boolean;
}

export interface HandshakeOptions {
  /** How long each message may take. */
  readonly timeoutMs: number;
  /** What TLS has shown of the other end, if there is TLS. */
  readonly secured?: Secured | undefined;
  /** Told once the other side has proved who it is. */
  readonly onProved: () => void;
}

export interface WelcomeOptions extends HandshakeOptions {
  /** How long the first message may take, which a true peer sends at once. By default as long as the others. */
  readonly helloMs?: number;
}

export interface IntroductionOptions extends HandshakeOptions {
  /** The link that is to go on: one that is open, or one of which this side does not know whether it is. */
  readonly resumption?: Resumption | undefined;
  /** That link is open: a new one cannot take its place. */
  readonly isOpen?: boolean;
  /** A link of this connection may be open at the other end from now on. */
  readonly onReady?: (introduced: Introduced) => void;
}

export interface Introduced {
  readonly peer: PeerName;
  /** An open link goes on here: what the peer has of it. Undefined: this is a new one. */
  readonly resumed: Claim | undefined;
  /** Not enumerable by accident: functions. Of a new link. */
  readonly pairKey: () => Uint8Array;
  readonly resumeKey: () => Uint8Array;
  /** Of what the end in this role sends. */
  readonly tagKey: (role: PeerName) => Uint8Array;
}

/** Messages that each side sends before its proof has been checked. */
export const MESSAGES_BEFORE_PROOF = 2;

/** The side that dialled. Rejects with a HungUpError when it makes sense to dial again. */
export async function introduceTo(
  transport: Transport,
  side: HandshakeSide,
  peer: PeerName,
  options: IntroductionOptions,
): Promise<Introduced> {
  const { self } = side;
  const { timeoutMs, secured, onProved, resumption, isOpen, onReady } = options;
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
  const hellos = hellosOf(myHello, hello.bytes, secured);
  const secrets = agreement.derive(hellos, fromHex(theirs.publicKey));
  say(transport, { proof: toHex(secrets.proofOf(self)) });
  checkProof((await next()).content, 'proof', secrets.proofOf(peer), noIdentity(peer));
  onProved();
  const mine = termsOf(side, agreement, resumption?.claim(hellos));
  const myTerms = say(transport, sealed(mine, self, secrets));
  const answer = await next();
  const offered = parseTerms(answer.content, peer, secrets);
  const text = difference(self, mine, peer, offered);
  if (text !== undefined) throw new MismatchError(text);
  const introduced = introduction(peer, secrets, transcriptOf(myTerms, answer.bytes), offered.resume);
  if (offered.resume !== undefined) {
    if (resumption === undefined) throw new StrangerError(`${peer} goes on with a link that there is not`);
    resumption.check(offered.resume, hellos);
    return introduced;
  }
  if (isOpen === true) throw new LostLinkError(`${peer} no longer has this link`);
  onReady?.(introduced);
  try {
    const key = introduced.resumeKey();
    say(transport, { ready: toHex(heard(key, self, 'ready')) });
    checkProof((await next()).content, 'open', heard(key, peer, 'open'), `${peer} did not open the link`);
    return introduced;
  } catch (error) {
    // The next connection finds out what became of this link.
    throw error instanceof HungUpError ? error : new HungUpError(messageOf(error));
  }
}

/**
 * The side that listens. Rejects with a MismatchError when the true peer came with another configuration, and with any other error for
 * whatever does not come from a peer of this session.
 */
export async function welcome(
  transport: Transport,
  side: HandshakeSide,
  door: Door,
  { helloMs, timeoutMs, secured, onProved }: WelcomeOptions,
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
    if (secured !== undefined && !secured.peers.includes(peer))
      throw new StrangerError(`${who}: its TLS key is that of ${secured.peers.join(' or ')}`);
    const agreement = side.agreement(peer);
    const myHello = say(transport, helloOf(self, peer, agreement));
    const hellos = hellosOf(hello.bytes, myHello, secured);
    const secrets = agreement.derive(hellos, fromHex(theirs.publicKey));
    const confirm = await nextMessage(transport, timeoutMs, who);
    checkProof(confirm.content, 'proof', secrets.proofOf(peer), noIdentity(who));
    onProved();
    say(transport, { proof: toHex(secrets.proofOf(self)) });
    const offer = await nextMessage(transport, timeoutMs, peer);
    const offered = parseTerms(offer.content, peer, secrets);
    const bare = termsOf(side, agreement, undefined);
    const text = difference(self, bare, peer, offered);
    const resumption = text === undefined && offered.resume !== undefined ? door.resumption(peer) : undefined;
    const taken = `${who}: this role is connected already`;
    // A claim to a link that there is not is answered by terms without: they say so, and cannot be another's.
    if (offered.resume === undefined && door.isConnected(peer)) throw new StrangerError(taken);
    const mine = { ...bare, resume: resumption?.answer(offered.resume!, hellos) };
    const isNewest = door.begin(peer);
    // From here to the caller nothing else runs where a link goes on.
    const myTerms = say(transport, sealed(mine, self, secrets));
    if (text !== undefined) throw new (offered.session === mine.session ? MismatchError : OtherSessionError)(text);
    const terms = transcriptOf(offer.bytes, myTerms);
    if (resumption !== undefined) return introduction(peer, secrets, terms, offered.resume);
    const ready = await nextMessage(transport, timeoutMs, peer);
    const key = secrets.resumeKey(terms);
    checkProof(ready.content, 'ready', heard(key, peer, 'ready'), `${peer}: terms were changed on the way`);
    // Another connection of this peer may have come through meanwhile.
    if (door.isConnected(peer) || !isNewest()) throw new StrangerError(taken);
    say(transport, { open: toHex(heard(key, self, 'open')) });
    return introduction(peer, secrets, terms, undefined);
  } catch (error) {
    // Who has the terms finds a difference by itself; who hung up or was silent may come again; anyone else is told why it is turned away.
    if (error instanceof MismatchError || error instanceof OtherSessionError || error instanceof HungUpError)
      throw error;
    const refusal = error instanceof ChannelError ? error : new StrangerError(`${who}: ${messageOf(error)}`);
    say(transport, { refused: refusal.message, protocol: PROTOCOL_VERSION });
    throw refusal;
  }
}

function helloOf(role: PeerName, peer: PeerName, { publicKey }: KeyAgreement): Hello {
  return { protocol: PROTOCOL_VERSION, role, peer, publicKey: toHex(publicKey) };
}

/** What proofs cover: A's hello, B's hello, and where there is TLS what both ends of it share. */
function hellosOf(ofA: Uint8Array, ofB: Uint8Array, secured: Secured | undefined): Uint8Array {
  return transcriptOf(ofA, ofB, ...(secured === undefined ? [] : [secured.binding]));
}

function termsOf(
  { sessionId, config, linkPatienceMs = 0 }: HandshakeSide,
  { keys }: KeyAgreement,
  resume: Claim | undefined,
): Terms {
  const links = linkPatienceMs > 0 ? 'that outlive connections' : 'that end with their connection';
  return { session: sessionId, keys, links, config, resume };
}

function introduction(
  peer: PeerName,
  secrets: HandshakeSecrets,
  terms: Uint8Array,
  resumed: Claim | undefined,
): Introduced {
  return {
    peer,
    resumed,
    pairKey: () => secrets.pairKey(terms),
    resumeKey: () => secrets.resumeKey(terms),
    tagKey: (role) => secrets.tagKey(role, terms),
  };
}

/**
 * The proof that this role has every byte of hellos and terms as the other end has them: the key depends on them all. What was sealed cannot
 * be changed, but it can be written in other ways that read the same (base64, JSON), and then the two ends would have two pair keys.
 */
function heard(resumeKey: Uint8Array, role: PeerName, what: 'ready' | 'open'): Uint8Array {
  return createHmac('sha256', resumeKey).update(`${role} ${what}`).digest();
}

function noIdentity(who: string): string {
  return `${who}: it did not prove that it has the identity key of this role`;
}
