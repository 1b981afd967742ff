/** Control messages to the other parties: requests that this party signs, over HTTPS. */
import { NODE } from '../../random/node-primitives.ts';
import * as z from 'zod';
import { FederationClient } from '../../client/federated/client.ts';
import { httpsTransport } from '../../client/federated/https.ts';
import { Refused } from '../../client/federated/transport.ts';
import type { Federation } from '../../federation/federation-file.ts';
import type { Identity } from '../../federation/identity.ts';
import type { PartyName } from '../../server/ipc.ts';
import type { ControlOrder } from '../jobs-api.ts';
import { Refusal } from '../refusal.ts';
import type { Peers } from './ports.ts';

/** Answers by which a party says that it has not looked at the order. */
const NOT_LOOKED_AT = [401, 429];
const MOST_BYTES = 2 ** 20;

export interface HttpsPeers extends Peers {
  readonly close: () => void;
}

/** @param onNote told, once each, of what the operator should know: clocks, certificates */
export function httpsPeers(federation: Federation, identity: Identity, onNote: (text: string) => void): HttpsPeers {
  const transport = httpsTransport(federation, onNote);
  // Who leads, and who follows, has a patience of its own.
  const client = new FederationClient({
    primitives: NODE,
    federation,
    identity,
    transport: transport.send,
    onNote,
    patienceMs: 0,
  });
  const ask = async (to: PartyName, order: ControlOrder, body: object, timeoutMs: number): Promise<unknown> => {
    const asked = { body, maxBytes: MOST_BYTES, idleMs: timeoutMs, signal: AbortSignal.timeout(timeoutMs) };
    try {
      return await client.ask(to, 'POST', `/v1/control/${order}`, z.unknown(), asked);
    } catch (error) {
      if (!(error instanceof Refused) || error.status >= 500 || NOT_LOOKED_AT.includes(error.status)) throw error;
      throw new Refusal(error.status, error.message.replace(`${to}: `, ''), error.fix);
    }
  };
  return { ask, close: () => transport.close() };
}
