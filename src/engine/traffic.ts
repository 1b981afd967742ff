/** Messages that are counted and not sent: frames and bytes of each link, and how long chains of messages grow at each party. */
import { headerBytes } from '../channel/frame.ts';
import { chunkOf } from '../party/cost.ts';
import type { PartyId, WorkerName } from '../party/party.ts';
import type { Stage, Step } from '../party/steps.ts';
import { keyMessages } from '../protocols/direct/functionKeys.ts';

/** What one party sends another. */
export interface LinkTraffic {
  messages: number;
  payloadBytes: number;
  frameBytes: number;
}

export class Traffic {
  /** `links[from][to]`, by number of the party. */
  readonly links: readonly (readonly LinkTraffic[])[] = [0, 1, 2].map(() =>
    [0, 1, 2].map(() => ({ messages: 0, payloadBytes: 0, frameBytes: 0 })),
  );

  /** Keys of comparison functions that were taken, by their bits. */
  readonly #keys: Map<number, number> = new Map();

  /** Of a private session: what waits to be revealed until the workers have compared what they opened, and how often they have. */
  readonly revealing: { waiting: boolean; agreements: number } = { waiting: false, agreements: 0 };

  /** Keys taken so far. */
  get keys(): number {
    return [...this.#keys.values()].reduce((sum, count) => sum + count, 0);
  }

  /** P2 deals what is not there yet of `count` more keys. */
  takeKeys(bits: number, count: number): void {
    const before = this.#keys.get(bits) ?? 0;
    this.#keys.set(bits, before + count);
    for (const [label, bytes] of keyMessages(bits, before, before + count))
      for (const worker of [0, 1] as const) this.send(2, worker, label, bytes);
  }

  send(from: PartyId, to: PartyId, label: string, bytes: number): void {
    const link = this.links[from][to];
    link.messages++;
    link.payloadBytes += bytes;
    link.frameBytes += headerBytes(label.length) + bytes;
  }
}

/** A path, the depth of each party there, and who draws what P2 deals: what `Party` is to a protocol that runs. */
export class Lane {
  readonly path: string;
  readonly depths: [number, number, number];
  readonly drawer: WorkerName;

  constructor(path: string, depths: readonly number[], drawer: WorkerName) {
    this.path = path;
    this.depths = [depths[0], depths[1], depths[2]];
    this.drawer = drawer;
  }

  fork(label: string, drawer: WorkerName = this.drawer): Lane {
    return new Lane(`${this.path}/${label}`, this.depths, drawer);
  }

  /** The same path at other depths. */
  at(depths: readonly number[]): Lane {
    return new Lane(this.path, depths, this.drawer);
  }

  join({ depths }: Lane): void {
    for (let id = 0; id < 3; id++) this.depths[id] = Math.max(this.depths[id], depths[id]);
  }

  /** The longest chain behind what a worker holds. */
  get rounds(): number {
    return Math.max(0, this.depths[0], this.depths[1]);
  }
}

/** The root of a session, as `createParty` makes it: P2 starts one message early. */
export function rootLane(): Lane {
  return new Lane('', [0, 0, -1], 'P0');
}

/** Sends the messages of a protocol for `count` elements under a lane, in the chunks of `Party.chunks`. */
export function sendStages(lane: Lane, stages: readonly Stage[], count: number, chunk: number, traffic: Traffic): void {
  const ahead = lane.depths[2];
  for (const { path, chunked, steps, keys, each = 1 } of stages) {
    if (keys !== undefined) traffic.takeKeys(keys.bits, keys.each * count);
    const below = path === '' ? lane : new Lane(`${lane.path}${path}`, lane.depths, lane.drawer);
    if (chunked) {
      const size = chunkOf(chunk, each);
      const total = Math.max(1, Math.ceil(count / size));
      const children: Lane[] = [];
      for (let index = 0; index < total; index++) {
        const drawer = index % 2 === 0 ? lane.drawer : other(lane.drawer);
        const child = below.fork(`${index}`, drawer);
        sendSteps(child, steps(Math.min(size, count - index * size)), ahead, traffic);
        children.push(child);
      }
      for (const child of children) lane.join(child);
    } else {
      sendSteps(below, steps(count), ahead, traffic);
      lane.join(below);
    }
  }
}

/** @param ahead the depth of P2 before the protocol, on which alone depends what it sends ahead */
export function sendSteps(lane: Lane, steps: readonly Step[], ahead: number, traffic: Traffic): void {
  const { depths, path } = lane;
  const [receiver, drawer] = lane.drawer === 'P0' ? ([1, 0] as const) : ([0, 1] as const);
  /** Of the fork in which codes are proved, unless that is done ahead; when digits come there. */
  let proof: [number, number, number] | undefined;
  let dealt = 0;
  for (const { kind, messages } of steps) {
    const [d0, d1, d2] = depths;
    const send = (from: PartyId, to: PartyId): void => {
      for (const { label, bytes } of messages) traffic.send(from, to, `${path}${label}`, bytes);
    };
    switch (kind) {
      case 'exchange':
        send(0, 1);
        send(1, 0);
        depths[0] = Math.max(d0, d1 + 1);
        depths[1] = Math.max(d1, d0 + 1);
        break;
      case 'answer':
        send(0, 2);
        send(1, 2);
        depths[2] = Math.max(d2, d0 + 1, d1 + 1);
        break;
      case 'tell':
        for (const worker of [0, 1] as const) {
          send(2, worker);
          depths[worker] = Math.max(depths[worker], d2 + 1);
        }
        break;
      case 'deal':
      case 'ahead': {
        send(2, receiver);
        dealt = (kind === 'ahead' ? ahead : d2) + 1;
        depths[receiver] = Math.max(depths[receiver], dealt);
        break;
      }
      case 'begin':
        proof = [...depths];
        break;
      case 'apart':
        proof = undefined;
        break;
      case 'ask':
        send(receiver, 2);
        if (proof === undefined) break;
        proof[receiver] = Math.max(proof[receiver], dealt);
        proof[2] = Math.max(proof[2], proof[receiver] + 1);
        break;
      case 'echo':
      case 'prove': {
        const to = kind === 'echo' ? drawer : receiver;
        send(2, to);
        if (proof !== undefined) proof[to] = Math.max(proof[to], proof[2] + 1);
        break;
      }
      case 'show':
        send(drawer, receiver);
        if (proof === undefined) break;
        proof[receiver] = Math.max(proof[receiver], proof[drawer] + 1);
        for (const worker of [0, 1] as const) depths[worker] = Math.max(depths[worker], proof[worker]);
        break;
    }
  }
}

function other(worker: WorkerName): WorkerName {
  return worker === 'P0' ? 'P1' : 'P0';
}
