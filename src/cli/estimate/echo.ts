/** The other end of the connection whose latency `calibrate.ts` measures: a process of its own, which a message wakes up as it does a party. */
import { FrameLink } from '../../channel/link.ts';
import { dial } from '../../channel/dial.ts';

/** Sent to this process as soon as it runs. */
export interface EchoOrder {
  readonly url: string;
  readonly count: number;
}

process.once('message', ({ url, count }: EchoOrder) => {
  void (async () => {
    const transport = await dial(url, { timeoutMs: 10_000 });
    transport.trust();
    const link = new FrameLink('P1', 'P0', transport);
    for (let i = 0; i < count; i++) {
      await link.receive(`ping${i}`, 'u8', 1);
      void link.send(`pong${i}`, new Uint8Array(1), 1);
    }
    await link.close();
    process.disconnect();
  })();
});
