import { expect, it } from 'vitest';
import { Ahead, type Check } from '../../src/party/ahead.ts';

/** Checks that end when they are told to, and which of them have begun. */
function checks(bytes: number): { check: (path: string) => Check; begun: string[]; end: Map<string, () => void> } {
  const begun: string[] = [];
  const end = new Map<string, () => void>();
  const check = (path: string): Check => ({
    path,
    bytes,
    begin: () => {
      begun.push(path);
      const accepted = new Promise<void>((resolve) => end.set(path, resolve));
      return { packed: Promise.resolve(new Uint8Array(bytes)), accepted };
    },
  });
  return { check, begun, end };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('begins what comes, once, and hands it to whoever asks', async () => {
  const ahead = new Ahead();
  const { check, begun, end } = checks(10);
  ahead.offer(check('/a'));
  ahead.offer(check('/a'));
  end.get('/a')!();
  const { packed, accepted } = ahead.take(check('/a'));
  await accepted;
  expect((await packed).length).toBe(10);
  expect(begun).toEqual(['/a']);
});

it('begins what has not come when it is asked for, and not again when it comes meanwhile', async () => {
  const ahead = new Ahead();
  const { check, begun, end } = checks(10);
  const { accepted } = ahead.take(check('/a'));
  ahead.offer(check('/a'));
  expect(begun).toEqual(['/a']);
  end.get('/a')!();
  await accepted;
});

it('holds no more than its bytes until somebody asks, and then goes on', async () => {
  const ahead = new Ahead(25);
  const { check, begun, end } = checks(10);
  for (const path of ['/a', '/b', '/c', '/d', '/e']) ahead.offer(check(path));
  expect(begun).toEqual(['/a', '/b']);
  end.get('/a')!();
  await settled();
  expect(begun).toEqual(['/a', '/b']); // nobody has asked
  ahead.take(check('/a'));
  await settled();
  expect(begun).toEqual(['/a', '/b', '/c']);
  // Asked for before there was room: begun then, and not again
  ahead.take(check('/e'));
  expect(begun).toEqual(['/a', '/b', '/c', '/e']);
  for (const path of ['/b', '/c', '/e']) {
    end.get(path)!();
    if (path !== '/e') ahead.take(check(path));
  }
  await settled();
  expect(begun).toEqual(['/a', '/b', '/c', '/e', '/d']);
});

it('what is larger than all it may hold waits until it is asked for', async () => {
  const ahead = new Ahead(5);
  const { check, begun, end } = checks(10);
  ahead.offer(check('/a'));
  expect(begun).toEqual([]);
  const { accepted } = ahead.take(check('/a'));
  end.get('/a')!();
  await accepted;
});

it('after a check that failed nobody gets anything', async () => {
  const ahead = new Ahead();
  const { check } = checks(10);
  const packed = Promise.resolve(new Uint8Array());
  ahead.offer(check('/good'));
  ahead.offer({ path: '/bad', bytes: 1, begin: () => ({ packed, accepted: Promise.reject(new Error('no code')) }) });
  await settled();
  expect(() => ahead.take(check('/good'))).toThrow('no code');
  expect(() => ahead.take(check('/other'))).toThrow('no code');
});

it('after a check that failed none is accepted of those that were asked for before', async () => {
  const ahead = new Ahead();
  const { check, end } = checks(10);
  const before = ahead.take(check('/before'));
  const pending = ahead.take(check('/pending'));
  const other = ahead.unlessFailed(new Promise((resolve) => end.set('other', resolve)));
  end.get('/before')!();
  await before.accepted;
  // As of one that is not ahead
  await expect(ahead.unlessFailed(Promise.reject(new Error('no code')))).rejects.toThrow('no code');
  end.get('/pending')!();
  end.get('other')!();
  await expect(pending.accepted).rejects.toThrow('no code');
  await expect(other).rejects.toThrow('no code');
  expect(() => ahead.take(check('/next'))).toThrow('no code');
});
