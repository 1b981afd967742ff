/** Ports for services that start a little later, and start again. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { Problem } from '../data/problem.ts';

/** Above those of known services, and below those that systems give to whoever asks for any: Linux from 32768, others from 49152. */
const LOWEST = 10_000;
const HIGHEST = 32_767;
const TRIES = 1000;

/** So many neighbouring ports of this machine that nobody listens on at this moment, and that the system gives to nobody meanwhile. */
export async function freePorts(count: number): Promise<number[]> {
  for (let i = 0; i < TRIES; i++) {
    const first = randomInt(LOWEST, HIGHEST - count);
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports;
  }
  throw new Problem(
    `no ${count} neighbouring ports from ${LOWEST} to ${HIGHEST} are free on 127.0.0.1`,
    'end programs that listen there',
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
