/** Temporary folders of a test file, removed when its tests are done. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];

afterAll(() => {
  // Again while a process that was killed a moment ago still writes there.
  for (const folder of made) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** A fresh, empty folder. */
export function temporaryFolder(purpose: string): string {
  const folder = mkdtempSync(join(tmpdir(), `securenn-${purpose}-`));
  made.push(folder);
  return folder;
}
