/** By what a party that cheats may rewrite a message. The first ones keep to what an honest party could send, in type, length and range. */
import { isPacked, packedIn, purposeOf } from '../protocols/views/columns.ts';
import type { Outgoing, Rule } from './cheat.ts';

type Data = Outgoing['data'];

/** Changes elements: words, elements of Z_p, or bytes; each below the modulus that it is told (0: 2^64). */
function changing(change: (values: Data, modulus: number, random: () => number) => void): Rule {
  return ({ label, data }, { code, compute, random }) => {
    if (data instanceof BigUint64Array) {
      change(data, 0, random);
      return data;
    }
    if (code === undefined || !isPacked(label)) {
      change(data, 256, random);
      return data;
    }
    const values = packedIn(label, data, code, compute);
    change(values, code.prime, random);
    return compute.pack(code.prime, values);
  };
}

const below = (bound: number, random: () => number): number => Math.floor(bound * random());

/** To every element, or to one. */
function plus(values: Data, index: number, by: number, modulus: number): void {
  if (values instanceof BigUint64Array) values[index] = BigInt.asUintN(64, values[index] + BigInt(by));
  else values[index] = (values[index] + by) % modulus;
}

const flip = changing((values, modulus, random) => {
  const index = below(values.length, random);
  if (values instanceof BigUint64Array) values[index] ^= 1n << BigInt(below(64, random));
  else if (modulus === 256) values[index] ^= 1 << below(8, random);
  else plus(values, index, 1 + below(modulus - 1, random), modulus);
});

const add = changing((values, modulus) => {
  for (let i = 0; i < values.length; i++) plus(values, i, 1, modulus);
});

const random = changing((values, modulus, drawn) => {
  for (let i = 0; i < values.length; i++) {
    if (values instanceof BigUint64Array)
      values[i] = (BigInt(below(2 ** 32, drawn)) << 32n) | BigInt(below(2 ** 32, drawn));
    else values[i] = below(modulus, drawn);
  }
});

const zero = changing((values) => void values.fill(values instanceof BigUint64Array ? (0n as never) : (0 as never)));

const swap = changing((values) => {
  const last = values.length - 1;
  [values[0], values[last]] = [values[last], values[0]];
});

/** What was sent before under another label, or in the other direction, where something fits. */
const replay: Rule = (message, { before }) => {
  const fits = before.findLast(
    ({ data }) => data.length === message.data.length && data.constructor === message.data.constructor,
  );
  return fits === undefined ? message.data.reverse() : fits.data.slice();
};

/** Values out of range, where there are any. */
const outside: Rule = ({ data }) => {
  data.fill(data instanceof BigUint64Array ? ((2n ** 64n - 1n) as never) : (255 as never));
  return data;
};

const shorter: Rule = ({ data }) => data.slice(1);

const otherType: Rule = ({ data }) =>
  data instanceof BigUint64Array ? new Uint8Array(data.length) : new BigUint64Array(data.length);

const held: Rule = () => undefined;

export const RULES: ReadonlyMap<string, Rule> = new Map(
  Object.entries({ flip, add, random, zero, swap, replay, outside, shorter, otherType, held }),
);

/** The rules that change a message: a seed is all one field. */
export function ruleNames({ label }: Outgoing): string[] {
  return purposeOf(label) === 'seed' ? ['flip', 'random', 'shorter', 'held'] : [...RULES.keys()];
}
