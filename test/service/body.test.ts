/** Bodies of requests: whole, as they were signed, as long as they may be, and not for ever on their way. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../src/service/http/body.ts';

const TEXT = Buffer.from('an input of a session');

function sent(headers: Record<string, string> = {}): {
  readonly stream: PassThrough;
  readonly incoming: IncomingMessage;
} {
  const stream = new PassThrough();
  return { stream, incoming: Object.assign(stream, { headers }) as unknown as IncomingMessage };
}

const options = (of: Buffer = TEXT, maxBytes = 100, stallMs = 60_000) => {
  return { digest: createHash('sha256').update(of).digest('hex'), maxBytes, stallMs };
};

describe('a body', () => {
  it('comes whole, in one piece, in many, or as none', async () => {
    for (const pieces of [[TEXT], [...TEXT].map((byte) => Buffer.of(byte))]) {
      const { stream, incoming } = sent();
      const body = readBody(incoming, options());
      for (const piece of pieces) stream.write(piece);
      stream.end();
      expect(await body).toEqual(TEXT);
    }
    const { stream, incoming } = sent();
    stream.end();
    expect(await readBody(incoming, options(Buffer.alloc(0)))).toHaveLength(0);
  });

  it('is the one that was signed', async () => {
    const { stream, incoming } = sent();
    stream.end('another input of a session');
    await expect(readBody(incoming, options())).rejects.toMatchObject({ status: 400 });
  });

  it('that is too long is refused, announced or not, and its connection lives on', async () => {
    const announced = sent({ 'content-length': '101' });
    await expect(readBody(announced.incoming, options())).rejects.toMatchObject({ status: 413 });
    const { stream, incoming } = sent();
    const body = readBody(incoming, options());
    stream.write(Buffer.alloc(60));
    stream.write(Buffer.alloc(60));
    await expect(body).rejects.toMatchObject({ status: 413 });
    expect(stream.destroyed).toBe(false);
    // What still comes can be read, and ignored.
    incoming.resume();
    stream.end(Buffer.alloc(100_000));
    await new Promise((resolve) => stream.once('end', resolve));
  });

  it('whose connection ends is refused, before and while it is read', async () => {
    const { stream, incoming } = sent();
    const body = readBody(incoming, options());
    stream.write('an in');
    stream.destroy();
    await expect(body).rejects.toMatchObject({ status: 400, message: 'the connection ended within the body' });
    await expect(readBody(incoming, options())).rejects.toMatchObject({ status: 400 });
    const failing = sent();
    const failed = readBody(failing.incoming, options());
    failing.stream.destroy(new Error('reset'));
    await expect(failed).rejects.toMatchObject({ status: 400 });
  });

  it('that does not come is waited for no longer than it may take', async () => {
    const { stream, incoming } = sent();
    const body = readBody(incoming, options(TEXT, 100, 20));
    stream.write('an in');
    await expect(body).rejects.toMatchObject({ status: 408 });
    expect(stream.destroyed).toBe(true);
  });
});
