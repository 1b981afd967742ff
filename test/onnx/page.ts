/** The operators as docs/onnx.md lists them. */
import type { Operator } from '../../src/onnx/operator.ts';

export function operatorLines(operators: readonly Operator[]): string[] {
  const byFate = new Map<string, Operator[]>();
  for (const one of operators) {
    const alone = one.becomes === 'computed, on constants alone' || one.becomes.startsWith('refused');
    const key = alone ? one.becomes : `${one.domain ?? ''}:${one.name}`;
    byFate.set(key, [...(byFate.get(key) ?? []), one]);
  }
  return [...byFate.values()].map((same) => {
    const [{ becomes, refused }] = same;
    const names = same.map(({ name, versions, domain }) => {
      const known = [...(domain === undefined ? [] : [domain]), ...versions].join(', ');
      return `\`${name}\`${known === '' ? '' : ` (${known})`}`;
    });
    const fix = becomes.startsWith('refused') ? `: ${refused}` : '';
    return `- ${names.join(', ')}: ${becomes}${fix}`;
  });
}
