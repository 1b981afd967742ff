/** Three parties as `party serve` runs them, and members as they type, each in a folder of its own; all that they share is the federation file. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../src/service/free-ports.ts';
import { Command, type Outcome } from './command.ts';

export const PARTIES = ['P0', 'P1', 'P2'] as const;
export type PartyName = (typeof PARTIES)[number];

export class Host {
  readonly name: string;
  readonly folder: string;

  constructor(root: string, name: string) {
    this.name = name;
    this.folder = join(root, name);
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
  }

  /** A command of this host, started. */
  start(words: readonly string[]): Command {
    return new Command(words, this.folder, {
      SECURENN_IDENTITY: join(this.folder, 'identity.key'),
      SECURENN_FEDERATION: join(this.folder, 'federation.json'),
      XDG_STATE_HOME: join(this.folder, 'state'),
    });
  }

  /** A command that must end well; what it said. */
  async type(...words: string[]): Promise<Outcome> {
    const outcome = await this.start(words).outcome;
    if (outcome.code !== 0) throw new Error(`${this.name}: securenn ${words.join(' ')}\n${outcome.stderr}`);
    return outcome;
  }

  /** A command that must not; its error. */
  async fails(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.start(words).outcome;
    if (code !== 1) throw new Error(`${this.name}: securenn ${words.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
    return stderr;
  }

  /** What `--json -` writes. */
  async ask<T>(...words: string[]): Promise<T> {
    return JSON.parse((await this.type(...words, '--json', '-')).stdout) as T;
  }
}

export class TestFederation {
  readonly parties: Readonly<Record<PartyName, Host>>;
  readonly members: ReadonlyMap<string, Host>;
  readonly #serving: Map<PartyName, Command> = new Map();

  private constructor(parties: TestFederation['parties'], members: ReadonlyMap<string, Host>) {
    this.parties = parties;
    this.members = members;
  }

  /** Keys made, cards exchanged, members admitted; nobody serves yet. */
  static async make(root: string, names: readonly string[]): Promise<TestFederation> {
    const hosts = PARTIES.map((name) => new Host(root, name));
    const ports = await freePorts(9);
    for (const [i, host] of hosts.entries()) {
      const [address, links, own] = ports.slice(3 * i, 3 * i + 3).map((port) => `127.0.0.1:${port}`);
      const where = ['--address', address, '--links', links, '--private', own];
      await host.type('party', 'init', '--role', host.name, ...where, '--dir', 'party');
    }
    const cards = hosts.map((host) => join(host.folder, 'party', `${host.name}.card.json`));
    await hosts[0].type('federation', 'join', ...cards);
    const file = join(hosts[0].folder, 'federation.json');
    for (const host of hosts) cpSync(file, join(host.folder, 'party', 'federation.json'));
    const members = new Map<string, Host>();
    for (const name of names) {
      const host = new Host(root, name);
      cpSync(file, join(host.folder, 'federation.json'));
      await host.type('identity', 'init', '--name', name);
      for (const party of hosts)
        await party.type('party', 'admit', join(host.folder, `${name}.card.json`), '--dir', 'party', '--yes');
      members.set(name, host);
    }
    const [P0, P1, P2] = hosts;
    return new TestFederation({ P0, P1, P2 }, members);
  }

  member(name: string): Host {
    return this.members.get(name)!;
  }

  /** Resolves once it answers. */
  async serve(...parties: readonly PartyName[]): Promise<void> {
    await Promise.all(
      parties.map(async (party) => {
        const command = this.parties[party].start(['party', 'serve', '--dir', 'party']);
        this.#serving.set(party, command);
        await command.shows(/serving/);
      }),
    );
  }

  /** As a machine that loses power; no process of it is left. */
  async kill(party: PartyName): Promise<void> {
    const command = this.#serving.get(party)!;
    process.kill(-command.pid, 'SIGKILL');
    await command.outcome;
  }

  async end(): Promise<void> {
    for (const { process: child, outcome } of this.#serving.values()) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await outcome;
    }
  }
}
