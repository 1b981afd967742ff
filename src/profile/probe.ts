/** The place of each fork of a party: what it is called in a profile, and how its messages are told apart. */
import { type Kind, type PartyName, scopeLabel } from './line.ts';
import type { Recorder } from './recorder.ts';

/** Of the two halves of a message's address: FNV-1a, and the same with another prime. */
const OFFSETS = { low: 0x811c9dc5, high: 0x9dc5811c } as const;
const PRIMES = { low: 0x01000193, high: 0x85ebca6b } as const;

/** The probe of a session's root party. */
export function rootProbe(recorder: Recorder): Probe {
  return new Probe(recorder, new Scope(recorder, ''), OFFSETS.low, OFFSETS.high, recorder.now());
}

/** Together the place of a kind and a peer in a scope's table of lines. */
const KIND: Readonly<Record<Kind, number>> = { span: 0, kernel: 1, random: 2, send: 3, receive: 4 };
const PEER: Readonly<Record<PartyName, number>> = { P0: 5, P1: 10, P2: 15 };

/** Labels remembered in a scope; the same few come back step after step, but for those that count steps. */
const REMEMBERED = 1024;

/** A place, its children, and its lines by what happens there. It is also the meter of kernels and streams called from there. */
export class Scope {
  readonly path: string;
  readonly #recorder: Recorder;
  /** By name, and by labels that come down to it. */
  readonly #children: Map<string, Scope> = new Map();
  readonly #byLabel: Map<string, Scope> = new Map();
  /** For each kind and peer, numbers by name. */
  readonly #lines: (Map<string, number> | undefined)[] = [];

  constructor(recorder: Recorder, path: string) {
    this.#recorder = recorder;
    this.path = path;
  }

  /** This scope itself where the label is no place of its own. */
  child(label: string): Scope {
    const known = this.#byLabel.get(label);
    if (known !== undefined) return known;
    const name = scopeLabel(label);
    let child = name === '' ? this : this.#children.get(name);
    if (child === undefined) {
      child = new Scope(this.#recorder, this.path === '' ? name : `${this.path}/${name}`);
      this.#children.set(name, child);
    }
    if (this.#byLabel.size < REMEMBERED) this.#byLabel.set(label, child);
    return child;
  }

  /** The number of a line. */
  line(kind: Kind, name: string, peer?: PartyName): number {
    const which = (peer === undefined ? 0 : PEER[peer]) + KIND[kind];
    const lines = (this.#lines[which] ??= new Map<string, number>());
    let line = lines.get(name);
    if (line === undefined) {
      line = this.#recorder.makeLine({ scope: this.path, kind, name, peer });
      lines.set(name, line);
    }
    return line;
  }

  // The meter of kernels and draws.

  begin(): number {
    return this.#recorder.now();
  }

  ran(kind: 'kernel' | 'random', name: string, start: number): void {
    this.#recorder.ran(this.line(kind, name), start);
  }

  issued(kernel: string, start: number): number {
    const line = this.line('kernel', kernel);
    this.#recorder.issued(line, start);
    return line;
  }

  finished(line: number, start: number, gpuMs: () => number): void {
    this.#recorder.finished(line, start, gpuMs());
  }
}

/** One fork's place, when it began, and the start of the addresses of its messages. */
export class Probe {
  readonly recorder: Recorder;
  readonly #low: number;
  readonly #high: number;
  /** Of a fork that is a place of its own. */
  readonly #started: number;
  #scope: Scope;

  constructor(recorder: Recorder, scope: Scope, low: number, high: number, started: number) {
    this.recorder = recorder;
    this.#scope = scope;
    this.#low = low;
    this.#high = high;
    this.#started = started;
  }

  get scope(): Scope {
    return this.#scope;
  }

  fork(label: string): Probe {
    const scope = this.#scope.child(label);
    const low = hash(this.#low, SLASH, label, PRIMES.low);
    const high = hash(this.#high, SLASH, label, PRIMES.high);
    return new Probe(this.recorder, scope, low, high, scope === this.#scope ? this.#started : this.recorder.now());
  }

  /** Of the root: the place of a path. */
  at(path: string): Probe {
    const labels = path.match(/(?<=\/)(layer\/)?[^/]+/g) ?? [];
    return labels.reduce((probe: Probe, label) => probe.fork(label), this);
  }

  /** From here on this fork's time and traffic count for another place: that of whoever needs its value. */
  accountTo(other: Probe): void {
    this.#scope = other.#scope;
  }

  /** The fork is over. */
  over(): void {
    this.recorder.over(this.#scope.line('span', ''), this.#started);
  }

  sent(to: PartyName, purpose: string, start: number, payload: number, frame: number): number {
    const line = this.#scope.line('send', purpose, to);
    const low = hash(this.#low, COLON, purpose, PRIMES.low);
    const high = hash(this.#high, COLON, purpose, PRIMES.high);
    this.recorder.sent(line, start, payload, frame, low, high);
    return line;
  }

  asks(from: PartyName, purpose: string): number {
    const line = this.#scope.line('receive', purpose, from);
    this.recorder.asked(line);
    return line;
  }

  received(line: number, purpose: string, start: number, bytes: number, depth: number): void {
    const low = hash(this.#low, COLON, purpose, PRIMES.low);
    const high = hash(this.#high, COLON, purpose, PRIMES.high);
    this.recorder.received(line, start, bytes, depth, low, high);
  }
}

const SLASH = 47;
const COLON = 58;

/** A hash continued over a separator and a text. */
function hash(from: number, separator: number, text: string, prime: number): number {
  let value = Math.imul(from ^ separator, prime);
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), prime);
  return value >>> 0;
}
