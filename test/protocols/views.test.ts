/**
 * What each party may see (PROTOCOLS §7), of every protocol of both suites, over every field and in every window: all that it receives is
 * uniform, and independent of the inputs, of everything else that it receives and of all that it knows. Of comparisons P2 receives pairs, each
 * share of which is so, and their sums are checked for what they may be (`views/compare.ts`). `views/` has the parts: the table of
 * protocols, the taps, the checks. `scripts/weaken.ts` shows that they notice, by breaking the protocols one step at a time.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Compute } from '../../runtime/compute.ts';
import type { Party, PartyId } from '../../src/party/party.ts';
import * as odd from '../../src/ring/odd.ts';
import * as z64 from '../../src/ring/z64.ts';
import { ring, testRandom } from '../reference.ts';
import { testCompute } from '../simulate.ts';
import { linearModulo, SPARE_RUNS, variables, wrongIn } from './views/checks.ts';
import { type Column, columnsOf } from './views/columns.ts';
import { compares } from './views/compare.ts';
import { record, type Recording } from './views/record.ts';
import { INPUTS, type Protocol, PROTOCOLS, VECTOR } from './views/table.ts';

/** The same word of a worker's share in every run. */
function sharesOf({ scale = 0, odd: isOdd = false }: Protocol, which: 0 | 1): [BigUint64Array, BigUint64Array] {
  const random = testRandom(5);
  const share = ring(Array.from({ length: VECTOR }, () => BigInt(Math.floor(random() * 2 ** 52)) << 11n));
  const x = z64.shiftLeft(INPUTS[which], scale);
  return [share, isOdd ? odd.sub(odd.canonical(x), share) : z64.sub(x, share)];
}

async function workersPart(
  { workers, made }: Protocol,
  party: Party,
  share: BigUint64Array,
): Promise<readonly BigUint64Array[]> {
  const result = await workers(party, share);
  return made?.(result) ?? [];
}

function run(protocol: Protocol, samples: number): Promise<Recording> {
  const parts = [sharesOf(protocol, 0), sharesOf(protocol, 1)] as const;
  // Chunks and operations take turns in whom P2 sends what it deals; here protocols do.
  const drawer = PROTOCOLS.indexOf(protocol) % 2 === 0 ? 'P0' : 'P1';
  return record(samples, drawer, (party, which) =>
    party.id === 2 ? protocol.helper(party).then(() => []) : workersPart(protocol, party, parts[which][party.id]),
  );
}

/** Functions of what is opened, in the place of nothing: they follow from it, and are asked only for their top bits. */
function derivedColumns(protocol: Protocol, columns: readonly Column[]): Column[] {
  const { derived } = protocol;
  if (derived === undefined) return [];
  const opened = columns.filter(({ form }) => form === 'opened');
  const runs = opened[0].values.length;
  const results = Array.from({ length: runs }, (_, run) =>
    derived(BigUint64Array.from(opened, ({ values }) => values[run] as bigint)),
  );
  return Array.from(results[0], (_, i): Column => ({
    ...{
      name: `derived[${i}]`,
      received: false,
      kind: 'bits',
      group: 'derived',
      comparison: 0,
      place: i,
      form: 'sent' as const,
    },
    values: Uint8Array.from(results, (row) => Number(row[i] >> 63n)),
  }));
}

/** Everything that is wrong with the views of a protocol. */
async function faults(protocol: Protocol, compute: Compute): Promise<string[]> {
  const { code } = protocol;
  const probe = await run(protocol, 2);
  const viewsOf = (recording: Recording): { columns: Column[]; found: readonly string[] }[] =>
    ([0, 1, 2] as PartyId[]).map((id) => {
      const columns = columnsOf(recording.runs, id, code, VECTOR, compute);
      const comparing = id === 2 && code !== undefined && recording.compared[0].length > 0;
      const more = comparing ? compares(recording, code, compute) : { columns: [], found: [] };
      const derived = id === 2 ? [] : derivedColumns(protocol, columns);
      return { columns: [...derived, ...columns, ...more.columns], found: more.found };
    });
  const most = Math.max(...viewsOf({ ...probe, runs: probe.runs }).map(({ columns }) => variables(columns).length));
  const samples = 2 * Math.ceil((most + SPARE_RUNS + 1) / 2);
  const recording = await run(protocol, Math.max(LEAST_RUNS, samples));
  return viewsOf(recording).flatMap(({ columns, found }, id) =>
    [
      ...found,
      ...wrongIn(columns, VECTOR, recording.runs.length, code?.prime),
      ...(code === undefined ? [] : linearModulo(columns, code.prime)),
    ].map((fault) => `P${id}: ${fault}`),
  );
}

/** So that frequencies show. */
const LEAST_RUNS = 400;

let compute: Compute;
beforeAll(async () => {
  compute = await testCompute();
});

describe('what a party receives is uniform and independent of what it knows', () => {
  it.each(PROTOCOLS.map((protocol) => [protocol.name, protocol] as const))('%s', async (_name, protocol) => {
    const found = await faults(protocol, compute);
    expect(found.length, found.slice(0, 10).join('\n')).toBe(0);
  });
});
