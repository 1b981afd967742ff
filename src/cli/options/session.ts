/** The options that every session of three parties takes. */
import type { Options } from 'yargs';
import { profileOption } from '../profile.ts';
import { machineOptions, readMachine, type MachineSettings } from './machine.ts';
import { monitoringOptions, readMonitoring, type MonitoringSettings } from './monitoring.ts';
import { protocolOptions, readProtocol, type ProtocolSettings } from './protocol.ts';
import { readTask, taskOptions, type TaskSettings } from './task.ts';
import { type Argv, jsonOption, optionalText } from './values.ts';

export interface SessionSettings extends TaskSettings, ProtocolSettings, MachineSettings, MonitoringSettings {
  /** A file, `-` for standard output, or nothing. */
  readonly json: string | undefined;
  /** A folder for a profile, or nothing. */
  readonly profile: string | undefined;
}

export const sessionOptions: Readonly<Record<string, Options>> = {
  ...taskOptions,
  ...protocolOptions,
  ...machineOptions,
  json: jsonOption,
  profile: profileOption,
  ...monitoringOptions,
};

export function readSession(argv: Argv): SessionSettings {
  return {
    ...readTask(argv),
    ...readProtocol(argv),
    ...readMachine(argv),
    json: optionalText(argv, 'json'),
    profile: optionalText(argv, 'profile'),
    ...readMonitoring(argv),
  };
}
