/**
 * One port of a party, as far as TLS and the key at its other end. Nothing of ours goes over the connection: it comes back only if the key is the one that
 * the federation file names, or for `address` a certificate of the authority that the card trusts.
 */
import type { X509Certificate } from 'node:crypto';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { pinOf } from '../../channel/pins.ts';
import type { PartyName } from '../../server/ipc.ts';
import { joinAddress, type HostPort } from '../../federation/address.ts';
import { openTcp, openTls, resolve, type Failed } from './dial.ts';
import type { Code, Finding, Level } from './finding.ts';

export type Trust = 'pinned' | 'public' | { readonly ca: string };

/** A port, and what must be behind it. */
export interface Door {
  readonly party: PartyName;
  /** `address`: HTTPS of clients and parties. `links`: job traffic, of the two other parties. */
  readonly kind: 'address' | 'links';
  readonly endpoint: HostPort;
  /** SHA-256 of the keys that its party may show. */
  readonly pins: readonly string[];
  readonly trust: Trust;
  /** What we show of ourselves. */
  readonly own?: Pick<ConnectionOptions, 'key' | 'cert'> | undefined;
}

export interface DoorLimits {
  /** Of each step: name, connection, TLS, small request. */
  readonly timeoutMs: number;
  /** Of one large request. */
  readonly largeMs: number;
  /** How long bandwidth is measured: no further request begins after it; 0: not at all. */
  readonly measureMs: number;
  readonly certificateWarningDays: number;
}

export interface Knocked {
  readonly findings: readonly Finding[];
  /** Where TCP was answered. */
  readonly address?: string | undefined;
  /** How long that took, in milliseconds, at each address that answered; the least first. */
  readonly connectMs: readonly number[];
  readonly certificate?: { readonly pin: string; readonly until: Date; readonly days: number } | undefined;
  /** The other end is who it should be. The caller closes it. */
  readonly socket?: TLSSocket | undefined;
}

const DAY_MS = 86_400_000;

export async function knock(door: Door, limits: DoorLimits): Promise<Knocked> {
  const { host, port } = door.endpoint;
  const names = await resolve(host, limits.timeoutMs);
  if ('failed' in names) return { findings: [nameFault(door, names.failed)], connectMs: [] };
  const tries = await Promise.all(
    names.value.map(async (address) => ({ address, outcome: await openTcp(address, port, limits.timeoutMs) })),
  );
  const open = tries.flatMap(({ address, outcome }) => ('value' in outcome ? [{ address, ...outcome.value }] : []));
  const shut = tries.flatMap(({ address, outcome }) =>
    'failed' in outcome ? [{ address, failed: outcome.failed }] : [],
  );
  if (open.length === 0) return { findings: [tcpFault(door, shut[0])], connectMs: [] };
  const [first, ...others] = open.toSorted((a, b) => a.ms - b.ms);
  for (const { socket } of others) socket.destroy();
  const findings = shut.map(({ address, failed }) => oneAddressSilent(door, address, failed));
  const reached = { address: first.address, connectMs: [first.ms, ...others.map(({ ms }) => ms)] };
  // At the links port it would say for which job a connection is: ours is for none.
  const alpn = door.kind === 'address' ? { ALPNProtocols: ['http/1.1'] } : {};
  const ca = typeof door.trust === 'object' ? { ca: door.trust.ca } : {};
  const secured = await openTls(first.socket, door.endpoint, { ...alpn, ...ca, ...door.own }, limits.timeoutMs);
  if ('failed' in secured) return { findings: [...findings, tlsFault(door, secured.failed)], ...reached };
  const socket = secured.value;
  const shown = socket.getPeerX509Certificate();
  const judged = judge(door, socket, shown, limits.certificateWarningDays);
  const good = !judged.some(({ level }) => level === 'fault');
  if (!good) socket.destroy();
  return {
    findings: [...findings, ...judged],
    ...reached,
    certificate: shown && { pin: pinOf(shown), until: new Date(shown.validTo), days: daysLeft(shown) },
    socket: good ? socket : undefined,
  };
}

export function daysLeft({ validTo }: X509Certificate, now: number = Date.now()): number {
  return Math.floor((new Date(validTo).getTime() - now) / DAY_MS);
}

function judge(door: Door, socket: TLSSocket, shown: X509Certificate | undefined, warningDays: number): Finding[] {
  const where = nameOf(door);
  if (shown === undefined) {
    return [finding(door, 'fault', 'no-certificate', `${where} shows no certificate`, 'see what listens there')];
  }
  const findings: Finding[] = [];
  const version = socket.getProtocol();
  if (version !== 'TLSv1.3') {
    const what = `${where} answers with ${version ?? 'an unknown protocol'}; a party speaks TLSv1.3`;
    findings.push(finding(door, 'fault', 'tls-version', what, `${PROXY_FIX}; let TLS through to the party`));
  }
  const pinned = door.kind === 'links' || door.trust === 'pinned';
  if (pinned) {
    const pin = pinOf(shown);
    if (!door.pins.includes(pin)) {
      const expected = door.pins.join(' or ');
      const what = `${where} shows the TLS key ${pin}, the federation file names ${expected}: another server, or a proxy that opens TLS in between`;
      const fix = `compare with \`securenn federation show\` at ${door.party}: if its key was changed, take its new card (federation join); otherwise ${PROXY_FIX}`;
      findings.push(finding(door, 'fault', 'wrong-key', what, fix));
    }
  } else if (!socket.authorized && daysLeft(shown) >= 0) {
    // Node gives the code of the fault as text, though its types say Error.
    const reason = String((socket as { readonly authorizationError?: unknown }).authorizationError);
    const [words, fix] = UNTRUSTED[reason] ?? [
      `is not trusted (${reason})`,
      'see that the whole chain of certificates is served',
    ];
    findings.push(finding(door, 'fault', 'untrusted-certificate', `${where}: its certificate ${words}`, fix));
  }
  const days = daysLeft(shown);
  const until = new Date(shown.validTo).toISOString().slice(0, 10);
  const whose = pinned ? `${door.party}'s certificate` : `${where}: its certificate`;
  const renew = pinned ? `renew it at ${door.party}: securenn party rotate certificate` : `renew it at ${door.party}`;
  if (days < 0 && pinned) {
    // Links and clients go by the key. What else looks at the certificate, a monitor or a proxy, does not.
    const what = `${whose} ended on ${until}; parties and clients go on, for they know its key`;
    findings.push(finding(door, 'warning', 'certificate-expired', what, renew));
  } else if (days < 0) {
    findings.push(finding(door, 'fault', 'certificate-expired', `${whose} ended on ${until}`, renew));
  } else if (days <= warningDays) {
    const left = days === 0 ? 'today' : `in ${days} ${days === 1 ? 'day' : 'days'}`;
    findings.push(finding(door, 'warning', 'certificate-ends', `${whose} ends ${left}, on ${until}`, renew));
  }
  return findings;
}

const PROXY_FIX = 'ask whoever runs the network between for the proxy or load balancer that answers there';

const UNTRUSTED: Readonly<Record<string, readonly [words: string, fix: string]>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'is for another name',
    'get one for the host that the card names, or make a card with the name that it is for',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    'is signed by itself, but its card says that an authority signs it',
    'see what listens there, or make a card with "trust": "pinned"',
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'comes from an authority that this machine does not know',
    'a proxy may open TLS in between; if the authority is yours, name it in the card: "trust": {"ca": PEM}',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    'comes without the certificates between it and a known authority',
    'serve the whole chain, not the last certificate alone',
  ],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'comes from an authority that this machine does not know',
    'serve the whole chain; if the authority is your own, name it in the card: "trust": {"ca": PEM}',
  ],
};

function nameFault(door: Door, { code, message }: Failed): Finding {
  const { host } = door.endpoint;
  const where = door.party;
  if (code === 'ENOTFOUND') {
    const fix = `see that ${door.party}'s card has the right name, and that this host's name server knows it: getent hosts ${host}`;
    return finding(door, 'fault', 'name-unknown', `${where}: no host is called ${host}`, fix);
  }
  const what = `${where}: ${host} cannot be looked up: ${message}`;
  return finding(
    door,
    'fault',
    'name-unknown',
    what,
    'see to the name server of this host (/etc/resolv.conf), or write an address into the card',
  );
}

function tcpFault(door: Door, { address, failed }: { readonly address: string; readonly failed: Failed }): Finding {
  const where = nameOf(door);
  const from = address === door.endpoint.host ? '' : ` (${address})`;
  const start = `securenn party serve`;
  const firewall = `the firewalls of both sides must let this host reach TCP port ${door.endpoint.port} there`;
  switch (failed.code) {
    case 'ECONNREFUSED': {
      const what = `${where}${from} refuses connections: nothing listens there, or a firewall says no for it`;
      return finding(
        door,
        'fault',
        'port-closed',
        what,
        `start the party there (${start}), see that it listens on that address, and that ${firewall}`,
      );
    }
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL': {
      const what = `${where}${from}: this host has no route to that network`;
      return finding(
        door,
        'fault',
        'no-route',
        what,
        'see to the routes of this host (ip route get ADDRESS); an IPv6 address needs IPv6 at both ends',
      );
    }
    case 'ESILENT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN': {
      const what = `${where}${from}: ${failed.code === 'ESILENT' ? failed.message : 'no answer'}: its host is down, or a firewall drops what is sent to it`;
      return finding(door, 'fault', 'port-filtered', what, `see that its host is up; ${firewall}`);
    }
    default:
      return finding(door, 'fault', 'port-filtered', `${where}${from}: ${failed.message}`, firewall);
  }
}

function oneAddressSilent(door: Door, address: string, { message }: Failed): Finding {
  const { host, port } = door.endpoint;
  const what = `${nameOf(door)}: ${host} is also called ${address}, where port ${port} does not answer (${message})`;
  return finding(
    door,
    'warning',
    'address-silent',
    what,
    `open it there as well, or take ${address} out of ${host}'s entries: connections try it and lose time`,
  );
}

function tlsFault(door: Door, { code, message }: Failed): Finding {
  const where = nameOf(door);
  switch (code) {
    case 'ECLOSED':
    case 'ECONNRESET':
    case 'EPIPE': {
      const what = `${where} takes connections and closes them at once`;
      return finding(
        door,
        'fault',
        'closed-at-once',
        what,
        `see the log of ${door.party}; a load balancer does so when nothing is behind it, a firewall when it dislikes TLS`,
      );
    }
    case 'ESILENT': {
      const what = `${where} takes connections and then says nothing (${message})`;
      return finding(
        door,
        'fault',
        'tls-silent',
        what,
        `see that what listens there is a party of securenn; ${PROXY_FIX}`,
      );
    }
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_HTTP_REQUEST': {
      const what = `${where} does not speak TLS`;
      return finding(
        door,
        'fault',
        'not-tls',
        what,
        'something else listens at that port, or a proxy opens TLS and passes it on in the clear: give the card the port of the party',
      );
    }
    default:
      return finding(
        door,
        'fault',
        'not-tls',
        `${where}: TLS fails: ${message}`,
        `see what listens there; ${PROXY_FIX}`,
      );
  }
}

/** `P1 (p1.example.org:7601, its links port)`. */
export function nameOf({ party, kind, endpoint }: Pick<Door, 'party' | 'kind' | 'endpoint'>): string {
  return `${party} (${joinAddress(endpoint)}${kind === 'links' ? ', its links port' : ''})`;
}

function finding({ party }: Door, level: Level, code: Code, what: string, fix: string): Finding {
  return { level, party, code, what, fix };
}
