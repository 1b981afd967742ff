/** One rank of a party but the first, as a thread of the party's process (docs/ranks.md): it listens on a port of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Link } from '../../channel/channel.ts';
import { FrameLink } from '../../channel/link.ts';
import { openListener, type Listener } from '../../channel/listener.ts';
import { KeyPair } from '../../random/keys.ts';
import { WaitMeter } from '../wait-meter.ts';
import { writeCounters } from './counters.ts';
import { RankMember } from './member.ts';
import type { FromRank, RankData, RankWork, ToRank } from './messages.ts';
import { PortTransport } from './port-transport.ts';
import { RankTeam } from './team.ts';

const { party, rank, size, listen, identity, links, counters } = workerData as RankData;
const meter = new WaitMeter();
const tell = (message: FromRank): void => parentPort!.postMessage(message);
const count = (): void => writeCounters(counters, member.counters);
const member: RankMember = new RankMember({ party, rank, size, meter, tell, onDone: count });
const fail = (error: unknown): void => member.fail(error);
const within = (port: ConstructorParameters<typeof PortTransport>[0]): Link =>
  // Who waits for another rank waits as long as that has to compute: each rank's own links have the time-outs.
  new FrameLink(party, party, new PortTransport(port), { onArrival: (peer) => meter.arrived(peer) });
const others = new Map([...links].map(([other, port]) => [other, within(port)]));
const team = new RankTeam({ rank, size, links: others, onSum: count });
member.join(team);

let listener: Listener | undefined;

async function open(): Promise<void> {
  listener = await openListener(listen);
  tell({ type: 'listening', port: listener.port });
}

async function work(order: RankWork): Promise<void> {
  await member.work(order);
  parentPort!.close();
}

function obey(message: ToRank): Promise<void> {
  switch (message.type) {
    case 'start':
      return member.start(message, KeyPair.fromSecret(identity), listener!);
    case 'work':
      return work(message);
  }
}

parentPort!.on('message', (message: ToRank) => void obey(message).catch(fail));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
for (const other of others.values()) void other.failed.then(fail);
open().catch(fail);
