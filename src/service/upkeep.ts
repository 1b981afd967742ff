/** What a running party sees to by itself: files that change, uploads that nobody goes on with, certificates that expire. */
import { Problem } from '../data/problem.ts';
import type { Logger } from '../server/log.ts';
import type { AuditLog } from './audit-log.ts';
import { FileWatch } from './file-watch.ts';
import type { PartyStanding } from './standing.ts';
import type { DataStore } from './store/data-store.ts';

export interface UpkeepOptions {
  readonly standing: PartyStanding;
  readonly data: DataStore;
  readonly audit: AuditLog;
  readonly log: Logger;
  readonly onMembers: () => void;
  readonly onKeys: () => void;
  /** When this party began to read its files. */
  readonly readAt: number;
  readonly watchMs?: number | undefined;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #watch: FileWatch | undefined;

  private constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  static async open(options: UpkeepOptions): Promise<Upkeep> {
    const upkeep = new Upkeep(options);
    const { paths, config } = options.standing.party;
    const notes = `${paths.audit}.notes`;
    const keys = [config.federation, paths.identity, paths.tlsKey, paths.tlsCertificate];
    const certificates = [paths.nextTlsKey, ...(config.publicTls === undefined ? [] : [config.publicTls.certificate])];
    const watched = [paths.members, notes, ...keys, ...certificates];
    const onChange = (path: string): Promise<void> =>
      path === paths.members ? upkeep.#members() : path === notes ? upkeep.#notes() : upkeep.#keys(path);
    upkeep.#watch = await FileWatch.open(watched, onChange, options.readAt, options.watchMs);
    upkeep.#warnOfCertificate();
    await upkeep.#sweep();
    upkeep.#timers.push(setInterval(() => upkeep.#warnOfCertificate(), DAY_MS).unref());
    upkeep.#timers.push(setInterval(() => void upkeep.#sweep(), HOUR_MS).unref());
    return upkeep;
  }

  close(): void {
    this.#watch?.close();
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #members(): Promise<void> {
    const { standing, log, onMembers } = this.#options;
    await this.#orSay('members.json cannot be used: those before still count', async () => {
      await standing.reloadMembers();
      log.info({ members: standing.directory.members().length }, 'members have changed');
      onMembers();
    });
  }

  /** Operators wrote what they did. */
  async #notes(): Promise<void> {
    await this.#orSay('the audit log cannot take in what operators did', () => this.#options.audit.takeNotes());
  }

  async #keys(path: string): Promise<void> {
    const { standing, audit, log, onKeys } = this.#options;
    await this.#orSay('changed keys or federation file cannot be used: those before still count', async () => {
      const before = standing.fingerprint;
      await standing.reload();
      onKeys();
      log.info({ path, federation: standing.fingerprint }, 'keys or federation file have changed');
      if (standing.fingerprint === before) return;
      await audit.append('federation file changed', { before, federation: standing.fingerprint });
    });
    this.#warnOfCertificate();
  }

  #warnOfCertificate(): void {
    const { standing, log } = this.#options;
    const { daysLeft, path } = standing.certificate();
    if (daysLeft > standing.party.config.certificateWarningDays) return;
    log.warn({ daysLeft, path, fix: CERTIFICATE_FIX }, daysLeft < 0 ? 'the certificate has expired' : EXPIRES);
  }

  async #sweep(): Promise<void> {
    const { data, standing, log } = this.#options;
    await this.#orSay('abandoned uploads cannot be removed', async () => {
      const removed = await data.sweep(standing.party.config.limits.uploadDays * DAY_MS);
      for (const { digest, author } of removed)
        log.info({ data: digest, owner: author }, 'removed an abandoned upload');
    });
  }

  async #orSay(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const { message } = error as Error;
      this.#options.log.error({ reason: message, fix: error instanceof Problem ? error.fix : undefined }, what);
    }
  }
}

export const EXPIRES = 'the certificate expires soon';
export const CERTIFICATE_FIX = 'renew it: securenn party rotate certificate (its key, and so its pin, stays)';
