/** `securenn demo --web`: what the demo does beside the rest so that a page on this machine may ask the served model. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyEdits, modify } from 'jsonc-parser';
import type { LocalPorts } from '../../client/platform.ts';
import type { Role } from '../../federation/card.ts';
import { fingerprint, parseFederation } from '../../federation/federation-file.ts';
import { PageServer } from './page-server.ts';

const TOKEN_BYTES = 16;
/** Of a visitor: enough for one who draws as fast as hands allow, and for a test. */
const IMAGES_PER_MINUTE = 600;

export interface WebOptions {
  /** 0: a free one. */
  readonly port: number;
  /** A free port for each party, for plain HTTP on 127.0.0.1. */
  readonly local: LocalPorts;
}

export class Web {
  readonly #server: PageServer;
  readonly #local: LocalPorts;

  private constructor(server: PageServer, local: LocalPorts) {
    [this.#server, this.#local] = [server, local];
  }

  /** Listens from now on, so that the page's origin is known; who opens it early is told to wait. */
  static async open({ port, local }: WebOptions): Promise<Web> {
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    return new Web(await PageServer.open({ port, token, parties: Object.values(local) }), local);
  }

  get address(): string {
    return this.#server.address;
  }

  /** Lets the page ask a party, as its operator would. @returns what is added to its party.json */
  async admit(party: Role, folder: string): Promise<string> {
    const path = join(folder, 'party.json');
    const added: readonly (readonly [path: string[], value: unknown])[] = [
      [['pages'], [this.#server.origin]],
      [['local'], { port: this.#local[party] }],
      [['limits'], { visitorImagesPerMinute: IMAGES_PER_MINUTE }],
    ];
    let text = await readFile(path, 'utf8');
    for (const [at, value] of added) text = applyEdits(text, modify(text, at, value, {}));
    await writeFile(path, text);
    return JSON.stringify(Object.fromEntries(added.map(([[name], value]) => [name, value])));
  }

  /** @param analyst the folder of who has the federation file and the model */
  async show(session: string, analyst: string): Promise<void> {
    const text = await readFile(join(analyst, 'federation.json'), 'utf8');
    const federation = parseFederation(text, 'federation.json');
    const facts = { federation, fingerprint: fingerprint(federation), local: this.#local, session };
    this.#server.show({ facts, model: await readFile(join(analyst, 'model.safetensors')) });
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}
