/**
 * `securenn/client`: an owner of data or an inference client of a federation, in a browser and in Node alike. What a bundler takes for a browser
 * imports no module of Node.
 *
 * Errors that a person can do something about are a `Problem`: `message` says what is wrong, `fix` what to do.
 *
 * @module securenn/client
 */
import '../client/web/no-eval.ts';
import { PLATFORM } from '#client';
import { type ConnectOptions, Federation } from '../client/connect.ts';
import { type CardOptions, endorse, makeCard } from '../client/member-cards.ts';
import type { Signer } from '../federation/public-identity.ts';

export { Problem } from '../data/problem.ts';
export type { Scaling } from '../data/scaling.ts';
export type {
  ConnectOptions,
  DataSummary,
  Federation,
  GrantTerms,
  JobSummary,
  Uploaded,
  UploadOptions,
  UploadProgress,
} from '../client/connect.ts';
export type { Files, GivenFile } from '../client/given-files.ts';
export type { Picture, Pictures } from '../client/given-pictures.ts';
export type { GivenImages } from '../client/given-set.ts';
export type { CanvasPixels, Image } from '../client/given-values.ts';
export type { CardOptions } from '../client/member-cards.ts';
export type { LocalPorts } from '../client/platform.ts';
export { Incomplete } from '../client/served-model.ts';
export type { Message, Prediction, PredictOptions, ServedModel, Timing } from '../client/served-model.ts';
export type { PublicIdentity, Signer as Identity } from '../federation/public-identity.ts';
export type { Network } from '../nn/network.ts';

/**
 * Connects with the three parties of a federation: checks the federation file, compares its fingerprint if you give one, and asks each party
 * whether it answers here.
 *
 * Rejects with a Problem that says which party lacks what: from a page, whether it answers at all, and whether it answers pages of this origin.
 *
 * @example
 * ```ts
 * import { connect, keepIdentity } from 'securenn/client';
 *
 * const file = await (await fetch('federation.json')).text();
 * const federation = await connect({ federation: file, identity: await keepIdentity('me') });
 * const model = await federation.model('digits');
 * const { labels } = await model.predict(new Uint8Array(784));
 * console.log(labels.length); // 1
 * federation.close();
 * ```
 */
export function connect(options: ConnectOptions): Promise<Federation> {
  return Federation.connect(PLATFORM, options);
}

/**
 * A new identity, for as long as the program or the page lives. In a page its secret halves are keys of Web Cryptography that no script can read.
 *
 * @example
 * ```ts
 * import { createIdentity } from 'securenn/client';
 *
 * const identity = await createIdentity();
 * console.log(identity.id.length); // 32: hexadecimal digits, which operators compare
 * ```
 */
export function createIdentity(): Promise<Signer> {
  return PLATFORM.generate();
}

/**
 * The identity that is kept here under a name; made and kept the first time. In a page: in IndexedDB of the page's origin, its secret halves out of
 * every script's reach. In Node: in a file that this user alone can read, under the state folder of securenn (docs/consent.md).
 *
 * @param name small letters, digits, dot, dash, underscore
 * @example
 * ```ts
 * import { keepIdentity } from 'securenn/client';
 *
 * const [first, again] = [await keepIdentity('me'), await keepIdentity('me')];
 * console.log(first.id === again.id); // true
 * ```
 */
export function keepIdentity(name: string): Promise<Signer> {
  return PLATFORM.kept(name);
}

/**
 * What operators need to admit an identity as a member (`securenn party admit`): a card, as the text of a file. Nothing in it is secret.
 *
 * @param name of the member: small letters, digits, dot, dash, underscore
 * @param options for an identity that comes in the place of another one: on another device, say
 * @throws {Problem} when the card before is none
 * @example
 * ```ts
 * import { keepIdentity, memberCard } from 'securenn/client';
 *
 * const text = await memberCard(await keepIdentity('me'), 'hospital-a');
 * console.log(JSON.parse(text).card.name); // hospital-a
 * ```
 */
export function memberCard(identity: Signer, name: string, options: CardOptions = {}): Promise<string> {
  return makeCard(identity, name, options);
}

/**
 * Says, as the identity before, that another one comes in its place: operators who admit that card give it the data sets, grants and jobs of this one.
 * No secret goes from one device to the other, only cards.
 *
 * @param identity the one before
 * @param card of the one to come, made with `follows`
 * @returns the card that operators admit
 * @throws {Problem} when the card does not name this identity
 * @example
 * ```ts
 * import { createIdentity, endorseCard, keepIdentity, memberCard } from 'securenn/client';
 *
 * const old = await keepIdentity('me'); // in the browser that goes
 * const present = await memberCard(old, 'hospital-a');
 * const fresh = await createIdentity(); // in the browser that comes
 * const next = await memberCard(fresh, 'hospital-a', { follows: present });
 * const card = await endorseCard(old, next); // back in the first: what operators admit
 * console.log(JSON.parse(card).card.identity.sign === fresh.public.sign); // true
 * ```
 */
export function endorseCard(identity: Signer, card: string): Promise<string> {
  return endorse(identity, card);
}
