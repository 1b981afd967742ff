/** Parts of a profile made by hand: intervals whose owner a test knows. */
import { noCounters, PARTIES, type CountedLine, type Kind, type PartyName } from '../../src/profile/line.ts';
import { makeColumns, type Columns } from '../../src/profile/log.ts';
import type { Part } from '../../src/profile/part.ts';
import type { RunFacts } from '../../src/profile/summary.ts';

export interface Happening {
  readonly scope: string;
  readonly kind: Kind;
  readonly name?: string;
  readonly peer?: PartyName;
  /** On P0's clock. */
  readonly end: number;
  readonly span?: number;
  readonly busy?: number;
  readonly own?: number;
  readonly idle?: number;
  readonly bytes?: number;
  /** Which message: the same number at both ends. */
  readonly message?: number;
}

export interface PartOptions {
  readonly startMs?: number;
  readonly endMs: number;
  /** This party's clock minus P0's. */
  readonly ahead?: number;
  readonly complete?: boolean;
  readonly unlogged?: number;
  readonly coreWaits?: Part['coreWaits'];
}

export function partOf(party: PartyName, happenings: readonly Happening[], options: PartOptions): Part {
  const ahead = options.ahead ?? 0;
  const lines: CountedLine[] = [{ scope: '', kind: 'span', name: '', peer: undefined, ...noCounters() }];
  const columns: Columns = makeColumns(happenings.length);
  happenings.forEach((h, i) => {
    let line = lines.findIndex(
      (l) => l.scope === h.scope && l.kind === h.kind && l.name === (h.name ?? '') && l.peer === h.peer,
    );
    if (line < 0)
      line = lines.push({ scope: h.scope, kind: h.kind, name: h.name ?? '', peer: h.peer, ...noCounters() }) - 1;
    const counted = lines[line];
    counted.calls++;
    counted.spanMs += h.span ?? 0;
    counted.ownMs += h.own ?? 0;
    counted.localMs += (h.busy ?? 0) - (h.own ?? 0);
    counted.idleMs += h.idle ?? 0;
    if (h.kind === 'send') counted.frameBytes += h.bytes ?? 0;
    columns.line[i] = line;
    columns.end[i] = h.end + ahead;
    columns.span[i] = h.span ?? 0;
    columns.busy[i] = h.busy ?? 0;
    columns.own[i] = h.own ?? 0;
    columns.idle[i] = h.idle ?? 0;
    columns.cause[i] = line;
    columns.bytes[i] = h.bytes ?? 0;
    columns.message[i] = h.message ?? 0;
    columns.messageHigh[i] = h.message ?? 0;
  });
  return {
    session: 'test',
    party,
    clock: { offsetMs: -ahead, uncertaintyMs: party === 'P0' ? 0 : 0.5 },
    complete: options.complete ?? true,
    traffic: [],
    rounds: 4,
    startMs: (options.startMs ?? 0) + ahead,
    endMs: options.endMs + ahead,
    cpuMs: 10,
    lines,
    columns,
    unlogged: options.unlogged ?? 0,
    kernels: { mean: 0.5, peak: 2 },
    awaited: { mean: 1, peak: 3 },
    coreWaits: options.coreWaits ?? [],
  };
}

export const FACTS: RunFacts = {
  network: 'A',
  batch: 128,
  suite: 'direct',
  backend: 'wasm',
  workers: 1,
  machine: 'a machine, 4 cores, 8 GiB, Node 20',
  cores: 4,
  load: 1,
  oneMachine: true,
  link: undefined,
  ended: undefined,
  unitMs: undefined,
  phases: [],
};

const DENSE = 'step/layer/0:dense/matmul';
const RELU = 'step/layer/1:relu/truncateRelu';

/**
 * Three parties over one step of 100 ms. P0: 40 ms of products, 10 of ring arithmetic, and 50 asleep for a message of P2 that was sent
 * after 20 of them, at which P2 ran a comparison kernel; so 30 of them the message was on its way.
 */
export function threeParties(ahead: number): Map<PartyName, Part> {
  const options = { endMs: 100, ahead };
  return new Map([
    [
      'P0',
      partOf(
        'P0',
        [
          { scope: DENSE, kind: 'kernel', name: 'gemm', end: 40, span: 40, busy: 40, own: 40 },
          { scope: RELU, kind: 'receive', name: 'q', peer: 'P2', end: 100, span: 50, busy: 10, idle: 50, message: 7 },
          { scope: 'step/layer/0:dense', kind: 'span', end: 100, span: 50 },
          { scope: 'step/layer/1:relu', kind: 'span', end: 100, span: 50 },
          { scope: 'step', kind: 'span', end: 100, span: 100 },
        ],
        { endMs: 100 },
      ),
    ],
    [
      'P1',
      partOf('P1', [{ scope: DENSE, kind: 'random', name: 'U', end: 100, span: 100, busy: 100, own: 100 }], options),
    ],
    [
      'P2',
      partOf(
        'P2',
        [
          { scope: RELU, kind: 'kernel', name: 'compareTest', end: 69, span: 69, busy: 69, own: 69 },
          {
            scope: RELU,
            kind: 'send',
            name: 'q',
            peer: 'P0',
            end: 71,
            span: 1,
            busy: 2,
            own: 1,
            bytes: 840,
            message: 7,
          },
          { scope: RELU, kind: 'kernel', name: 'compareTest', end: 100, span: 29, busy: 29, own: 29 },
        ],
        options,
      ),
    ],
  ]);
}

/**
 * Three parties that do the same over some steps: the first ends after 50 ms, each further one 10 ms later, of which 4 went into a product, 5 into ring arithmetic
 * and 1, between two steps, into nothing.
 *
 * @param coreWait how long it had waited for a core, by its clock; none: the system does not say
 */
export function steps(count: number, coreWait?: (atMs: number) => number): Map<PartyName, Part> {
  const happenings = Array.from({ length: count }, (_, i): Happening[] => {
    const end = 50 + 10 * i;
    const idle = i === 0 ? 41 : 1;
    return [
      { scope: '', kind: 'span', end: end - 9, idle },
      { scope: DENSE, kind: 'kernel', name: 'gemm', end, busy: 9, own: 4 },
      { scope: 'step', kind: 'span', end, span: 9 },
    ];
  }).flat();
  const endMs = 50 + 10 * count;
  const readings = coreWait === undefined ? [] : [0, 55, endMs];
  const coreWaits = readings.map((atMs) => ({ atMs, waitedMs: coreWait!(atMs) }));
  return new Map(PARTIES.map((party) => [party, partOf(party, happenings, { endMs, coreWaits })]));
}
