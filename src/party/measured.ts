/** How a party sends and receives while a profile is taken: as ever, and the probe is told. */
import type { ElementType, Link, Payloads, Received } from '../channel/channel.ts';
import type { PartyName } from '../profile/line.ts';
import type { Probe } from '../profile/probe.ts';
import { later } from './later.ts';

interface Outgoing {
  readonly to: PartyName;
  readonly purpose: string;
  readonly label: string;
  readonly data: BigUint64Array | Uint8Array;
  readonly depth: number;
}

/** Bytes are those by which the link's own counters grow. */
export function measuredSend(probe: Probe, link: Link, { to, purpose, label, data, depth }: Outgoing): Promise<void> {
  const start = probe.recorder.now();
  const { payloadBytes, frameBytes } = link.sent;
  const room = link.send(label, data, depth);
  const line = probe.sent(to, purpose, start, link.sent.payloadBytes - payloadBytes, link.sent.frameBytes - frameBytes);
  return later(room.then(() => probe.recorder.room(line)));
}

interface Incoming<K extends ElementType> {
  readonly from: PartyName;
  readonly purpose: string;
  readonly label: string;
  readonly type: K;
  readonly length: number;
}

export async function measuredReceive<K extends ElementType>(
  probe: Probe,
  link: Link,
  { from, purpose, label, type, length }: Incoming<K>,
): Promise<Received<Payloads[K]>> {
  const start = probe.recorder.now();
  const line = probe.asks(from, purpose);
  const received = await link.receive(label, type, length);
  probe.received(line, purpose, start, received.data.byteLength, received.depth);
  return received;
}
