/** What `party check` tells a person: a table of the three hosts, what is wrong with the way to mend it, and what to expect of the links. */
import type { Finding } from '../../service/check/finding.ts';
import type { MeshReport } from '../../service/check/mesh.ts';
import type { PartyReport } from '../../service/check/party.ts';
import { bytesInWords, timeInWords } from '../estimate/command.ts';
import { layTable, wrapText } from '../layout.ts';
import type { Forecast } from './check-forecast.ts';

export interface CheckReport extends MeshReport {
  readonly command: 'party check';
  readonly version: string;
  /** Empty: the links could not be measured. */
  readonly forecasts: readonly Forecast[];
}

/** @param width of the terminal */
export function checkLines(report: CheckReport, width: number = Infinity): string[] {
  const { parties, findings, link, forecasts, federation, party } = report;
  const head = ['', ...parties.map((each) => `${each.party}${each.party === party ? ' (here)' : ''}`)];
  const rows = ROWS.map(([name, cell]) => [
    name,
    ...parties.map((each) => cell(each, each.party === party) ?? '–'),
  ]).filter((row) => row.slice(1).some((cell) => cell !== '–'));
  const lines = [`federation ${federation}, seen from ${party}`, ...layTable(head, rows, width)];
  if (findings.length > 0) lines.push('', ...findings.map((finding) => findingLine(finding)));
  lines.push('');
  if (link !== undefined && forecasts.length > 0) {
    const { rttMs, megabytesPerSecond } = link;
    lines.push(
      `the slower link of each kind, ${milliseconds(rttMs)} and ${rate(megabytesPerSecond)}, with three machines like this one (securenn estimate --link ${short(rttMs)}:${short(megabytesPerSecond)}):`,
      ...layTable(
        ['', 'a step', 'compute', 'transfer', 'latency', '60,000 images', '1 prediction'],
        forecasts.map(({ network, batch, step, epoch, prediction }) => [
          `network ${network}, batch ${batch}`,
          ...[step.total, step.compute, step.transfer, step.latency, epoch, prediction.total].map(timeInWords),
        ]),
        width,
      ),
    );
  }
  const [one, other] = parties.filter((each) => each.party !== party).map((each) => each.party);
  lines.push(
    `what lies between ${one} and ${other}, and from them to ${party}, shows when they run the check as well`,
    verdict(report),
  );
  return lines.map((line) => wrapText(line, width));
}

const ROWS: readonly (readonly [string, (report: PartyReport, own: boolean) => string | undefined])[] = [
  ['organisation', ({ name }) => name],
  ['address', ({ address }) => address],
  ['links', ({ links }) => links],
  ['answers', ({ reached: { address, links } }) => `${yes(address)} / ${yes(links)}`],
  ['certificate', ({ certificate }) => certificate && `${certificate.days} days`],
  ['version', ({ status }) => status?.version],
  ['disk free', ({ status }) => status?.disk && bytesInWords(status.disk.freeBytes)],
  ['jobs running', ({ status }) => status?.jobs && String(status.jobs.running ?? 0)],
  ['clock', ({ clock }) => clock && offset(clock.ms, clock.errorMs)],
  ['round trip', ({ rttMs }, own) => (own || rttMs === undefined ? undefined : milliseconds(rttMs))],
  ['a request', ({ requestMs }) => (requestMs === undefined ? undefined : milliseconds(requestMs))],
  [
    'bandwidth to it',
    ({ megabytesPerSecond }) => (megabytesPerSecond === undefined ? undefined : rate(megabytesPerSecond)),
  ],
];

function yes(reached: boolean): string {
  return reached ? 'yes' : 'NO';
}

/** `+12 ms ± 3 ms`: ahead of ours. */
function offset(ms: number, errorMs: number): string {
  const [value, error] =
    Math.abs(ms) >= 10_000
      ? [`${(ms / 1000).toFixed(0)} s`, '']
      : [`${ms.toFixed(0)} ms`, ` ± ${Math.ceil(errorMs)} ms`];
  return `${ms > 0 ? '+' : ''}${value}${error}`.replace(/^\+?-?0 ms/, '0 ms');
}

function milliseconds(ms: number): string {
  return `${short(ms)} ms`;
}

function rate(megabytesPerSecond: number): string {
  return `${short(megabytesPerSecond)} MB/s`;
}

/** Three digits, without an exponent. */
function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

const LEVELS = { fault: 'FAULT', warning: 'warning', note: 'note' } as const;

function findingLine({ level, what, fix }: Finding): string {
  return `${LEVELS[level]}: ${what}\n  fix: ${fix}`;
}

function verdict({ ready, findings }: CheckReport): string {
  const faults = findings.filter(({ level }) => level === 'fault').length;
  if (!ready) return `${faults} ${faults === 1 ? 'fault keeps' : 'faults keep'} jobs from running`;
  return findings.length > 0 ? 'jobs can run; see to what is said above' : 'nothing is wrong: jobs can run';
}
