/** What each party sees of an owner's input: the checks of `views/` on its shares, its masks and their keys. */
import { describe, expect, it } from 'vitest';
import type { Link } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';
import { ringSource } from '../../src/data/encode.ts';
import { receiveInput, receiveMasks, relayInput, shareInput } from '../../src/data/share.ts';
import type { OwnedInput } from '../../src/engine/ownedInput.ts';
import { insecurePairKey, pairName } from '../../src/random/insecure.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { unpackBits } from '../../src/ring/bits.ts';
import { wrongIn } from './views/checks.ts';
import { columnsFrom, type Source } from './views/columns.ts';
import { INPUTS, VECTOR } from './views/table.ts';

describe("an owner's input", () => {
  const RUNS = 400;
  const links = { P1: memoryPair('owner', 'P1'), P2: memoryPair('owner', 'P2'), P0: memoryPair('P1', 'P0') };
  const streamsWith = (name: string): PairStreams => new PairStreams(insecurePairKey(19, pairName('owner', name)));

  /** What each party knows and receives when the owner shares a vector. */
  async function views(which: 0 | 1, run: number): Promise<Source[][]> {
    const name = `${which}/${run}`;
    const owned = { P0: streamsWith('P0'), P1: streamsWith('P1'), P2: streamsWith('P2') };
    const source = ringSource(INPUTS[which]);
    const told = links.P2[1].receive.bind(links.P2[1]);
    let keys: Uint8Array = new Uint8Array();
    const listening = {
      receive: async (...of: Parameters<Link['receive']>) => {
        const received = await told(...of);
        keys = (received.data as Uint8Array).slice();
        return received;
      },
    } as Link;
    const [, ofP0, ofP1, ofP2] = await Promise.all([
      shareInput(name, source, { links: { P1: links.P1[0], P2: links.P2[0] }, streams: owned }),
      receiveInput(name, VECTOR, { streams: streamsWith('P0') }, links.P0[1]),
      relayInput(name, VECTOR, { link: links.P1[1], streams: streamsWith('P1') }, links.P0[0]),
      receiveMasks(name, { link: listening, streams: streamsWith('P2') }),
    ]);
    const words = (what: string, received: boolean, values: BigUint64Array): Source => ({
      ...{ name: what, received, form: received ? 'opened' : 'sent', values: { kind: 'words', values } },
    });
    const known: Source = {
      ...{ name: 'which input', received: false, form: 'sent' as const },
      values: { kind: 'bits', values: Uint8Array.of(which) },
    };
    const masks = (part: OwnedInput): Source[] =>
      part.masks.map((mask, i) => words(`U${i}`, false, mask.z64(0, VECTOR)));
    const pad: Source = {
      ...{ name: 'keys', received: true, form: 'sent' },
      values: { kind: 'bits', values: unpackBits(keys, 8 * keys.length) },
    };
    return [
      [known, ...masks(ofP0), words('E', true, ofP0.opened!)],
      [known, ...masks(ofP1), words('E', true, ofP1.opened!)],
      [known, ...masks(ofP2), pad],
    ];
  }

  it('is uniform to each party', async () => {
    const runs: Source[][][] = [];
    for (let run = 0; run < RUNS; run++) runs.push(await views(run % 2 === 0 ? 0 : 1, run));
    const found = [0, 1, 2].flatMap((id) => {
      const columns = columnsFrom(
        runs.map((run) => run[id]),
        undefined,
        VECTOR,
      );
      return wrongIn(columns, VECTOR, RUNS).map((fault) => `P${id}: ${fault}`);
    });
    expect(found.length, found.slice(0, 10).join('\n')).toBe(0);
  });
});
