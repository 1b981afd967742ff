import { describe, expect, it } from 'vitest';
import { checkLines, type CheckReport } from '../../src/cli/federation/check-report.ts';
import { splitAddress } from '../../src/federation/address.ts';
import { clockFindings, offsetOf, spanInWords } from '../../src/service/check/clocks.ts';
import type { PartyReport } from '../../src/service/check/party.ts';
import { roundTrip } from '../../src/service/check/party.ts';

const seconds = (total: number): { total: number; compute: number; transfer: number; latency: number } => ({
  total,
  compute: total / 2,
  transfer: total / 4,
  latency: total / 2,
});

function party(name: 'P0' | 'P1' | 'P2', more: Partial<PartyReport> = {}): PartyReport {
  return {
    party: name,
    name: `Org ${name}`,
    address: `${name.toLowerCase()}.example.org:7600`,
    links: `${name.toLowerCase()}.example.org:7601`,
    reached: { address: true, links: true },
    findings: [],
    ...more,
  };
}

const measured = { rttMs: 11.234, requestMs: 12.5, megabytesPerSecond: 118.4, clock: { ms: -3.2, errorMs: 5.6 } };

const REPORT: CheckReport = {
  command: 'party check',
  version: '0.1.0',
  party: 'P0',
  federation: '0123 4567 89ab cdef 0123 4567 89ab cdef',
  parties: [
    party('P0', {
      requestMs: 1.04,
      status: { role: 'P0', version: '0.1.0', disk: { freeBytes: 5e11, totalBytes: 1e12 } },
    }),
    party('P1', measured),
    party('P2', { ...measured, reached: { address: true, links: false }, clock: { ms: 65_000, errorMs: 6 } }),
  ],
  findings: [
    { level: 'fault', party: 'P2', code: 'port-closed', what: 'P2 (its links port) refuses', fix: 'open it' },
    { level: 'warning', party: 'P2', code: 'clock', what: 'its clock is ahead', fix: 'set it' },
  ],
  ready: false,
  link: { rttMs: 11.234, megabytesPerSecond: 118.4 },
  forecasts: [{ network: 'A', batch: 128, step: seconds(0.6), epoch: 280, prediction: seconds(0.031) }],
};

describe('what party check shows', () => {
  it('is a table of three hosts, what is wrong, what links are worth, and a verdict', () => {
    expect(checkLines(REPORT).join('\n')).toBe(
      [
        'federation 0123 4567 89ab cdef 0123 4567 89ab cdef, seen from P0',
        '                           P0 (here)                   P1                   P2',
        'organisation                  Org P0               Org P1               Org P2',
        'address          p0.example.org:7600  p1.example.org:7600  p2.example.org:7600',
        'links            p0.example.org:7601  p1.example.org:7601  p2.example.org:7601',
        'answers                    yes / yes            yes / yes             yes / NO',
        'version                        0.1.0                    –                    –',
        'disk free                     500 GB                    –                    –',
        'clock                              –         -3 ms ± 6 ms                +65 s',
        'round trip                         –              11.2 ms              11.2 ms',
        'a request                    1.04 ms              12.5 ms              12.5 ms',
        'bandwidth to it                    –             118 MB/s             118 MB/s',
        '',
        'FAULT: P2 (its links port) refuses',
        '  fix: open it',
        'warning: its clock is ahead',
        '  fix: set it',
        '',
        'the slower link of each kind, 11.2 ms and 118 MB/s, with three machines like this one (securenn estimate --link 11.2:118):',
        '                      a step  compute  transfer  latency  60,000 images  1 prediction',
        'network A, batch 128   0.6 s    0.3 s    0.15 s    0.3 s     4 min 40 s         31 ms',
        'what lies between P1 and P2, and from them to P0, shows when they run the check as well',
        '1 fault keeps jobs from running',
      ].join('\n'),
    );
  });

  it('says when nothing is wrong, and shows no estimate of links that could not be measured', () => {
    const lines = checkLines({ ...REPORT, findings: [], ready: true, link: undefined, forecasts: [] });
    expect(lines.at(-1)).toBe('nothing is wrong: jobs can run');
    expect(lines.join('\n')).not.toMatch(/estimate/);
  });

  it('keeps to the width of a terminal', () => {
    for (const line of checkLines(REPORT, 60).flatMap((text) => text.split('\n'))) expect(line.length).toBeLessThan(61);
  });
});

describe('endpoints', () => {
  it.each([
    ['p1.example.org:7600', { host: 'p1.example.org', port: 7600 }],
    ['[2001:db8::1]:7600', { host: '2001:db8::1', port: 7600 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
  ])('reads %s', (text, endpoint) => expect(splitAddress(text)).toEqual(endpoint));
});

describe('clocks', () => {
  it('are compared by the quickest of several answers', () => {
    const readings = [
      { sentAt: 0, receivedAt: 100, time: 90 },
      { sentAt: 1000, receivedAt: 1010, time: 1035 },
    ];
    expect(offsetOf(readings)).toEqual({ ms: 30, errorMs: 5 });
    expect(offsetOf([])).toBeUndefined();
  });

  it('are not wrong by what a slow answer leaves open', () => {
    expect(clockFindings('P1', new Map([['P0', { ms: 14_000, errorMs: 10_000 }]]), 120_000)).toEqual([]);
    const [finding] = clockFindings('P1', new Map([['P0', { ms: 16_000, errorMs: 10_000 }]]), 120_000);
    expect(finding).toMatchObject({ level: 'warning', code: 'clock' });
  });

  it.each([
    [3_210, '3.2 s'],
    [600_000, '10 min'],
    [18_000_000, '5 h'],
    [1_000_000_000, '12 days'],
  ])('differ by %d ms in words', (ms, words) => expect(spanInWords(ms)).toBe(words));
});

describe('a round trip', () => {
  it('is a connection’s, which no process delays', () => expect(roundTrip(11, 13)).toBe(11));
  it('is a request’s where something near by takes connections', () => expect(roundTrip(0.4, 58)).toBe(58));
  it('is never more than a request takes', () => expect(roundTrip(12, 11)).toBe(11));
});
