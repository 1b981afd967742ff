/** The tables of a report. */
import { type CountedLine, PARTIES, type PartyName } from './line.ts';
import { placeOf } from './place.ts';
import { busiestRank } from './rank-counters.ts';
import { GROUP_NAMES, GROUPS, groupTime, layerName, type PartySummary, type Summary } from './summary.ts';
import { bytes, escaped, milliseconds } from './words.ts';

export type Cell = string | { readonly n: string };

interface Table {
  readonly id?: string;
  /** What it shows, for who hears the page and does not see it. */
  readonly caption: string;
  /** Of many columns. */
  readonly broad?: true;
  readonly head: readonly Cell[];
  readonly rows: readonly (readonly Cell[])[];
  readonly foot?: readonly Cell[];
}

/**
 * Cells are text; `{ n }` stands right, as figures do. Where it is wider than the page it scrolls, by keyboard too, and says so (`style.ts`).
 */
export function table({ id, caption, broad, head, rows, foot }: Table): string {
  const cells = (tag: 'td' | 'th', row: readonly Cell[]): string =>
    row
      .map((cell) => {
        const scope = tag === 'th' ? ' scope="col"' : '';
        return typeof cell === 'string'
          ? `<${tag}${scope}>${escaped(cell)}</${tag}>`
          : `<${tag}${scope} class="n">${escaped(cell.n)}</${tag}>`;
      })
      .join('');
  const line = (tag: 'td' | 'th', row: readonly Cell[]): string => `<tr>${cells(tag, row)}</tr>`;
  const body = rows.map((row) => line('td', row)).join('\n');
  const end = foot === undefined ? '' : `<tfoot>${line('td', foot)}</tfoot>`;
  const name = id === undefined ? '' : ` id="${id}"`;
  const heard = `<caption class="heard">${escaped(caption)}</caption>`;
  return `<div class="sheet${broad ? ' broad' : ''}"><p class="hint">scroll →</p><div class="scroll" role="region" tabindex="0" aria-label="${escaped(caption)}"><table${name}>${heard}<thead>${line('th', head)}</thead>\n<tbody>\n${body}\n</tbody>${end}</table></div></div>`;
}

/** What the chart of layers shows. */
export function layerFigures({ layers }: Summary): string {
  const rows = layers.map(({ layer, party, time }): Cell[] => [
    layerName(layer),
    party,
    ...GROUPS.map((group) => ({ n: milliseconds(groupTime(time, group)) })),
  ]);
  const head: Cell[] = ['layer', 'party', ...GROUPS.map((group) => ({ n: GROUP_NAMES[group] }))];
  return table({ id: 'layers', caption: 'Time by layer and party', broad: true, head, rows });
}

export function protocolTable({ protocols, traffic, rounds, teller }: Summary): string {
  const rows = protocols.map((row): Cell[] => [
    row.protocol,
    { n: String(row.calls) },
    { n: String(row.messages) },
    { n: bytes(row.frameBytes) },
    { n: `${((100 * row.frameBytes) / Math.max(1, traffic.frameBytes)).toFixed(1)} %` },
    { n: String(row.rounds) },
  ]);
  const foot: Cell[] = [
    'as the channel counted',
    { n: '' },
    { n: String(traffic.messages) },
    { n: bytes(traffic.frameBytes) },
    { n: '100 %' },
    { n: String(rounds) },
  ];
  const head: Cell[] = [
    'protocol',
    { n: `runs at ${teller}` },
    { n: 'messages' },
    { n: 'bytes sent' },
    { n: 'share' },
    { n: 'rounds' },
  ];
  return `${table({ id: 'protocols', caption: 'Bytes and rounds by protocol', head, rows, foot })}
<p class="soft">The whole session, all parties, headers included. A round is a message that lengthened the chain of messages that depend on each other; where protocols overlap, the first to get there counts.</p>`;
}

export function partyTable({ parties, unit }: Summary): string {
  const each = (name: string, of: (party: PartySummary) => string): Cell[] => [
    name,
    ...parties.map((party) => ({ n: of(party) })),
  ];
  const to =
    (peer: PartyName, of: (link: PartySummary['traffic'][number]) => string) =>
    (party: PartySummary): string => {
      const link = party.traffic.find((one) => one.peer === peer);
      return link === undefined ? '–' : of(link);
    };
  const per = unit === 'session' ? '' : ` a ${unit}`;
  const rows: Cell[][] = [
    ...PARTIES.map((peer) =>
      each(
        `sent to ${peer}`,
        to(peer, (link) => `${bytes(link.frameBytes)}, ${link.messages} msg`),
      ),
    ),
    ...PARTIES.map((peer) =>
      each(`waits for ${peer}${per}`, ({ party, waitFor }) =>
        party === peer ? '–' : milliseconds(waitFor[peer] ?? 0),
      ),
    ),
    each(`messages on their way${per}`, ({ time }) => milliseconds(time.link)),
    each('messages awaited at a time', ({ awaited }) => `${awaited.mean.toFixed(1)}, at most ${awaited.peak}`),
    each('kernels under way at a time', ({ kernels }) => `${kernels.mean.toFixed(2)}, at most ${kernels.peak}`),
    each(
      'processor time, all threads',
      ({ cpuMs, sessionMs }) => `${milliseconds(cpuMs)} of ${milliseconds(sessionMs)}`,
    ),
    ...(parties.some(({ gpuMs }) => gpuMs > 0) ? [each('GPU time', ({ gpuMs }) => milliseconds(gpuMs))] : []),
    each('clock against P0', ({ party, clock }) => (party === 'P0' ? '–' : `± ${clock.uncertaintyMs.toFixed(2)} ms`)),
  ];
  const head: Cell[] = ['figure', ...parties.map(({ party }) => ({ n: party }))];
  return table({ id: 'parties', caption: 'The parties', head, rows });
}

/** Of parties of several ranks, what each spent; nothing else in a profile is of any but rank 0. */
export function rankTable({ parties }: Summary): string {
  const rows = parties.flatMap(({ party, ranks = [] }) => {
    const busiest = busiestRank(ranks);
    return ranks.map(({ cpuSeconds, computeSeconds, waitSeconds, bytesSent }, rank): Cell[] => [
      party,
      { n: String(rank) },
      { n: cpuSeconds === 0 ? '–' : milliseconds(1000 * cpuSeconds) },
      { n: milliseconds(1000 * computeSeconds) },
      { n: milliseconds(1000 * waitSeconds) },
      { n: bytes(bytesSent) },
      { n: busiest?.rank === rank ? `${busiest.overMean.toFixed(2)} × the mean` : '' },
    ]);
  });
  const figures = ['rank', 'main thread on a core', 'computing', 'waiting', 'sent', 'busiest'].map((n) => ({ n }));
  return table({ id: 'ranks', caption: 'The ranks', head: ['party', ...figures], rows });
}

interface Primitive {
  readonly protocol: string;
  readonly what: string;
  readonly ms: Partial<Record<PartyName, number>>;
  frameBytes: number;
  rounds: number;
}

/** A table for each layer, closed until asked for. */
export function layerTables({ parties, teller }: Summary): string {
  const layers = new Map<string, Map<string, Primitive>>();
  for (const { party, lines } of parties) {
    for (const line of lines) add(layers, party, line, party === teller);
  }
  const total = (rows: Iterable<Primitive>): number => sum([...rows].map((row) => row.ms[teller] ?? 0));
  return [...layers]
    .sort(([, a], [, b]) => total(b.values()) - total(a.values()))
    .map(([layer, primitives]) => {
      const rows = [...primitives.values()].sort((a, b) =>
        a.protocol < b.protocol
          ? -1
          : a.protocol > b.protocol
            ? 1
            : sum(Object.values(b.ms)) - sum(Object.values(a.ms)),
      );
      const cells = rows.map((row, i): Cell[] => [
        rows[i - 1]?.protocol === row.protocol ? '' : row.protocol,
        row.what,
        ...parties.map(({ party }) => ({ n: row.ms[party] === undefined ? '' : milliseconds(row.ms[party]) })),
        { n: row.frameBytes === 0 ? '' : bytes(row.frameBytes) },
        { n: row.rounds === 0 ? '' : String(row.rounds) },
      ]);
      const head: Cell[] = [
        'protocol',
        'primitive',
        ...parties.map(({ party }) => ({ n: party })),
        { n: 'bytes' },
        { n: 'rounds' },
      ];
      return `<details><summary>${escaped(layerName(layer))} <span class="soft">${milliseconds(total(rows))} at ${teller}</span></summary>\n${table({ caption: `What ran in ${layerName(layer)}`, head, rows: cells })}</details>`;
    })
    .join('\n');
}

const WORDS: Readonly<Record<CountedLine['kind'], string>> = {
  span: 'other',
  kernel: 'kernel',
  random: 'draw',
  send: 'send',
  receive: 'receive',
};

function add(layers: Map<string, Map<string, Primitive>>, party: PartyName, line: CountedLine, rounds: boolean): void {
  const ms = line.ownMs + line.localMs + line.idleMs;
  if (ms === 0 && line.frameBytes === 0) return;
  const { layer, protocol } = placeOf(line.scope);

  const rows = layers.get(layer) ?? new Map<string, Primitive>();
  layers.set(layer, rows);
  const what = `${WORDS[line.kind]} ${line.name}`.trim();
  const row = rows.get(`${protocol} ${what}`) ?? { protocol, what, ms: {}, frameBytes: 0, rounds: 0 };
  rows.set(`${protocol} ${what}`, row);
  row.ms[party] = (row.ms[party] ?? 0) + ms;
  row.frameBytes += line.frameBytes;
  if (rounds) row.rounds += line.rounds;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
