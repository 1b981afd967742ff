/** The measured shares in words: whether a GPU or a better link would help, and what would help with one line. */
import { sharesOf } from './answer.ts';
import {
  type ByCategory,
  type Category,
  type Group,
  type PartySummary,
  type RunFacts,
  type Summary,
  type Verdict,
} from './summary.ts';
import { coresUsed, FULL } from './warnings.ts';

/** Shares below this are not worth buying anything for. */
const WORTHWHILE = 0.1;
/** By how much one share must exceed another to be called more. */
const CLEARLY = 1.5;

interface Findings {
  readonly facts: RunFacts;
  readonly unit: Summary['unit'];
  readonly unitMs: number;
  readonly resolved: ByCategory;
  /** Of the time that messages were on their way: what the mere latency of the link explains, 0 to 1. */
  readonly latencyShare: number;
  readonly parties: readonly PartySummary[];
}

const UNITS = { step: 'a training step', batch: 'a batch', session: 'the recorded time' } as const;

export function verdictOf({ facts, unit, unitMs, resolved, latencyShare, parties }: Findings): Verdict {
  const gpu = resolved.product / unitMs;
  const link = resolved.link / unitMs;
  const parts = sharesOf(resolved);
  const percent = (name: Group): number => parts.find((part) => part.name === name)?.percent ?? 0;
  const [products, messages] = [`${percent('products')} %`, `${percent('messages')} %`];
  const shares = `${products} of ${UNITS[unit]} goes into matrix products, ${messages} into messages on their way`;
  const sentences = [
    gpuSentence(gpu, products, facts),
    linkSentence(link, messages, latencyShare, facts),
    ...sharing(facts, parties),
  ];
  return { headline: `${headline(gpu, link)}: ${shares}.`, sentences, gpu, link };
}

function headline(gpu: number, link: number): string {
  if (Math.max(gpu, link) < WORTHWHILE) return 'Neither a GPU nor a better link would help much';
  if (gpu >= CLEARLY * link) {
    return link < WORTHWHILE ? 'A GPU would help, a better link hardly' : 'A GPU would help more than a better link';
  }
  if (link >= CLEARLY * gpu) {
    return gpu < WORTHWHILE ? 'A better link would help, a GPU hardly' : 'A better link would help more than a GPU';
  }
  return 'A GPU and a better link would help about alike';
}

function gpuSentence(share: number, percent: string, { backend }: RunFacts): string {
  const best = `even one that took no time would make it ${times(share)} as fast`;
  return backend === 'webgpu'
    ? `A faster GPU: matrix products take ${percent}; ${best}.`
    : `A GPU: matrix products take ${percent}; ${best}.`;
}

function linkSentence(share: number, percent: string, latencyShare: number, { oneMachine, link }: RunFacts): string {
  const why =
    share < WORTHWHILE
      ? ''
      : latencyShare >= 0.5
        ? ' Most of it is latency: parties nearer to each other would help, more bandwidth would not.'
        : ' Most of it is not latency: more bandwidth would help.';
  const inside =
    oneMachine && link === undefined ? ' The links here stay inside one machine; on a network this share grows.' : '';
  return `A better link: messages take ${percent}; even one that took no time would make it ${times(share)} as fast.${why}${inside}`;
}

/** Whether the parties were in each other's way. */
function sharing({ oneMachine, cores }: RunFacts, parties: readonly PartySummary[]): string[] {
  const used = coresUsed(parties);
  if (!oneMachine || used < FULL * cores) return [];
  return [
    `All parties share this machine and kept ${used.toFixed(1)} of its ${cores} cores busy: on machines of their own each would be faster.`,
  ];
}

/** What would help with time of one kind. */
export function helpFor(category: Category, latencyShare: number, { backend }: RunFacts): string {
  switch (category) {
    case 'product':
      return backend === 'webgpu' ? 'a faster GPU' : 'a GPU (or more threads: --workers)';
    case 'kernel':
      return 'more threads (--workers) or a faster processor';
    case 'random':
      return 'a faster processor: randomness is drawn by AES on one thread';
    case 'local':
      return 'a faster processor: ring arithmetic, on one thread';
    case 'send':
      return 'a faster processor: giving messages to the network';
    case 'receive':
      return 'a faster processor: taking messages in, on one thread';
    case 'link':
      return latencyShare >= 0.5 ? 'a link with less latency' : 'a link with more bandwidth';
    case 'core':
      return 'more cores, or a machine of its own for each party';
    case 'wait':
    case 'idle':
      return 'nothing here: find what the others do meanwhile';
  }
}

/** Amdahl: how much faster a unit gets when a share of it vanishes. */
function times(share: number): string {
  return `${(1 / Math.max(0.01, 1 - share)).toFixed(share > 0.5 ? 1 : 2)} times`;
}
