/** HOST:PORT, as cards, configuration and people write it; brackets around an IPv6 address. */

export interface HostPort {
  /** A name, or an address without brackets. */
  readonly host: string;
  /** To listen: 0 is any free one. */
  readonly port: number;
}

/** Of text that has this form (`addressSchema`). */
export function splitAddress(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(colon + 1)) };
}

export function joinAddress({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
