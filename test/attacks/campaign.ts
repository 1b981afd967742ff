/** One party lies in every way that the rules know, at every message that it sends in one protocol: sessions, and what is wrong with its views. */
import type { Compute } from '../../runtime/compute.ts';
import type { PartyName } from '../../src/party/party.ts';
import { testRandom } from '../reference.ts';
import { grouped } from '../protocols/views/checks.ts';
import type { Protocol } from '../protocols/views/table.ts';
import { type Cheat, type Outgoing, type Session, session } from './cheat.ts';
import { endsDiffer, faults } from './judge.ts';
import { ruleNames, RULES } from './rules.ts';
import { partOf } from './table.ts';

export interface Campaign {
  readonly protocol: Protocol;
  readonly by: PartyName;
  readonly compute: Compute;
  /** Of each lie; even, half of them of each input. */
  readonly each: number;
  /** Lies of a message: all, or the first ones after an offset that moves from message to message. */
  readonly most?: number;
  /** Sessions of campaigns with different numbers have different keys. */
  readonly number: number;
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

export async function campaign({ protocol, by, compute, each, most = RULES.size, number }: Campaign): Promise<Outcome> {
  let made = 0;
  const drawer = number % 2 === 0 ? 'P0' : 'P1';
  const one = (cheat: Cheat): Promise<Session> => {
    const index = made++;
    const which = (index % 2) as 0 | 1;
    return session(cheat, (party) => partOf(protocol, party, which), {
      ...{ which, drawer, compute, code: protocol.code },
      number: 1_000_000 * (number + 1) + index,
      random: testRandom(index),
    });
  };
  const many = async (cheat: Cheat): Promise<Session[]> => {
    const sessions: Session[] = [];
    while (sessions.length < each) {
      const count = Math.min(AT_ONCE, each - sessions.length);
      sessions.push(...(await Promise.all(Array.from({ length: count }, () => one(cheat)))));
    }
    return sessions;
  };
  const honest = await many({ by });
  const broken = honest.find(({ failed }) => failed !== '');
  if (broken !== undefined) throw new Error(`${protocol.name}: ${broken.failed}`);
  const all = [...honest];
  const found: string[] = [];
  const messages = chosen(honest[0].sent);
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
