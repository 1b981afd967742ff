/** One party lies in every way that the rules know, at every message that it sends in one protocol: sessions, and what is wrong with its views. */
import type { Compute } from '../../runtime/compute.ts';
import type { PartyName, WorkerName } from '../../src/party/party.ts';
import { testRandom } from '../reference.ts';
import { grouped } from '../protocols/views/checks.ts';
import { type Cheat, type Outgoing, type Session, session } from './cheat.ts';
import { endsDiffer, faults } from './judge.ts';
import { ruleNames, RULES } from './rules.ts';
import { type Attacked, partOf } from './table.ts';

export interface Campaign {
  readonly protocol: Attacked;
  readonly by: PartyName;
  readonly compute: Compute;
  /** Of each lie; even, half of them of each input. */
  readonly each: number;
  /** Of all lies together at least: where there are few, each is told more often. */
  readonly least?: number;
  /** Lies of a message: all, or the first ones after an offset that moves from message to message. */
  readonly most?: number;
  /** Sessions of campaigns with different numbers have different keys. */
  readonly number: number;
  /** The worker that is dealt its share without traffic; without: of even numbers P0. */
  readonly drawer?: WorkerName;
}

export interface Outcome {
  readonly faults: readonly string[];
  readonly sessions: number;
  /** That others ended. */
  readonly ended: number;
  /** Messages that were rewritten, and lies. */
  readonly messages: number;
  readonly lies: number;
}

const AT_ONCE = 16;

/** Labels of several chunks or steps are alike: the first and the last of one purpose and receiver are rewritten. */
function chosen(sent: readonly Outgoing[]): Outgoing[] {
  const alike = grouped(sent, ({ to, label }) => `${to} ${label.replaceAll(/\d+/g, 'n')}`);
  return [...alike.values()].flatMap((some) => (some.length === 1 ? some : [some[0], some[some.length - 1]]));
}

export async function campaign(options: Campaign): Promise<Outcome> {
  const { protocol, by, compute, most = RULES.size, number, drawer = number % 2 === 0 ? 'P0' : 'P1' } = options;
  let made = 0;
  let each = options.each;
  const one = (cheat: Cheat): Promise<Session> => {
    const index = made++;
    const which = (index % 2) as 0 | 1;
    return session(cheat, (party, place) => partOf(protocol, party, which, place), {
      ...{ which, drawer, compute, code: protocol.code, attempts: protocol.attempts, ranks: protocol.ranks },
      number: 1_000_000 * (number + 1) + index,
      random: testRandom(index),
    });
  };
  const many = async (cheat: Cheat, sessions: Session[] = []): Promise<Session[]> => {
    while (sessions.length < each) {
      const count = Math.min(AT_ONCE, each - sessions.length);
      sessions.push(...(await Promise.all(Array.from({ length: count }, () => one(cheat)))));
    }
    return sessions;
  };
  const honest = await many({ by });
  const messages = chosen(honest[0].sent);
  const told = messages.reduce((sum, message) => sum + Math.min(most, ruleNames(message).length), 1);
  each = Math.max(each, 2 * Math.ceil((options.least ?? 0) / told / 2));
  await many({ by }, honest);
  const broken = honest.find(({ failed }) => failed !== '');
  if (broken !== undefined) throw new Error(`${protocol.name}: ${broken.failed}`);
  const all = [...honest];
  const found: string[] = [];
  let lies = 0;
  for (const [place, message] of messages.entries()) {
    const names = ruleNames(message);
    for (let i = 0; i < Math.min(most, names.length); i++) {
      const name = names[(place * most + i + number) % names.length];
      const sessions = await many({ by, at: { to: message.to, label: message.label }, rule: RULES.get(name)! });
      const lie = `${by} to ${message.to}, ${message.label} ${name}`;
      if (endsDiffer(sessions, by)) found.push(`${lie}: how it ends depends on the inputs`);
      found.push(...faults(sessions, by, protocol.code, compute).map((fault) => `${lie}: ${fault}`));
      all.push(...sessions);
      lies++;
    }
  }
  found.push(...faults(all, by, protocol.code, compute).map((fault) => `${by}, whatever it does: ${fault}`));
  const ended = all.filter(({ failed }) => failed !== '').length;
  return { faults: found, sessions: all.length, ended, messages: messages.length, lies };
}
