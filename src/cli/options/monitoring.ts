/** How a session can be watched from outside: logs and metrics. */
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import type { HostPort } from '../../federation/address.ts';
import { LOG_LEVELS, type LogLevel } from '../../server/log-levels.ts';
import { MONITORING, oneOf, optionalText, type Argv } from './values.ts';

export interface LogSettings {
  readonly level: LogLevel;
  /** Undefined: standard error. */
  readonly file: string | undefined;
}

export interface MonitoringSettings {
  readonly log: LogSettings;
  /** Where P0 answers with figures, P1 and P2 at the next two ports; port 0: all at free ones. Or nothing. */
  readonly metrics: HostPort | undefined;
}

/** P1 and P2 take the next two. */
const HIGHEST_PORT = 65533;

export const monitoringOptions: Readonly<Record<string, Options>> = {
  'log-level': {
    type: 'string',
    requiresArg: true,
    group: MONITORING,
    defaultDescription: 'silent; with --log-file: info',
    describe: `What the parties and the owner log, a JSON object a line: ${LOG_LEVELS.join(', ')}. No key, share or seed`,
  },
  'log-file': {
    type: 'string',
    requiresArg: true,
    group: MONITORING,
    defaultDescription: 'standard error',
    describe: 'Append the log to this file',
  },
  metrics: {
    type: 'string',
    requiresArg: true,
    group: MONITORING,
    defaultDescription: 'none',
    describe:
      'Figures for Prometheus at http://HOST:PORT/metrics of P0, at the next two ports of P1 and P2: PORT (on 127.0.0.1) ' +
      'or HOST:PORT; port 0: any free ones',
  },
};

export function readMonitoring(argv: Argv): MonitoringSettings {
  const file = optionalText(argv, 'log-file');
  const level =
    argv['log-level'] === undefined ? (file === undefined ? 'silent' : 'info') : oneOf(argv, 'log-level', LOG_LEVELS);
  if (file !== undefined && level === 'silent') {
    throw new Problem('--log-file: --log-level silent logs nothing', 'give another --log-level, or leave it out');
  }
  return { log: { level, file }, metrics: readMetrics(optionalText(argv, 'metrics')) };
}

/** `9464`, `0.0.0.0:9464`, `[::1]:9464`. */
function readMetrics(text: string | undefined): HostPort | undefined {
  if (text === undefined) return undefined;
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > HIGHEST_PORT) {
    throw new Problem(
      `--metrics: expected PORT or HOST:PORT, the port from 0 to ${HIGHEST_PORT}, found "${text}"`,
      'give --metrics 9464, say, or 0 for any free ports',
    );
  }
  return { host: bracketed ?? plain ?? '127.0.0.1', port };
}
