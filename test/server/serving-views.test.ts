/** What each party sees of inputs of two clients that are answered together: the checks of `views/` on their masks and on what is open. */
import { expect, it } from 'vitest';
import { ringSource } from '../../src/data/encode.ts';
import { insecurePairKey } from '../../src/random/insecure.ts';
import type { InputPart, PartyName } from '../../src/server/ipc.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import { joinInputs } from '../../src/server/serving-rows.ts';
import { inputParts } from '../federated.ts';
import { wrongIn } from '../protocols/views/checks.ts';
import { columnsFrom, type Source } from '../protocols/views/columns.ts';
import { INPUTS, VECTOR } from '../protocols/views/table.ts';

const RUNS = 800;
const CLIENTS = 2;

/** A client's image of VECTOR pixels, for one party. */
function input(client: number, which: 0 | 1, run: number): Readonly<Record<PartyName, InputPart>> {
  const key = (j: number): Uint8Array => insecurePairKey(run, `client ${client} ${j}`).slice(0, 16);
  const about = { id: `${client}`, client: `${client}`, images: 1 };
  return inputParts(about, ringSource(INPUTS[which]), [key(0), key(1)]);
}

it('is uniform to each party, whatever both clients ask, and nothing of one is the same as of the other', () => {
  const runs = Array.from({ length: RUNS }, (_, run): Source[][] => {
    const which = [(run % 2) as 0 | 1, ((run >> 1) % 2) as 0 | 1];
    const inputs = which.map((each, client) => input(client, each, run));
    return PARTY_NAMES.map((party) => {
      const parts = inputs.map((each) => each[party]);
      const { opened, masks } = joinInputs(parts, VECTOR);
      const words = (name: string, received: boolean, values: BigUint64Array): Source => ({
        ...{ name, received, form: received ? 'opened' : 'sent', values: { kind: 'words', values } },
      });
      const known: Source = {
        ...{ name: 'which inputs', received: false, form: 'sent' },
        values: { kind: 'bits', values: Uint8Array.from(which) },
      };
      const drawn = masks.map((mask, i) => words(`U${i}`, false, mask.z64(0, CLIENTS * VECTOR)));
      return [known, ...drawn, ...(opened === null ? [] : [words('E', true, opened)])];
    });
  });
  const found = PARTY_NAMES.flatMap((party, id) => {
    const columns = columnsFrom(
      runs.map((run) => run[id]),
      undefined,
      VECTOR,
    );
    return wrongIn(columns, VECTOR, RUNS).map((fault) => `${party}: ${fault}`);
  });
  expect(found.length, found.slice(0, 10).join('\n')).toBe(0);
});

it('opens with the masks of both as each client sent it', () => {
  const inputs = [input(0, 0, 1), input(1, 1, 1)];
  const [P0, P1] = (['P0', 'P1'] as const).map((party) => {
    return joinInputs(
      inputs.map((each) => each[party]),
      VECTOR,
    );
  });
  const [first, second] = [P0, P1].map(({ masks }) => masks[0].z64(0, CLIENTS * VECTOR));
  const sum = P0.opened!.map((value, i) => BigInt.asUintN(64, value + first[i] + second[i]));
  expect([...sum]).toEqual([...INPUTS[0], ...INPUTS[1]]);
});
