/** The three parties, as the page reaches them. */
import { connect, Problem } from 'securenn/client';
import type { Federation, LocalPorts, Message, Prediction, ServedModel } from 'securenn/client';

/** What the demo says of itself (`demo.json`): nothing secret. */
export interface Demo {
  readonly federation: object;
  readonly fingerprint: string;
  readonly local: LocalPorts;
  /** The session's digest. */
  readonly session: string;
}

const RETRY_MS = 1000;

export async function fetchDemo(onWait: () => void): Promise<Demo> {
  for (;;) {
    const answer = await fetch('demo.json', { cache: 'no-store' }).catch((cause: unknown) => {
      throw new Problem('the demo does not answer', 'see that securenn demo --web still runs in its terminal', {
        cause,
      });
    });
    if (answer.ok) return (await answer.json()) as Demo;
    if (answer.status !== 503)
      throw new Problem(`the demo answered with ${answer.status}`, 'open the address that it printed');
    // It is still training: the parties serve no model yet.
    onWait();
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

export interface Exchange {
  readonly prediction: Prediction;
  /** Six: one to each party, one from each. */
  readonly messages: readonly Message[];
}

export class Servers {
  readonly fingerprint: string;
  readonly #federation: Federation;
  readonly #model: ServedModel;

  private constructor(federation: Federation, model: ServedModel) {
    [this.#federation, this.#model] = [federation, model];
    this.fingerprint = federation.fingerprint;
  }

  /** With an identity made for this page, which ends with it. */
  static async open({ federation, fingerprint, local, session }: Demo): Promise<Servers> {
    const connected = await connect({ federation, fingerprint, local });
    try {
      return new Servers(connected, await connected.model(session));
    } catch (error) {
      connected.close();
      throw error;
    }
  }

  /** @param pixels 28 x 28, 255 where the ink is */
  async ask(pixels: Uint8Array): Promise<Exchange> {
    const messages: Message[] = [];
    const prediction = await this.#model.predict(pixels, { onMessage: (message) => messages.push(message) });
    return { prediction, messages };
  }

  close(): void {
    this.#federation.close();
  }
}
