/**
 * What a protocol declares: online rounds (longest chain of dependent messages) and payload bytes sent by all parties together.
 * Declared beside each protocol, measured by the channel, compared in a test.
 */
export interface Cost {
  readonly rounds: number;
  readonly bytes: number;
}

export const FREE: Cost = { rounds: 0, bytes: 0 };

/** One after the other. */
export function inSequence(...costs: readonly Cost[]): Cost {
  return { rounds: costs.reduce((r, c) => r + c.rounds, 0), bytes: costs.reduce((b, c) => b + c.bytes, 0) };
}

/** At the same time. */
export function sideBySide(...costs: readonly Cost[]): Cost {
  return { rounds: Math.max(0, ...costs.map(({ rounds }) => rounds)), bytes: inSequence(...costs).bytes };
}

/** Times in sequence. */
export function repeated(times: number, cost: Cost): Cost {
  return { rounds: times * cost.rounds, bytes: times * cost.bytes };
}

/** Elements of a chunk, of which each counts for `each`. */
export function chunkOf(chunk: number, each: number): number {
  return Math.max(1, Math.floor(chunk / each));
}

/** The cost of `count` elements that flow in chunks: bytes are summed chunk by chunk (packing rounds up in each). */
export function chunked(count: number, chunk: number, cost: (elements: number) => Cost): Cost {
  const whole = Math.floor(count / chunk);
  const rest = count % chunk;
  const one = cost(chunk);
  const last = rest > 0 ? cost(rest) : FREE;
  return {
    rounds: Math.max(whole > 0 ? one.rounds : 0, last.rounds),
    bytes: whole * one.bytes + last.bytes,
  };
}
