/**
 * What a worker does about what P2 deals ahead, as soon as it comes and long before the operation that it is for asks: so a check of it that takes
 * messages costs that operation no round (`protocols/paper/codeProof.ts`). Nothing here depends on anything but keys and what P2 sends.
 *
 * A worker holds at most MOST_BYTES that nobody has asked for; what comes beyond that is looked at once there is room, or when its operation asks.
 * Whatever P2 names, then, an operation gets what was dealt under its own path and nothing else. One check that fails ends all: nobody who asks
 * from then on gets anything, and of what was asked for before nothing more is accepted. So P2 has one try, however much it deals at a time.
 */
import { later } from './later.ts';

/** What was dealt under one path. */
export interface Dealt {
  /** This worker's share, as it travels. */
  readonly packed: Promise<Uint8Array>;
  /** Rejects if the check fails. */
  readonly accepted: Promise<void>;
}

/** Taking and checking it; waits for the messages that this takes. */
export interface Check {
  readonly path: string;
  /** What holding it takes. */
  readonly bytes: number;
  readonly begin: () => Dealt;
}

const MOST_BYTES = 64 * 2 ** 20;

export class Ahead {
  readonly #mostBytes: number;
  /** What was begun and is not asked for, or is asked for and not over. */
  readonly #begun: Map<string, Dealt> = new Map();
  readonly #postponed: Map<string, Check> = new Map();
  #bytes = 0;
  #failure: Error | undefined;
  #watching = false;

  constructor(mostBytes: number = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** Once: begins to look at what comes. */
  watch(begin: () => void): void {
    if (this.#watching) return;
    this.#watching = true;
    begin();
  }

  /** It has come: begins if there is room. */
  offer(check: Check): void {
    const { path, bytes } = check;
    if (this.#begun.has(path)) return;
    if (this.#bytes + bytes > this.#mostBytes) this.#postponed.set(path, check);
    else this.#begin(check);
  }

  /** What was dealt under a path, of which nobody asks twice. */
  take(check: Check): Dealt {
    const { path, bytes } = check;
    this.#throwIfFailed();
    const dealt = this.#begun.get(path) ?? this.#begin(check);
    const over = (): void => {
      this.#begun.delete(path);
      this.#bytes -= bytes;
      this.#goOn();
    };
    dealt.accepted.then(over, over);
    return dealt;
  }

  /** What a check says, of one that was not begun here, too: fails all after it, or with one before it. */
  async unlessFailed(accepted: Promise<void>): Promise<void> {
    await accepted.catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #begin({ path, bytes, begin }: Check): Dealt {
    this.#postponed.delete(path);
    this.#bytes += bytes;
    const { packed, accepted } = begin();
    const dealt = { packed: later(packed), accepted: later(this.unlessFailed(accepted)) };
    this.#begun.set(path, dealt);
    return dealt;
  }

  #goOn(): void {
    for (const check of this.#postponed.values()) {
      if (this.#bytes + check.bytes > this.#mostBytes) return;
      this.#begin(check);
    }
  }
}
