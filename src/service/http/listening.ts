/** Listening on a port, and what to do where that cannot be. */
import type { Server } from 'node:net';
import { Problem } from '../../data/problem.ts';

/** Resolves when the server listens. @param setting of party.json that names host and port */
export async function listening(server: Server, host: string, port: number, setting: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(explained(error, host, port, setting)));
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', () => undefined); // Of single connections, which end by themselves.
}

function explained(error: NodeJS.ErrnoException, host: string, port: number, setting: string): Problem {
  const where = `${host}:${port}`;
  const change = `or change "${setting}" in party.json`;
  const known: Readonly<Record<string, readonly [string, string]>> = {
    EADDRINUSE: [
      `port ${port} on ${host} is in use`,
      `see which program has it (ss -ltnp 'sport = :${port}') and stop that, ${change}`,
    ],
    EACCES: [
      `port ${port} is reserved for the system`,
      `choose a port of 1024 or above: change "${setting}" in party.json`,
    ],
    EADDRNOTAVAIL: [
      `${host} is not an address of this machine`,
      `give one that is (ip address), or 0.0.0.0: ${change}`,
    ],
    ENOTFOUND: [`${host} is not known as an address`, `give an address of this machine: ${change}`],
  };
  const [what, fix] = known[error.code ?? ''] ?? [`cannot listen on ${where}: ${error.code ?? error.message}`, change];
  return new Problem(what, fix.replace(': or ', ': '), { cause: error });
}
