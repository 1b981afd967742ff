/** The command line. Errors are one line on standard error, and the exit code is not 0. */
import { hideBin } from 'yargs/helpers';
import { runCommandLine } from './commands.ts';
import { errorLine, exitCodeOf } from './errors.ts';
import { listenForInterrupts } from './interrupts.ts';

/** How long what is still open at the end may take to close before the process ends without it. */
const EXIT_MS = 2000;

async function main(): Promise<number> {
  const signal = listenForInterrupts();
  try {
    await runCommandLine(hideBin(process.argv), signal);
    return 0;
  } catch (error) {
    console.error(errorLine(error));
    return exitCodeOf(error);
  }
}

process.exitCode = await main();
setTimeout(() => process.exit(), EXIT_MS).unref();
