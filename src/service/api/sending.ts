/** Answers that are written to the connection directly, with the headers that all answers have. */
import type { OutgoingHttpHeaders } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { InputCall } from './context.ts';

export function writeHead(call: InputCall, headers: OutgoingHttpHeaders): void {
  const { outgoing } = call.env;
  call.res.headers.forEach((value, header) => outgoing.setHeader(header, value));
  outgoing.writeHead(200, headers);
}

/** Bytes that are here: through a Response they would go by a stream, and wait a millisecond for its end. */
export function sendBytes(call: InputCall, bytes: Uint8Array): Response {
  writeHead(call, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
  call.env.outgoing.end(bytes);
  return RESPONSE_ALREADY_SENT;
}
