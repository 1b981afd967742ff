/** Where a scope lies: phase (`step`, `evaluation`, `batch`), layer and protocol. */
export interface Place {
  readonly phase: string;
  readonly layer: string;
  /** The operation, with what it runs below it: `relu`, `relu/drelu`. */
  readonly protocol: string;
}

/** Of what happens in a layer, or a step, outside any protocol. */
const BETWEEN = 'between protocols';

export function placeOf(scope: string): Place {
  const [phase, ...rest] = scope.split('/');
  if (phase === '') return { phase: '', layer: 'session', protocol: BETWEEN };
  if (phase === 'data' || phase === 'input') return { phase: '', layer: 'inputs', protocol: 'mask inputs' };
  const inside = rest[0] === 'images' ? rest.slice(1) : rest;
  const protocolOf = (words: readonly string[]): string => (words.length === 0 ? BETWEEN : words.join('/'));
  if (phase === 'evaluation') {
    const own = inside[0] === 'layer' ? inside.slice(2) : inside;
    return { phase, layer: 'evaluation', protocol: protocolOf(own) };
  }
  if (inside[0] === 'layer' && inside.length > 1) {
    return { phase, layer: inside[1].replace(':', ' '), protocol: protocolOf(inside.slice(2)) };
  }
  if (inside[0] === 'loss') return { phase, layer: 'loss', protocol: protocolOf(inside.slice(1)) };
  const layer = phase === 'batch' ? 'prediction' : 'step';
  return { phase, layer, protocol: inside[0] === 'carried' ? 'carry weights' : protocolOf(inside) };
}
