/**
 * A data set on its way to the three parties: what each is given, what goes on where it stopped, and when it counts.
 *
 * To P0 and P1 the same encrypted chunks (E) and each one's mask key, to P2 both mask keys; keys sealed to whom they are for. Each party checks what
 * it has against the signed document and signs a receipt; with three receipts the set can be used. Everything may be done twice: a chunk that is
 * there, a receipt that was given, so whatever stopped an upload, the same again completes it.
 */
import { Problem } from '../../data/problem.ts';
import { additionalOf, nonceOf, packKeys, type Part } from '../../federation/chunks.ts';
import { toBase64, toHex } from '../../random/text.ts';
import type { Digest } from '../../federation/canonical.ts';
import { type DataDocument, receiptDocument } from '../../federation/documents.ts';
import { roleOf } from '../../federation/federation-file.ts';
import { nameOf, type Signed } from '../../federation/signed.ts';
import { PARTIES, type PartyName } from '../parties.ts';
import { readSigned, takenAnswer, receiptAnswer, type UploadAnswer, uploadAnswer } from './answers.ts';
import type { FederationClient } from './client.ts';
import type { OpenedSet, SharingKeys } from './sharing.ts';
import { Refused, Unreachable } from './transport.ts';

/** Chunks under way at once, to each party. */
const FLIGHTS = 3;
/** How long a party that falls silent in the midst of an upload is tried again. */
const PATIENCE_MS = 120_000;
/** While a party checks digests of all it has. */
const CHECK_MS = 600_000;

/** Bytes that P0 and P1 have, of all that they are to have, one counted for both. */
export type OnUpload = (part: Part | 'checking', sent: number, total: number) => void;

/** Who has chunks; P2 has only keys. */
const HOLDERS = ['P0', 'P1'] as const;

/**
 * Resolves once all three parties can use the set. @returns the document's name
 * @param onRefused all three have refused to begin
 */
export async function upload(
  client: FederationClient,
  signed: Signed<DataDocument>,
  opened: OpenedSet,
  keys: SharingKeys,
  onUpload: OnUpload = () => undefined,
  onRefused: () => Promise<void> = () => Promise.resolve(),
): Promise<Digest> {
  const digest = nameOf(signed);
  const begun = await announce(client, signed, digest, keys, onRefused);
  if (PARTIES.every((party) => begun[party].state === 'ready')) return digest;
  await sendChunks(client, digest, opened, keys, begun, onUpload);
  onUpload('checking', 0, 0);
  const receipts = await collectReceipts(client, digest);
  const ready = await client.everywhere((party) =>
    client.ask(party, 'POST', `/v1/data/${digest}/receipts`, takenAnswer, {
      body: { receipts },
      patienceMs: PATIENCE_MS,
    }),
  );
  ready.all('the data set is ready');
  return digest;
}

/** Each party is told what comes, and says what it has. */
async function announce(
  client: FederationClient,
  signed: Signed<DataDocument>,
  digest: Digest,
  keys: SharingKeys,
  onRefused: () => Promise<void>,
): Promise<Readonly<Record<PartyName, UploadAnswer>>> {
  const [U0, U1] = keys.masks;
  const given = {
    P0: { content: keys.content, masks: [U0] },
    P1: { content: keys.content, masks: [U1] },
    P2: { masks: [U0, U1] },
  };
  const answers = await client.everywhere(async (party) => {
    const sealed = await client.sealTo(party, `data ${digest}`, packKeys(given[party]));
    const body = { signed, key: toBase64(sealed) };
    return client.ask(party, 'POST', '/v1/data', uploadAnswer, { body });
  });
  const isRefused =
    [...answers.failures.values()].filter((error) => error instanceof Refused).length === PARTIES.length;
  if (isRefused) await onRefused();
  const begun = answers.all('the upload has begun');
  for (const party of PARTIES) {
    if (begun[party].digest !== digest)
      throw new Problem(
        `${party} names the data set ${begun[party].digest.slice(0, 12)}, its document is ${digest.slice(0, 12)}`,
        'ask its operator which version it runs',
      );
  }
  return begun;
}

interface Chunk {
  readonly part: Part;
  readonly number: number;
  readonly bytes: number;
  /** Who lacks it. */
  readonly parties: readonly PartyName[];
}

async function sendChunks(
  client: FederationClient,
  digest: Digest,
  opened: OpenedSet,
  { content }: SharingKeys,
  begun: Readonly<Record<PartyName, UploadAnswer>>,
  onUpload: OnUpload,
): Promise<void> {
  const has = (party: PartyName, part: Part, number: number): boolean =>
    begun[party].state !== 'uploading' || begun[party].have[part].includes(number);
  const lacking: Chunk[] = [...opened.places()]
    .map((place) => ({ ...place, parties: HOLDERS.filter((party) => !has(party, place.part, place.number)) }))
    .filter(({ parties }) => parties.length > 0);
  const { primitives } = client;
  const total = opened.bytes;
  let sent = total - lacking.reduce((sum, { bytes }) => sum + bytes, 0);
  const failed = new AbortController();
  const queue = lacking.values();
  const flight = async (): Promise<void> => {
    for (const { part, number, bytes, parties } of queue) {
      failed.signal.throwIfAborted();
      onUpload(part, sent, total);
      const place = { data: digest, part, number };
      const chunk = await opened.chunk(part, number);
      const body = await primitives.seal(content, nonceOf(place), additionalOf(place), chunk);
      const asked = { body, digest: toHex(await primitives.sha256(body)), patienceMs: PATIENCE_MS };
      const path = `/v1/data/${digest}/${part}/${number}`;
      await Promise.all(parties.map((party) => client.bytes(party, 'PUT', path, { ...asked, signal: failed.signal })));
      onUpload(part, (sent += bytes), total);
    }
  };
  const flights = Array.from({ length: FLIGHTS }, flight);
  try {
    await Promise.all(flights);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(flights);
    throw goOn(error, sent, total);
  }
}

function goOn(error: unknown, sent: number, total: number): unknown {
  if (!(error instanceof Unreachable)) return error;
  const there = `${Math.floor(sent / 1e6)} of ${Math.ceil(total / 1e6)} MB are there`;
  return new Problem(`${error.message}; ${there}`, `${error.fix}; the same command then goes on from there`, {
    fixInCode: `${error.fix}; the same call then goes on from there`,
  });
}

/** Of all three, each signed by the party that it names. */
async function collectReceipts(client: FederationClient, digest: Digest): Promise<Signed[]> {
  const answers = await client.everywhere(async (party) => {
    const asked = { idleMs: CHECK_MS, patienceMs: PATIENCE_MS };
    const { receipt } = await client.ask(party, 'POST', `/v1/data/${digest}/complete`, receiptAnswer, asked);
    const { document, author } = await readSigned(client, receiptDocument, 'receipt', receipt, party);
    const role = roleOf(client.federation, author, client.now().getTime());
    if (document.party !== party || document.data !== digest || role !== party) {
      throw new Problem(
        `${party}: its receipt is not its own, or is for another data set`,
        'ask its operator; the data set is not ready',
      );
    }
    return receipt;
  });
  const receipts = answers.all('the data set is complete');
  return PARTIES.map((party) => receipts[party]);
}
