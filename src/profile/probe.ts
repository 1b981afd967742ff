/** The place of each fork of a party: what it is called in a profile, and how its messages are told apart. */
import { type Kind, type PartyName, scopeLabel } from './line.ts';
import type { Recorder } from './recorder.ts';

/** Of the two halves of a message's address: FNV-1a, and the same with another prime. */
const OFFSETS = { low: 0x811c9dc5, high: 0x9dc5811c } as const;
const PRIMES = { low: 0x01000193, high: 0x85ebca6b } as const;

/** The probe of a session's root party. */
export function rootProbe(recorder: Recorder): Probe {
  return new Probe(recorder, new Scope(recorder, ''), OFFSETS.low, OFFSETS.high);
}

/** A place, its children, and its lines by what happens there. It is also the meter of kernels and streams called from there. */
export class Scope {
  readonly path: string;
  readonly #recorder: Recorder;
  readonly #children: Map<string, Scope> = new Map();
  readonly #lines: Record<Kind, Map<string, number>> = {
    span: new Map(),
    kernel: new Map(),
    random: new Map(),
    send: new Map(),
    receive: new Map(),
  };

  constructor(recorder: Recorder, path: string) {
    this.#recorder = recorder;
    this.path = path;
  }

  child(label: string): Scope {
    const name = scopeLabel(label);
    if (name === '') return this;
    let child = this.#children.get(name);
    if (child === undefined) {
      child = new Scope(this.#recorder, this.path === '' ? name : `${this.path}/${name}`);
      this.#children.set(name, child);
    }
    return child;
  }

  /** The number of a line. */
  line(kind: Kind, name: string, peer?: PartyName): number {
    const lines = this.#lines[kind];
    const kindOfThing = name.includes('/') ? scopeLabel(name) : name;
    const key = peer === undefined ? kindOfThing : `${peer}:${kindOfThing}`;
    let line = lines.get(key);
    if (line === undefined) {
      line = this.#recorder.makeLine({ scope: this.path, kind, name: kindOfThing, peer });
      lines.set(key, line);
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

  issued(kernel: string, start: number): void {
    this.#recorder.issued(this.line('kernel', kernel), start);
  }

  finished(kernel: string, start: number, gpuMs: number): void {
    this.#recorder.finished(this.line('kernel', kernel), start, gpuMs);
  }
}

/** One fork's place, when it began, and the start of the addresses of its messages. */
export class Probe {
  readonly recorder: Recorder;
  readonly #low: number;
  readonly #high: number;
  readonly #started: number;
  #scope: Scope;

  constructor(recorder: Recorder, scope: Scope, low: number, high: number) {
    this.recorder = recorder;
    this.#scope = scope;
    this.#low = low;
    this.#high = high;
    this.#started = recorder.now();
  }

  get scope(): Scope {
    return this.#scope;
  }

  fork(label: string): Probe {
    const low = hash(this.#low, `/${label}`, PRIMES.low);
    const high = hash(this.#high, `/${label}`, PRIMES.high);
    return new Probe(this.recorder, this.#scope.child(label), low, high);
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
    const text = `:${purpose}`;
    const [low, high] = [hash(this.#low, text, PRIMES.low), hash(this.#high, text, PRIMES.high)];
    this.recorder.sent(line, start, payload, frame, low, high);
    return line;
  }

  asks(from: PartyName, purpose: string): number {
    const line = this.#scope.line('receive', purpose, from);
    this.recorder.asked(line);
    return line;
  }

  received(line: number, purpose: string, start: number, bytes: number, depth: number): void {
    const text = `:${purpose}`;
    const [low, high] = [hash(this.#low, text, PRIMES.low), hash(this.#high, text, PRIMES.high)];
    this.recorder.received(line, start, bytes, depth, low, high);
  }
}

function hash(from: number, text: string, prime: number): number {
  let value = from;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), prime);
  return value >>> 0;
}
