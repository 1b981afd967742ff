/** What every command of a federation's member does first and last: files read, parties greeted, connections let go. */
import { FederationClient } from '../../client/federated/client.ts';
import type { Section } from '../../client/federated/describe.ts';
import { httpsTransport } from '../../client/federated/https.ts';
import { readFederation } from '../../federation/federation-read.ts';
import { isChanging, keysBefore } from '../../federation/member-keys.ts';
import { readIdentity } from '../../federation/secret-file.ts';
import { NODE } from '../../random/node-primitives.ts';
import { widthOf, wrapText } from '../layout.ts';
import { checkWritable, say } from '../output.ts';
import type { Argv } from '../options/values.ts';
import { readMember, type MemberSettings } from './options.ts';

export interface Member {
  readonly client: FederationClient;
  readonly settings: MemberSettings;
  /** A line for the person; on standard error where the JSON object has standard output. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Runs a command as the member that its options name. @param note where the person is told what is worth knowing */
export async function asMember<T>(
  argv: Argv,
  signal: AbortSignal,
  task: (member: Member) => Promise<T>,
  note: (text: string) => void = (text) => console.error(wrapText(`securenn: ${text}`, widthOf(process.stderr))),
): Promise<T> {
  const settings = readMember(argv);
  const { json } = settings;
  if (json !== undefined && json !== '-') await checkWritable('json', json);
  const federation = await readFederation(settings.federation);
  const passphrase = process.env.SECURENN_PASSPHRASE;
  const identity = await readIdentity(settings.identity, passphrase);
  const transport = httpsTransport(federation, note);
  const before = await keysBefore(settings.identity);
  const earlier = {
    ids: [...before.keys()],
    open: () => Promise.all([...before.values()].map((path) => readIdentity(path, passphrase))),
  };
  const client = new FederationClient({
    ...{ federation, identity, earlier, primitives: NODE, transport: transport.send, onNote: note, signal },
  });
  if (isChanging(settings.identity))
    client.onNote(
      `${settings.identity} is being changed: once all three parties have the new key, securenn identity rotate finish`,
    );
  try {
    return await task({ client, settings, say: (text) => say(json, text), signal });
  } finally {
    transport.close();
  }
}

/** Labels flush left, what belongs to them beside, each thing on a line. */
export function laySections(sections: readonly Section[]): string {
  const width = Math.max(...sections.map(([label]) => label.length)) + 2;
  return sections
    .flatMap(([label, ...lines]) => lines.map((line, i) => `${(i === 0 ? label : '').padEnd(width)}${line}`))
    .join('\n');
}
