/** A party's view as random variables: one column for each word, bit or element of Z_p that it receives or knows, over all runs. */
import { codeLength, type Compute, type DigitCode } from '../../../runtime/compute.ts';
import { extensionOf, STRIDE } from '../../../runtime/extension.ts';
import type { RecordedMessage } from '../../../src/channel/memory.ts';
import type { PartyId } from '../../../src/party/party.ts';
import { unpackBits, xorInto } from '../../../src/ring/bits.ts';
import * as z64 from '../../../src/ring/z64.ts';
import { HOLDS, type Run, type Values } from './record.ts';

/** The value of one variable in every run. */
export interface Column {
  readonly name: string;
  readonly received: boolean;
  readonly kind: Values['kind'];
  readonly values: BigUint64Array | Uint8Array;
  /** What it is pooled with: its message, and where in it, in whole vectors of the inputs' length. */
  readonly group: string;
  /** Of an element of Z_p: which comparison it belongs to, and which place in it. Of others: 0, and which place in the message. */
  readonly comparison: number;
  readonly place: number;
  /**
   * sent: as it came. opened: the workers sent it to each other, and this is the sum of both, which a worker may know instead. kept: as it came,
   * beside the sum; or what a worker makes of such words. It follows from others, so no equation is sought for it.
   */
  readonly form: Form;
}

export type Form = 'sent' | 'opened' | 'kept';

/** Purposes under which elements of Z_p travel, packed; all other bytes are bits. */
const RESIDUES = new Set(['d', 'digits', 'x']);
/** The same of elements of its extension, of which the last bytes are zero. */
const EXTENDED = new Set(['dealt', 'shares']);

/** How bytes that the workers open are added up: bits, or elements of Z_256. */
const OPENED: Readonly<Record<string, ((mine: Uint8Array, theirs: Uint8Array) => Uint8Array) | undefined>> = {
  t: (mine, theirs) => unpackBits(xorInto(mine.slice(), theirs), 8 * mine.length),
  losses: (mine, theirs) =>
    unpackBits(
      theirs.map((byte, i) => byte + mine[i]),
      8 * mine.length,
    ),
};

export function purposeOf(label: string): string {
  return label.slice(label.lastIndexOf(':') + 1);
}

/** Whether bytes are elements of Z_p, packed. */
export function isPacked(label: string): boolean {
  return RESIDUES.has(purposeOf(label)) || EXTENDED.has(purposeOf(label));
}

/** Elements of Z_p, without what fills up a group. */
export function packedIn(label: string, packed: Uint8Array, { prime }: DigitCode, compute: Compute): Uint8Array {
  const count = Math.floor((packed.length * { 17: 64, 31: 8, 67: 8 }[prime]) / { 17: 33, 31: 5, 67: 7 }[prime]);
  // Of F there is one element more than there are values or digits, multiples of four; over Z_17 four are packed together.
  const filling = prime === 17 && EXTENDED.has(purposeOf(label)) ? 3 * STRIDE : 0;
  return compute.unpack(prime, packed, count).slice(0, count - filling);
}

/** What is in a message. The inputs are so many that nothing is filled up. */
export function decoded({ label, data }: RecordedMessage, code: DigitCode | undefined, compute: Compute): Values {
  if (data instanceof BigUint64Array) return { kind: 'words', values: data };
  if (purposeOf(label).startsWith('openings/')) return { kind: 'bits', values: unpackBits(data.subarray(0, 16), 128) }; // how many is public
  if (!isPacked(label)) return { kind: 'bits', values: unpackBits(data, 8 * data.length) };
  if (code === undefined) throw new Error(`${label}: over which Z_p?`);
  const values = packedIn(label, data, code, compute);
  if (!EXTENDED.has(purposeOf(label))) return { kind: 'residues', values };
  const { degree } = extensionOf(code.prime);
  return { kind: 'residues', values: values.filter((_, i) => i % STRIDE < degree) };
}

/** What a party knows or receives in one run. */
export interface Source {
  readonly name: string;
  readonly received: boolean;
  readonly form: Form;
  readonly values: Values;
}

/** All but which keys of functions are meant, which is public. */
function hides({ label, data }: RecordedMessage): boolean {
  return purposeOf(label) !== 'keys' || !(data instanceof BigUint64Array);
}

function sourcesOf(run: Run, id: PartyId, code: DigitCode | undefined, compute: Compute): Source[] {
  const made =
    id === 2
      ? []
      : run.made[id].map((words, i): Source => {
          return { name: `made ${i}`, received: true, form: 'kept', values: { kind: 'words', values: words } };
        });
  const known = HOLDS[id].flatMap((pair) =>
    [...run.draws[pair]].flatMap(([address, drawn]) =>
      drawn.map((values, i) => ({ name: `${address}#${i}`, received: false, form: 'sent' as const, values })),
    ),
  );
  const told = run.received[id].filter(hides).flatMap((message): Source[] => {
    const { from, label } = message;
    const values = decoded(message, code, compute);
    const sent =
      id === 2 ? undefined : run.received[1 - id].find((own) => own.from === `P${id}` && own.label === label);
    const name = `${from} ${label}`;
    // What a worker sends follows from what it has: of bits that are opened their sums are what it learns.
    const opened = sent && OPENED[purposeOf(label)];
    if (opened !== undefined) {
      const bits = opened(sent!.data as Uint8Array, message.data as Uint8Array);
      return [{ name, received: true, form: 'sent', values: { kind: 'bits', values: bits } }];
    }
    if (sent === undefined || values.kind !== 'words') return [{ name, received: true, form: 'sent', values }];
    const sum = z64.add(values.values, sent.data as BigUint64Array);
    return [
      { name, received: true, form: 'kept', values },
      { name: `open ${label}`, received: true, form: 'opened', values: { kind: 'words', values: sum } },
    ];
  });
  const byName = (a: Source, b: Source): number => (a.name < b.name ? -1 : 1);
  return [...known.sort(byName), ...told.sort(byName), ...made];
}

/** The columns of one party: what it knows first, then what it receives. */
export function columnsOf(
  runs: readonly Run[],
  id: PartyId,
  code: DigitCode | undefined,
  vector: number,
  compute: Compute,
): Column[] {
  const layouts = runs.map((run) => [
    {
      ...{ name: 'which input', received: false, form: 'sent' as const },
      values: { kind: 'bits', values: Uint8Array.of(run.which) } as const,
    },
    ...sourcesOf(run, id, code, compute),
  ]);
  return columnsFrom(layouts, code, vector);
}

/** Elements of Z_p that belong together, of what has this name. */
function elementsTogether(name: string, code: DigitCode): number {
  if (/:(digits|x)\b/.test(name)) return codeLength(code);
  return /\/proof\b.*:(dealt|shares)$/.test(name) ? extensionOf(code.prime).degree : code.digits;
}

/** The same from what there is in every run; `vector`: words that are pooled. */
export function columnsFrom(
  layouts: readonly (readonly Source[])[],
  code: DigitCode | undefined,
  vector: number,
): Column[] {
  const [first] = layouts;
  for (const layout of layouts) {
    const same =
      layout.length === first.length &&
      layout.every(({ name, values: { kind, values } }, i) => {
        const { values: expected } = first[i];
        return name === first[i].name && kind === expected.kind && values.length === expected.values.length;
      });
    if (!same) throw new Error('a party does not see the same messages in every run');
  }
  return first.flatMap(({ name, received, form, values: { kind, values } }, at) =>
    Array.from({ length: values.length }, (_, i): Column => {
      const column = kind === 'words' ? new BigUint64Array(layouts.length) : new Uint8Array(layouts.length);
      for (let run = 0; run < layouts.length; run++) column[run] = layouts[run][at].values.values[i];
      const per = code === undefined ? 1 : elementsTogether(name, code);
      const [comparison, place] = kind === 'residues' ? [Math.floor(i / per), i % per] : [0, i];
      const group = kind === 'residues' ? `${name}[·${place}]` : `${name}[${Math.floor(i / vector)}]`;
      return { name: `${name}[${i}]`, received, kind, values: column, group, comparison, place, form };
    }),
  );
}
