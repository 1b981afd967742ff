/** Results that lie ready for their receiver: `RESULTS/JOB/NAME.sealed`, NAME as a part of an address is written. */
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Refusal } from '../refusal.ts';
import type { Call } from './context.ts';
import { writeHead } from './sending.ts';

const SUFFIX = '.sealed';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;
/** A receiver that takes nothing for so long is gone. */
const IDLE_MS = 60_000;

export interface ResultView {
  readonly name: string;
  readonly bytes: number;
}

export async function listResults(folder: string, job: string): Promise<readonly ResultView[]> {
  const files = await readdir(join(folder, job)).catch(() => []);
  const found: ResultView[] = [];
  for (const file of files.sort()) {
    if (!file.endsWith(SUFFIX)) continue;
    const name = decode(file.slice(0, -SUFFIX.length));
    const facts = await stat(join(folder, job, file)).catch(() => undefined);
    if (name !== undefined && facts !== undefined) found.push({ name, bytes: facts.size });
  }
  return found;
}

/** Of so many at once, and so long each: losses and counts. */
const MOST_TOGETHER = 64;
const SMALL_BYTES = 65_536;

/** Those of the names that are there and small, sealed as they are, in base64. */
export async function readTogether(
  folder: string,
  job: string,
  names: string | undefined,
): Promise<Readonly<Record<string, string>>> {
  const wanted = names?.split(',') ?? [];
  if (wanted.length === 0 || wanted.length > MOST_TOGETHER || !wanted.every((name) => NAME.test(name)))
    throw new Refusal(400, `names: expected 1 to ${MOST_TOGETHER} names of results, with commas`, 'ask for fewer');
  const files = new Set(await readdir(join(folder, job)).catch(() => []));
  const found: Record<string, string> = {};
  for (const name of wanted) {
    const file = `${encodeURIComponent(name)}${SUFFIX}`;
    if (!files.has(file)) continue;
    const path = join(folder, job, file);
    const { size } = await stat(path).catch(() => ({ size: Infinity }));
    if (size <= SMALL_BYTES) found[name] = (await readFile(path)).toString('base64');
  }
  return found;
}

export async function sendResult(call: Call, folder: string, job: string, name: string): Promise<Response> {
  if (!NAME.test(name)) throw none();
  const handle = await open(join(folder, job, `${encodeURIComponent(name)}${SUFFIX}`)).catch(() => undefined);
  if (handle === undefined) throw none();
  const { outgoing } = call.env;
  try {
    const { size } = await handle.stat();
    writeHead(call, { 'content-type': 'application/octet-stream', 'content-length': size });
    outgoing.setTimeout(IDLE_MS, () => outgoing.destroy());
    const stream = createReadStream('', { fd: handle, autoClose: false, highWaterMark: 2 ** 18 });
    await new Promise<void>((resolve) => {
      outgoing.once('close', resolve);
      stream.once('error', () => outgoing.destroy());
      stream.pipe(outgoing);
    });
    stream.destroy();
  } finally {
    outgoing.setTimeout(0);
    await handle.close();
  }
  return RESPONSE_ALREADY_SENT;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function none(): Refusal {
  return new Refusal(404, 'no such result here', 'see the list of results: it grows while the job runs');
}
