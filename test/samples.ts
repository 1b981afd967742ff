/** Prometheus's text format, as tests read it. */

export interface Samples {
  readonly names: ReadonlySet<string>;
  /** Fails when there is not exactly this sample. */
  value(name: string, labels: Readonly<Record<string, string>>): number;
}

export function samples(text: string): Samples {
  const values = new Map<string, number>();
  const names = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-z_0-9]+)\{(.*)\} (\S+)$/.exec(line);
    if (match === null) throw new Error(`no sample: ${line}`);
    names.add(match[1]);
    values.set(keyOf(match[1], match[2].split(',')), Number(match[3]));
  }
  return {
    names,
    value(name, labels) {
      const key = keyOf(
        name,
        Object.entries(labels).map(([label, value]) => `${label}="${value}"`),
      );
      const value = values.get(key);
      if (value === undefined) throw new Error(`no ${key} in\n${text}`);
      return value;
    },
  };
}

function keyOf(name: string, labels: readonly string[]): string {
  return `${name}{${labels.toSorted().join(',')}}`;
}
