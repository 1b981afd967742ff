/**
 * `securenn/server` (Node alone): a party inside your own process, and a whole federation on loopback, for tests and embedding. What the
 * `securenn` command does beside this (making keys, cards, federation files, admitting members): `docs/deploy.md`.
 *
 * @module securenn/server
 */
export { Problem } from '../data/problem.ts';
export { startParty, type Party, type PartyLog, type StartPartyOptions } from './party.ts';
export {
  startFederation,
  type FederationOptions,
  type LocalFederation,
  type ServedModelOptions,
} from './local-federation.ts';
export type { Dataset } from '../data/dataset.ts';
export type { Elements } from '../data/elements.ts';
export type { Scaling } from '../data/scaling.ts';
export type { MemberRole, Role } from '../federation/card.ts';
export type { PublicIdentity } from '../federation/public-identity.ts';
export type { LayerSpec } from '../nn/layers/table.ts';
export type { Network } from '../nn/network.ts';
export type { PartySettings } from '../service/config.ts';
export type { LogLevel } from '../server/log-levels.ts';
