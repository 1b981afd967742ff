/**
 * Pages of other origins (CORS): those that the operator has named may ask, and read what they are answered. Nobody is known by a cookie here, so a
 * page gets no more than who holds its key; but a page that nobody named gets nothing, not even with a member's key.
 */
import type { InputCall } from '../api/context.ts';

const METHODS = 'GET, POST, PUT';
const HEADERS = 'authorization, content-type, securenn-identity';
/** As long as browsers keep it. */
const LEAVE_SECONDS = '7200';

/** The whole answer to a browser that asks leave; `refused` for pages of any other origin. */
export function answerPage(call: InputCall, pages: readonly string[]): Response | 'refused' | undefined {
  const { headers, method } = call.env.incoming;
  const { origin } = headers;
  if (origin === undefined) return undefined;
  if (!pages.includes(origin)) return 'refused';
  call.header('access-control-allow-origin', origin);
  call.header('access-control-expose-headers', 'retry-after');
  call.header('vary', 'origin');
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return undefined;
  return call.body(null, 204, {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': HEADERS,
    'access-control-max-age': LEAVE_SECONDS,
  });
}
