/**
 * What each party sees of a proof that dealt codes are codes (PROTOCOLS §10), over many runs in which the workers' challenges are the same: so what does
 * not hide behind a mask of a pair's own shows as a constant, or as an equation. P2 is told the seed, the drawer hears it again, and all that the
 * receiver is sent is uniform and independent of the digits and of all that it knows.
 */
import { expect, it } from 'vitest';
import { codeLength, type DigitCode, P17, P31, P67, packedLength } from '../../runtime/compute.ts';
import { extensionOf, STRIDE } from '../../runtime/extension.ts';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import * as codeProof from '../../src/protocols/paper/codeProof.ts';
import type { Stream } from '../../src/random/stream.ts';
import { ring } from '../reference.ts';
import { pairKeys, simulate, testCompute, withoutElements, withoutMask } from '../simulate.ts';
import { histogram, linearModulo, unevenness } from './views/checks.ts';
import type { Column } from './views/columns.ts';

/** More runs than variables, so that chance makes no equation. */
const SPARE = 80;

type Broken = 'mask' | 'dealt' | undefined;

interface View {
  readonly messages: RecordedMessage[];
  /** The receiver's part of the mask. */
  mask: Uint8Array;
}

/** @param broken what the drawer has in common with P2 is zero */
async function views(code: DigitCode, runs: number, broken: Broken): Promise<View[]> {
  const seen = Array.from({ length: runs }, (): View => ({ messages: [], mask: new Uint8Array() }));
  const runOf = (path: string): [View, number] => {
    const found = /^\/s(\d+)/.exec(path)!;
    return [seen[Number(found[1])], found[0].length];
  };
  const inputs = [ring([0x0123_4567_89ab_cdefn]), ring([-5n])];
  await simulate(
    (party) =>
      Promise.all(
        seen.map(async (_, run) => {
          const fork = party.fork(`s${run}`, 'P0');
          if (party.id === 2) return codeProof.deal(fork, 'digits', code, inputs[run % 2]);
          const { accepted } = await codeProof.dealt(fork, 'digits', code, 1)();
          await accepted;
        }),
      ),
    {
      security: 'private',
      keys: pairKeys(4, 5, 6),
      memory: () => ({ record: (message) => runOf(message.label)[0].messages.push(message) }),
      streams: (streams, pair) => ({
        stream: (path, purpose): Stream => {
          const [view, length] = runOf(path);
          // The workers' own: the same in every run
          if (pair === 0) return streams.stream(path.slice(length), purpose);
          const stream = streams.stream(path, purpose);
          if (pair === 1 && purpose === broken) return withoutElements(stream);
          if (pair !== 2 || purpose !== 'mask') return stream;
          return {
            ...withoutMask(stream),
            zp: (prime, n, out) => {
              const drawn = stream.zp(prime, n, out);
              view.mask = drawn.slice();
              return drawn;
            },
          };
        },
      }),
    },
  );
  return seen;
}

/** What is wrong with the receiver's view. */
async function faults(code: DigitCode, broken: Broken): Promise<string[]> {
  const { prime, digits } = code;
  const { degree } = extensionOf(prime);
  const compute = await testCompute();
  const elements = 1 + digits + 1 + 2; // of its mask, of the proof, and shown
  const runs = codeLength(code) + degree * elements + SPARE;
  const seen = await views(code, runs, broken);
  const columns: Column[] = [];
  const add = (name: string, received: boolean, of: (view: View, run: number) => Uint8Array): void => {
    const rows = seen.map(of);
    for (let i = 0; i < rows[0].length; i++) {
      if (name !== 'digits' && i % STRIDE >= degree) continue; // no coordinates
      const values = Uint8Array.from(rows, (row) => row[i]);
      const rest = { kind: 'residues', group: name, comparison: 0, place: 0, form: 'sent' } as const;
      columns.push({ name: `${name}[${i}]`, received, values, ...rest });
    }
  };
  const unpacked = (view: View, purpose: string, count: number): Uint8Array => {
    const message = view.messages.find(({ to, label }) => to === 'P1' && label.endsWith(`:${purpose}`))!;
    expect(message.data.length).toBe(packedLength(prime, count));
    return compute.unpack(prime, message.data as Uint8Array, count).slice();
  };
  add('which input', false, (_, run) => Uint8Array.of(run % 2));
  add('mask', false, ({ mask }) => mask);
  add('digits', true, (view) => unpacked(view, 'digits', codeLength(code)));
  add('proof', true, (view) => unpacked(view, 'dealt', STRIDE * (digits + 1)));
  add('shown', true, (view) => unpacked(view, 'shares', STRIDE * 2));
  const uneven = ['digits', 'proof', 'shown'].flatMap((name) =>
    [0, 1].flatMap((which) => {
      const values = columns
        .filter(({ group }) => group === name)
        .flatMap((column) => Array.from(column.values as Uint8Array).filter((_, run) => run % 2 === which));
      return unevenness(`${name} of input ${which}`, histogram(values, prime));
    }),
  );
  return [...uneven, ...linearModulo(columns, prime)];
}

it.each([P17, P31, P67])(
  'over Z_$prime the receiver sees uniform elements',
  async (code) => {
    expect(await faults(code, undefined)).toEqual([]);
  },
  120_000,
);

it.each(['mask', 'dealt'] as const)('without the drawer’s part of `%s` it does not', async (purpose) => {
  expect(await faults(P17, purpose)).not.toEqual([]);
});

it('the others see the seed and nothing else', async () => {
  const purposes = (view: View, to: string): string[] =>
    view.messages.filter((message) => message.to === to).map(({ from, label }) => `${from} ${label.split(':')[1]}`);
  for (const view of await views(P17, 4, undefined)) {
    expect(purposes(view, 'P0')).toEqual(['P2 told']);
    expect(purposes(view, 'P2')).toEqual(['P1 seed']);
    const [told, seed] = ['told', 'seed'].map((name) => view.messages.find(({ label }) => label.endsWith(`:${name}`))!);
    expect(told.data).toEqual(seed.data);
  }
});
