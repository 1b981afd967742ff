/** The form of log lines, what is taken for one, and what a party logs of its work. */
import { describe, expect, it } from 'vitest';
import type { Link, PeerName } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import type { TrainJob } from '../../src/server/job.ts';
import { createLog, isLogLine, jobFacts } from '../../src/server/log.ts';
import { LOG_LEVELS, type LogLevel } from '../../src/server/log-levels.ts';
import { Monitor } from '../../src/server/monitor.ts';
import { SOFTMAX_SGD } from '../training.ts';

/** What is logged at a level, parsed. */
function logged(level: LogLevel, work: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  work(createLog('P1', level, { write: (line) => void lines.push(line) }));
  for (const line of lines) expect(isLogLine(line.trimEnd(), 'P1'), line).toBe(true);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const job: TrainJob = {
  ...{ kind: 'train', sessionId: 'abc', network: NETWORKS.A, suite: 'direct', truncation: 'dealt' },
  ...{ fractionBits: 16, compareBits: 33, batch: 8, trainImages: 17, testImages: 4, insecureKeys: 987654321 },
  ...{ ...SOFTMAX_SGD, epochs: 2, seed: 123456789 },
};
const counters = { seconds: 0.5, waitSeconds: 0.25, bytesSent: 99, onlineRounds: 7 };

describe('a line', () => {
  it('is JSON with time, level, party and msg', () => {
    const [line] = logged('info', (log) => log.info({ step: 3 }, 'a message'));
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown,
      party: 'P1',
      step: 3,
      msg: 'a message',
    });
  });

  it.each(LOG_LEVELS)('level %s has those before it', (level) => {
    const lines = logged(level, (log) => {
      log.debug('debug');
      log.info('info');
      log.warn('warn');
      log.error('error');
    });
    expect(lines.map(({ msg }) => msg).toReversed()).toEqual(
      ['error', 'warn', 'info', 'debug'].slice(0, LOG_LEVELS.indexOf(level)),
    );
  });

  it.each([
    'FATAL ERROR: Reached heap limit',
    '{"level":"info"',
    '{}',
    '{"level":"info","time":"2025-01-31T12:00:00.000Z","party":"P2","msg":"of another party"}',
    '{"level":"loud","time":"2025-01-31T12:00:00.000Z","party":"P1","msg":"x"}',
    '{"level":"info","time":"yesterday","party":"P1","msg":"x"}',
    '{"level":"info","time":"2025-01-31T12:00:00.000Z","party":"P1"}',
    '[1]',
    '',
  ])('what is none: %s', (text) => expect(isLogLine(text, 'P1')).toBe(false));
});

describe('a party', () => {
  it('names its job without its seeds', () => {
    expect(jobFacts(job)).toMatchObject({ job: 'train', network: 'A', batch: 8, epochs: 2, insecure: true });
    expect(JSON.stringify(jobFacts(job))).not.toMatch(/987654321|123456789/);
  });

  it('logs what happens, by level', () => {
    const work = (log: ReturnType<typeof createLog>): void => {
      const monitor = new Monitor({ log, metrics: undefined });
      const [link] = memoryPair('P1', 'P0');
      monitor.begin(job, { backend: 'wasm', adapter: null, reason: 'no adapter' }, { rttMs: 1, megabytesPerSecond: 2 });
      monitor.connected('P0');
      monitor.allConnected(new Map<PeerName, Link>([['P0', link]]));
      monitor.refused('127.0.0.1:1: no hello');
      monitor.onEvent({ kind: 'ready', ...counters });
      monitor.onEvent({ kind: 'step', step: 1, epoch: 1, loss: true, ...counters });
      monitor.onEvent({ kind: 'step', step: 2, epoch: 1, loss: false, ...counters });
      monitor.onEvent({ kind: 'evaluated', evaluation: 1, images: 4, ...counters });
      monitor.onCheckpoint(2);
      monitor.note('the GPU is gone (lost); going on with wasm');
      monitor.onEvent({ kind: 'finished', ...counters });
      monitor.ended();
    };
    const brief = (level: LogLevel): unknown[] =>
      logged(level, work).map(({ level, msg }) => `${level as string}: ${msg as string}`);
    expect(brief('warn')).toEqual([
      'warn: no GPU: computing with wasm',
      'warn: refused a connection',
      'warn: computing has changed',
    ]);
    expect(brief('debug')).toEqual([
      'info: started',
      'warn: no GPU: computing with wasm',
      'info: connected',
      'info: all peers are connected',
      'warn: refused a connection',
      'info: all inputs are here',
      'debug: step done',
      'debug: step done',
      'info: epoch done',
      'info: evaluation done',
      'info: checkpoint complete',
      'warn: computing has changed',
      'info: all is revealed',
      'info: finished',
    ]);
    const lines = logged('debug', work);
    expect(lines[0]).toMatchObject({ backend: 'wasm', link: { rttMs: 1, megabytesPerSecond: 2 }, session: 'abc' });
    expect(lines[6]).toMatchObject({ step: 1, epoch: 1, ...counters });
    const none = { messages: 0, bytes: 0 };
    expect(lines.at(-1)).toMatchObject({ traffic: { P0: { sent: none, received: none } } });
  });
});
