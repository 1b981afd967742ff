#!/usr/bin/env node
// The command: starts what `npm run build` leaves in dist/, or says what to run where it is not there.
import console from 'node:console';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { URL } from 'node:url';

const built = new URL('../dist/', import.meta.url);

if (!existsSync(new URL('build.json', built))) {
  console.error(
    'securenn: not built, or not to the end. To fix: in its folder run npm ci, then npm run build ' +
      '(a build needs the development packages, which --omit=dev leaves out)',
  );
  process.exitCode = 1;
} else {
  try {
    await import(new URL('src/cli/main.bundle.js', built));
  } catch (error) {
    const fix = fixOf(error);
    if (fix === undefined) throw error;
    console.error(`securenn: ${error.message} (fix: ${fix})`);
    process.exitCode = 1;
  }
}

/** Of what may go wrong while the program is loaded. */
function fixOf(error) {
  if (error?.code === 'ERR_MODULE_NOT_FOUND') return 'in its folder run npm ci';
  if (error instanceof RangeError && /memory/i.test(error.message)) return 'raise the limit on memory (ulimit -v)';
  return undefined;
}
