/** What Prometheus is told of a party's service: counts, sizes, days. Nothing of anybody's data, no name and no id. */
import { collectDefaultMetrics, Counter, Gauge, Registry, type Metric } from 'prom-client';
import type { PartyName } from '../server/ipc.ts';

/** Read when somebody scrapes. */
export interface ServiceFigures {
  readonly version: string;
  readonly certificateDays: number;
  readonly jobs: Readonly<Record<string, number>>;
  /** Data sets by state. */
  readonly data: Readonly<Record<string, number>>;
  readonly dataBytes: number;
  readonly connections: { readonly strangers: number; readonly proved: number };
  readonly disk: { readonly free: number; readonly total: number } | undefined;
}

export class ServiceMetrics {
  readonly #registry: Registry = new Registry();
  readonly #requests: Counter<'method' | 'status'>;
  readonly #refused: Counter<'reason'>;
  readonly #turnedAway: Counter<'port' | 'reason'>;
  readonly #uploaded: Counter;
  readonly #links: Counter<'to'>;

  readonly #gauges: Gauges;
  readonly #figures: () => Promise<ServiceFigures>;

  /** @param others that stand beside its own */
  constructor(party: PartyName, figures: () => Promise<ServiceFigures>, others: readonly Metric[]) {
    const registers = [this.#registry];
    this.#figures = figures;
    this.#registry.setDefaultLabels({ party });
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'securenn_requests_total',
      help: 'Requests that were answered',
      labelNames: ['method', 'status'],
      registers,
    });
    this.#refused = new Counter({
      name: 'securenn_requests_refused_total',
      help: 'Requests that were refused, by why; request: of a known asker, who is told',
      labelNames: ['reason'],
      registers,
    });
    this.#turnedAway = new Counter({
      name: 'securenn_connections_turned_away_total',
      help: 'Connections that were closed before they had proved who they are',
      labelNames: ['port', 'reason'],
      registers,
    });
    this.#uploaded = new Counter({
      name: 'securenn_uploaded_bytes_total',
      help: 'Bytes of chunks that owners sent and that are on the disk',
      registers,
    });
    this.#links = new Counter({
      name: 'securenn_link_connections_total',
      help: 'Connections to the links port: handed to a job, or answered and closed',
      labelNames: ['to'],
      registers,
    });
    this.#gauges = makeGauges(registers);
    for (const other of others) this.#registry.registerMetric(other);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    await this.#mirror();
    return this.#registry.metrics();
  }

  answered(method: string, status: number): void {
    // What strangers write is not a label.
    const known = ['GET', 'POST', 'PUT'].includes(method) ? method : 'other';
    this.#requests.inc({ method: known, status: String(status) });
  }

  refused(reason: string): void {
    this.#refused.inc({ reason });
  }

  turnedAway(port: 'address' | 'links', reason: string): void {
    this.#turnedAway.inc({ port, reason });
  }

  uploaded(bytes: number): void {
    this.#uploaded.inc(bytes);
  }

  link(to: 'job' | 'nobody'): void {
    this.#links.inc({ to });
  }

  async #mirror(): Promise<void> {
    const { version, certificateDays, jobs, data, dataBytes, connections, disk } = await this.#figures();
    const { info, days, byJobState, byDataState, bytes, connected, diskFree, diskTotal } = this.#gauges;
    info.set({ version }, 1);
    days.set(certificateDays);
    for (const [state, count] of Object.entries(jobs)) byJobState.set({ state }, count);
    for (const [state, count] of Object.entries(data)) byDataState.set({ state }, count);
    bytes.set(dataBytes);
    for (const [of, count] of Object.entries(connections)) connected.set({ of }, count);
    if (disk === undefined) return;
    diskFree.set(disk.free);
    diskTotal.set(disk.total);
  }
}

interface Gauges {
  readonly info: Gauge<'version'>;
  readonly days: Gauge;
  readonly byJobState: Gauge<'state'>;
  readonly byDataState: Gauge<'state'>;
  readonly bytes: Gauge;
  readonly connected: Gauge<'of'>;
  readonly diskFree: Gauge;
  readonly diskTotal: Gauge;
}

function makeGauges(registers: Registry[]): Gauges {
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const byLabel = <T extends string>(name: string, label: T, help: string): Gauge<T> =>
    new Gauge({ name, help, labelNames: [label], registers });
  return {
    info: byLabel('securenn_service_info', 'version', 'The program of this party; always 1'),
    days: gauge('securenn_certificate_days_left', 'Whole days until the TLS certificate expires'),
    byJobState: byLabel('securenn_jobs', 'state', 'Jobs that this party knows'),
    byDataState: byLabel('securenn_data_sets', 'state', 'Data sets that this party knows'),
    bytes: gauge('securenn_data_bytes', 'Bytes of chunks that this party stores'),
    connected: byLabel(
      'securenn_connections',
      'of',
      'Open connections: of strangers, and of those who proved themselves',
    ),
    diskFree: gauge('securenn_disk_free_bytes', 'Room on the disk of the party folder'),
    diskTotal: gauge('securenn_disk_bytes', 'Size of the disk of the party folder'),
  };
}
