/** What the parties tell the user while they work, each thing once, however many parties say it. */
import type { Computing } from '../server/compute.ts';
import type { PartyName } from '../server/ipc.ts';
import { Logs } from './logs.ts';
import type { News } from '../server/party-child.ts';

export class PartyNews {
  /** Prints a line for the user to read. */
  readonly line: (text: string) => void;
  readonly logs: Logs;
  readonly #said = new Set<string>();
  #computing: Computing | undefined;

  /** @param logs by default none */
  constructor(line: (text: string) => void, logs: Logs = new Logs({ level: 'silent', file: undefined }, line)) {
    this.line = line;
    this.logs = logs;
  }

  /** What the parties compute with, known once they have begun: on one machine all with the same. */
  get computing(): Computing | undefined {
    return this.#computing;
  }

  hear(party: PartyName, news: News): void {
    switch (news.type) {
      case 'refused':
        return this.line(`${party} turned a stranger away: ${news.reason}`);
      case 'log':
        return this.logs.take(news.line);
      case 'note':
        return this.#once(news.text);
      case 'computing':
        this.#computing = news;
        if (news.adapter !== null) this.#once(`computing on ${news.adapter}`);
        else if (news.reason !== undefined) this.#once('no GPU found: computing with WASM (securenn doctor says why)');
        return;
      // What a party says of a job on stored data, and of its connections.
      case 'checkpoint':
      case 'event':
      case 'expecting':
      case 'answers':
      case 'rejected':
      case 'revealed':
    }
  }

  #once(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.line(text);
  }
}
