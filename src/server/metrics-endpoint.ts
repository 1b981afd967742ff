/** `GET /metrics` over HTTP, and nothing else. */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

/** A scraper needs one connection. */
const MAX_CONNECTIONS = 16;
const HEADERS_TIMEOUT_MS = 5_000;
/** How long one request may take in all. */
const REQUEST_TIMEOUT_MS = 10_000;

export class MetricsEndpoint {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Resolves when listening; rejects with the system's error, which has its `code`. @param port 0: any free one */
  static async open(host: string, port: number, scrape: () => Promise<Scrape>): Promise<MetricsEndpoint> {
    const server = createServer((request, response) => void answer(request, response, scrape));
    server.maxConnections = MAX_CONNECTIONS;
    server.headersTimeout = HEADERS_TIMEOUT_MS;
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    // Neither the port nor whoever is connected keeps a party from ending.
    server.unref().on('connection', (socket) => void socket.unref());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    server.on('error', () => undefined); // of single connections, which end by themselves
    return new MetricsEndpoint(server);
  }

  /** Frees the port and drops whoever is connected. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  scrape: () => Promise<Scrape>,
): Promise<void> {
  const refuse = (status: number, headers: Readonly<Record<string, string>> = {}): void =>
    void response
      .writeHead(status, { 'content-type': 'text/plain', ...headers })
      .end(`${status} ${STATUS_CODES[status]}: this is GET /metrics of a party\n`);
  // A query asks for nothing here, but scrapers may send one.
  const [path] = (request.url ?? '').split('?', 1);
  if (path !== '/metrics') return refuse(404);
  if (request.method !== 'GET') return refuse(405, { allow: 'GET' });
  try {
    const { contentType, text } = await scrape();
    response.writeHead(200, { 'content-type': contentType }).end(text);
  } catch {
    refuse(500);
  }
}
