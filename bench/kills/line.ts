/** A line over TCP that can break. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

/** A TCP line to a port, which can break. */
export class Line {
  readonly #sockets: Set<Socket> = new Set();
  readonly #server: Server = createServer((socket) => this.#join(socket));
  #to = 0;
  #whole = true;

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async open(to: number): Promise<void> {
    this.#to = to;
    await new Promise<void>((resolve) => this.#server.listen(0, HOST, resolve));
  }

  cut(seconds: number): void {
    this.#whole = false;
    for (const socket of this.#sockets) socket.destroy();
    setTimeout(() => (this.#whole = true), 1000 * seconds);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(near: Socket): void {
    if (!this.#whole) return void near.destroy();
    const far = connect(this.#to, HOST);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
