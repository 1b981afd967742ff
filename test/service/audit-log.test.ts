import { readFileSync, writeFileSync } from 'node:fs';
import * as disk from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuditLog, noteForAudit, verifyAudit, type AuditFiles } from '../../src/service/audit-log.ts';
import { temporaryFolder } from '../folder.ts';

const when = new Date('2031-01-01T00:00:00Z');

async function written(path: string, count: number): Promise<AuditLog> {
  const log = await AuditLog.open(path);
  for (let i = 0; i < count; i++) await log.append('job started', { job: `job-${i}`, attempt: i }, when);
  return log;
}

describe('audit log', () => {
  it('chains its lines, and goes on after a restart', async () => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    const first = await written(path, 3);
    const again = await AuditLog.open(path);
    expect(again.head).toBe(first.head);
    await again.append('job ended', { job: 'job-2', owners: ['a', 'b'] }, when);
    expect(verifyAudit(readFileSync(path, 'utf8'), path)).toEqual({ lines: 4, head: again.head });
  });

  it('writes what is appended at the same time one after the other', async () => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    const log = await AuditLog.open(path);
    await Promise.all(Array.from({ length: 50 }, (_, i) => log.append('event', { i })));
    const facts = readFileSync(path, 'utf8').trim().split('\n');
    expect(facts.map((line) => (JSON.parse(line) as { facts: { i: number } }).facts.i)).toEqual([...Array(50).keys()]);
    expect(verifyAudit(readFileSync(path, 'utf8'), path).head).toBe(log.head);
  });

  it('can be read by this user alone', async () => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    await written(path, 1);
    expect((await disk.stat(path)).mode & 0o777).toBe(0o600);
  });

  it('notices any change of any character', async () => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    const { head } = await written(path, 4);
    const text = readFileSync(path, 'utf8');
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 1, max: 90 }), (at, by) => {
        const code = 33 + ((text.charCodeAt(at) - 33 + by + 94) % 94);
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        fc.pre(changed !== text);
        // A change of the last line breaks no chain: the head that somebody keeps elsewhere tells.
        expect(() => {
          if (verifyAudit(changed, path).head === head) return;
          throw new Error('another head');
        }).toThrow();
      }),
    );
  });

  it.each([
    ['removed', (lines: string[]) => lines.toSpliced(1, 1), 2],
    ['doubled', (lines: string[]) => lines.toSpliced(1, 0, lines[1]), 3],
    ['exchanged', (lines: string[]) => [lines[1], lines[0], ...lines.slice(2)], 1],
  ] as const)('names the first line that is wrong when one was %s', async (_, change, line) => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    await written(path, 4);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    const text = `${change(lines).join('\n')}\n`;
    expect(() => verifyAudit(text, 'audit.log')).toThrow(`audit.log: line ${line} does not follow`);
    writeFileSync(path, text);
    await expect(AuditLog.open(path)).rejects.toThrow('does not follow');
  });

  it('cuts off a line that a crash left half written, wherever it was cut', async () => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    const { head } = await written(path, 2);
    const whole = readFileSync(path, 'utf8');
    await written(path, 1);
    const longer = readFileSync(path, 'utf8');
    for (let length = whole.length; length < longer.length; length++) {
      writeFileSync(path, longer.slice(0, length));
      const log = await AuditLog.open(path);
      expect(log.head).toBe(head);
      expect(readFileSync(path, 'utf8')).toBe(whole);
    }
  });

  it('loses no acknowledged line, whichever operation of the disk fails', async () => {
    for (const operation of ['open', 'stat', 'truncate', 'writeFile', 'torn', 'sync'] as const) {
      const path = join(temporaryFolder('audit'), 'audit.log');
      const failing = new Failing();
      const log = await AuditLog.open(path, failing.files);
      await log.append('one', {}, when);
      failing.operation = operation;
      await log.append('two', {}, when).then(
        () => expect(operation).toBe('truncate'), // which is needed after a fault alone
        (error: Error) => expect(error.message).toContain('cannot be written'),
      );
      failing.operation = undefined;
      await log.append('three', {}, when);
      const events = (text: string): string[] =>
        text.trim().split('\n').map((line) => (JSON.parse(line) as { event: string }).event); // prettier-ignore
      const { head } = await AuditLog.open(path);
      expect(head).toBe(log.head);
      const found = events(readFileSync(path, 'utf8'));
      expect([found[0], found.at(-1)]).toEqual(['one', 'three']);
      expect(found.length).toBe(operation === 'truncate' ? 3 : 2);
    }
  });

  it('has its name on the disk before its first line is acknowledged', async () => {
    const folder = temporaryFolder('audit');
    const opened: string[] = [];
    const files: AuditFiles = {
      ...disk,
      open: (...words: Parameters<typeof disk.open>) => {
        opened.push(String(words[0]));
        return disk.open(...words);
      },
    };
    const path = join(folder, 'audit.log');
    const log = await AuditLog.open(path, files);
    await log.append('one', {}, when);
    expect(opened).toEqual([path, folder]);
    await log.append('two', {}, when);
    expect(opened).toEqual([path, folder, path]);
  });

  it('tells how much a crash left of a line, and where a hash that was kept is', async () => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    const { head } = await written(path, 2);
    await written(path, 1);
    expect(verifyAudit(readFileSync(path, 'utf8'), path, head)).toMatchObject({ lines: 3, place: 2 });
    expect(verifyAudit(readFileSync(path, 'utf8'), path, 'f'.repeat(64))).not.toHaveProperty('place');
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"event`);
    expect((await AuditLog.open(path)).cut).toBe(7);
    expect((await AuditLog.open(path)).cut).toBe(0);
  });

  it('takes in what operators did, once each, in their order', async () => {
    const path = join(temporaryFolder('audit'), 'audit.log');
    await noteForAudit(path, 'member revoked', { name: 'b' }, new Date('2031-01-01T00:00:02Z'));
    await noteForAudit(path, 'member admitted', { name: 'a' }, new Date('2031-01-01T00:00:01Z'));
    const log = await AuditLog.open(path);
    await log.takeNotes();
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['member admitted', 'member revoked']); // prettier-ignore
    expect(await disk.readdir(`${path}.notes`)).toEqual([]);
  });

  it('says what to do about a log that is no log', () => {
    expect(() => verifyAudit('{}\n', 'audit.log')).toThrow('audit.log: line 1 is no line of an audit log');
    expect(() => verifyAudit('{"n":0', 'audit.log')).toThrow('its last line has no end');
    expect(verifyAudit('', 'audit.log')).toEqual({ lines: 0, head: '' });
  });
});

/** A disk of which one operation fails at a time; `torn` writes half of what it is given. */
class Failing {
  operation: 'open' | 'stat' | 'truncate' | 'writeFile' | 'torn' | 'sync' | undefined;
  readonly files: AuditFiles = {
    ...disk,
    open: async (...words: Parameters<typeof disk.open>) => {
      this.#fail('open');
      const file = await disk.open(...words);
      for (const operation of ['stat', 'truncate', 'sync'] as const) {
        const original = file[operation].bind(file) as (...values: unknown[]) => Promise<unknown>;
        Object.assign(file, {
          [operation]: (...values: unknown[]): Promise<unknown> => {
            this.#fail(operation);
            return original(...values);
          },
        });
      }
      const write = file.writeFile.bind(file);
      Object.assign(file, {
        writeFile: async (bytes: Buffer): Promise<void> => {
          this.#fail('writeFile');
          if (this.operation === 'torn') await write(bytes.subarray(0, bytes.length / 2));
          this.#fail('torn');
          await write(bytes);
        },
      });
      return file;
    },
  };

  #fail(operation: Failing['operation']): void {
    if (this.operation === operation) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  }
}
