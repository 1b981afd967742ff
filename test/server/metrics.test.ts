/** What a scrape shows: the links' own counters, what happened, and nothing that only the owner may know. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Link, PeerName } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';
import { PartyMetrics } from '../../src/server/metrics.ts';
import type { InferJob } from '../../src/server/job.ts';
import { countersOf } from '../../src/server/ranks/counters.ts';
import { WaitMeter } from '../../src/server/wait-meter.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { samples, type Samples } from '../samples.ts';

const HOST = '127.0.0.1';
const open: PartyMetrics[] = [];
afterEach(() => open.splice(0).forEach((metrics) => metrics.close()));

async function listening(): Promise<{ metrics: PartyMetrics; port: number }> {
  const metrics = new PartyMetrics('P0');
  open.push(metrics);
  return { metrics, port: await metrics.listen(HOST, 0) };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

function ask(port: number, path = '/metrics', method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: HOST, port, path, method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    asking.on('error', reject).end();
  });
}

async function scrape(port: number): Promise<Samples> {
  const { status, headers, text } = await ask(port);
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  return samples(text);
}

const job: InferJob = {
  ...{ kind: 'infer', sessionId: 'abc', network: NETWORKS.A, suite: 'direct', truncation: 'dealt' },
  ...{ fractionBits: 16, compareBits: 33, batch: 8, images: 16, insecureKeys: 987654321 },
};
const counters = { seconds: 0.5, waitSeconds: 0.25, bytesSent: 99, onlineRounds: 7 };

describe('a scrape', () => {
  it('shows what each link counted, both ways, and who was waited for', async () => {
    const { metrics, port } = await listening();
    const [toP1, p1] = memoryPair('P0', 'P1');
    const [toP2, p2] = memoryPair('P0', 'P2');
    const links = new Map<PeerName, Link>([
      ['P1', toP1],
      ['P2', toP2],
    ]);
    let slept = 0;
    const meter = new WaitMeter(() => slept);
    metrics.begin(job, 'wasm', meter);
    metrics.allConnected(links);
    await toP1.send('a', new BigUint64Array(1000), 1);
    await toP2.send('a', new Uint8Array(5), 1);
    await toP2.send('b', new Uint8Array(6), 1);
    await p1.send('c', new Uint8Array(77), 1);
    await toP1.receive('c', 'u8', 77);
    slept = 1500;
    meter.arrived('P1');

    const first = await scrape(port);
    for (const [peer, { sent, received }] of links) {
      const of = { party: 'P0', peer };
      expect(first.value('securenn_sent_bytes_total', of)).toBe(sent.frameBytes);
      expect(first.value('securenn_sent_messages_total', of)).toBe(sent.messages);
      expect(first.value('securenn_received_bytes_total', of)).toBe(received.frameBytes);
      expect(first.value('securenn_received_messages_total', of)).toBe(received.messages);
    }
    expect(first.value('securenn_received_bytes_total', { party: 'P0', peer: 'P1' })).toBe(p1.sent.frameBytes);
    expect(first.value('securenn_wait_seconds_total', { party: 'P0', peer: 'P1' })).toBe(1.5);
    expect(first.value('securenn_compute_seconds_total', { party: 'P0' })).toBeGreaterThanOrEqual(0);
    expect(p2.received.messages).toBe(2);

    // Read anew each time, not added up.
    await toP1.send('d', new Uint8Array(1), 1);
    expect((await scrape(port)).value('securenn_sent_messages_total', { party: 'P0', peer: 'P1' })).toBe(2);
  });

  it('shows each rank of a party beside the others', async () => {
    const { metrics, port } = await listening();
    const [toP1] = memoryPair('P0', 'P1');
    const [toOwner] = memoryPair('P0', 'owner');
    let slept = 0;
    const meter = new WaitMeter(() => slept);
    metrics.begin(job, 'wasm', meter);
    metrics.allConnected(
      new Map<PeerName, Link>([
        ['P1', toP1],
        ['owner', toOwner],
      ]),
    );
    let other = { bytesSent: 7, waitSeconds: 2, computeSeconds: 5, cpuSeconds: 3 };
    metrics.ranks(() => [countersOf(meter, [toP1, toOwner]), other]);
    await toP1.send('a', new BigUint64Array(1000), 1);
    await toOwner.send('a', new BigUint64Array(1000), 1);
    slept = 1500;
    const of = (rank: number): Record<string, string> => ({ party: 'P0', rank: String(rank) });
    const first = await scrape(port);
    expect(first.value('securenn_rank_sent_bytes_total', of(0))).toBe(toP1.sent.frameBytes);
    expect(first.value('securenn_rank_wait_seconds_total', of(0))).toBe(1.5);
    expect(first.value('securenn_rank_sent_bytes_total', of(1))).toBe(7);
    expect(first.value('securenn_rank_compute_seconds_total', of(1))).toBe(5);
    expect(first.value('securenn_rank_cpu_seconds_total', of(1))).toBe(3);
    other = { ...other, bytesSent: 8 };
    expect((await scrape(port)).value('securenn_rank_sent_bytes_total', of(1))).toBe(8);
  });

  it('counts steps, rounds, evaluations and checkpoints', async () => {
    const { metrics, port } = await listening();
    const p0 = { party: 'P0' };
    expect((await scrape(port)).value('securenn_steps_total', p0)).toBe(0);
    metrics.count({ kind: 'ready', ...counters });
    metrics.count({ kind: 'step', step: 1, epoch: 1, loss: true, ...counters });
    metrics.count({ kind: 'step', step: 2, epoch: 2, loss: false, ...counters, seconds: 3 });
    metrics.count({ kind: 'evaluated', evaluation: 1, images: 10, ...counters });
    metrics.count({ kind: 'batch', batch: 0, ...counters });
    metrics.checkpoint();
    const found = await scrape(port);
    expect(found.value('securenn_steps_total', p0)).toBe(3);
    expect(found.value('securenn_epoch', p0)).toBe(2);
    expect(found.value('securenn_evaluations_total', p0)).toBe(1);
    expect(found.value('securenn_checkpoints_total', p0)).toBe(1);
    expect(found.value('securenn_rounds_total', p0)).toBe(35);
    expect(found.value('securenn_step_duration_seconds_count', p0)).toBe(3);
    expect(found.value('securenn_step_duration_seconds_sum', p0)).toBe(4);
    expect(found.value('securenn_step_duration_seconds_bucket', { ...p0, le: '0.64' })).toBe(2);
  });

  it('names the job, and says nothing that only the owner knows', async () => {
    const { metrics, port } = await listening();
    metrics.begin(job, 'wasm', new WaitMeter());
    const { text } = await ask(port);
    expect(text).toContain('securenn_job_info{job="infer",network="A",backend="wasm",session="abc",party="P0"} 1');
    expect(text).toMatch(/^process_cpu_seconds_total\{party="P0"\} /m);
    expect(text).not.toMatch(/loss|accuracy|correct|987654321/);
  });

  it('has names and units as Prometheus wants them', async () => {
    const { port } = await listening();
    const { text } = await ask(port);
    const types = [...text.matchAll(/^# TYPE (securenn_\S+) (\w+)$/gm)].map(([, name, type]) => [name, type] as const);
    for (const [name, type] of types) {
      expect(name).toMatch(/^securenn(_[a-z]+)+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
    }
  });

  it('has the metrics of docs/monitoring.md, with these types', async () => {
    const { port } = await listening();
    const { text } = await ask(port);
    const found = [...text.matchAll(/^# TYPE (securenn_\S+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const page = readFileSync(join(import.meta.dirname, '../../docs/monitoring.md'), 'utf8').split('## A party')[0];
    const told = [...page.matchAll(/^- `(securenn_\w+)` \((\w+)/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(told.toSorted()).toEqual(found.toSorted());
  });
});

describe('the endpoint', () => {
  it.each([
    ['GET', '/', 404],
    ['GET', '/metrics/more', 404],
    ['GET', '/metricsx', 404],
    ['POST', '/elsewhere', 404],
    ['POST', '/metrics', 405],
    ['HEAD', '/metrics', 405],
    ['DELETE', '/metrics', 405],
    ['GET', '/metrics?name[]=x', 200],
  ])('%s %s: %d', async (method, path, status) => {
    const { port } = await listening();
    const answer = await ask(port, path, method);
    expect(answer.status).toBe(status);
    expect(answer.headers.allow).toBe(status === 405 ? 'GET' : undefined);
  });

  it('rejects with the code of the system when the port is in use', async () => {
    const { port } = await listening();
    await expect(new PartyMetrics('P1').listen(HOST, port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('closes with whoever is connected', async () => {
    const { metrics, port } = await listening();
    const socket = connect(port, HOST);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    await new Promise((resolve) => socket.on('connect', resolve));
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    metrics.close();
    await closed;
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
