/** Training with the products on WebGPU, on SwiftShader: the model is that of WASM, bit for bit, and a profile tells the GPU's time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadDataset } from '../../src/data/load.ts';
import type { Summary } from '../../src/profile/summary.ts';
import { idxBytes, writeDataset } from '../data/fixtures.ts';
import { run, type Outcome } from './command.ts';
import { temporaryFolder } from '../folder.ts';

const [TRAIN, TEST, PIXELS] = [16, 4, 28 * 28];

async function fewDigits(): Promise<string> {
  const { trainImages, trainLabels, testImages, testLabels } = await loadDataset('mnist');
  return writeDataset({
    trainImages: idxBytes([TRAIN, 28, 28], trainImages.subarray(0, TRAIN * PIXELS)),
    trainLabels: idxBytes([TRAIN], trainLabels.subarray(0, TRAIN)),
    testImages: idxBytes([TEST, 28, 28], testImages.subarray(0, TEST * PIXELS)),
    testLabels: idxBytes([TEST], testLabels.subarray(0, TEST)),
  });
}

describe('local train --backend webgpu', () => {
  const folder = temporaryFolder('e2e');

  it.each([
    ['A', '8', '3'],
    ['C', '2', '2'],
  ])('network %s: the model of --backend wasm, byte for byte', async (network, batch, steps) => {
    const data = await fewDigits();
    const words = ['local', 'train', '--network', network, '--data', data, '--batch', batch, '--steps', steps];
    const fixed = ['--seed', '3', '--insecure-keys', '4', '--workers', '1', '--no-show-loss', '--json', '-'];
    // SwiftShader compiles a kernel in seconds, and each party its own.
    const patient = ['--timeout', '280'];
    const outcomes: Outcome[] = [];
    const profile = join(folder, `profile-${network}`);
    for (const backend of [['wasm'], ['webgpu', '--fallback-adapter', '--profile', profile]]) {
      const out = join(folder, `${network}-${backend[0]}.safetensors`);
      outcomes.push(await run([...words, ...fixed, ...patient, '--backend', ...backend, '--out', out], folder));
    }
    for (const { code, stderr } of outcomes) expect({ code, stderr }).toMatchObject({ code: 0 });
    const reports = outcomes.map(({ stdout }) => JSON.parse(stdout) as { backend: string; machine: object });
    expect(reports.map(({ backend }) => backend)).toEqual(['wasm', 'webgpu']);
    expect(reports[1].machine).toMatchObject({ adapter: expect.stringMatching(/swiftshader/i) as string });
    expect(outcomes[1].stderr.match(/^computing on .*swiftshader/gim)).toHaveLength(1);
    const models = ['wasm', 'webgpu'].map((backend) => readFileSync(join(folder, `${network}-${backend}.safetensors`)));
    expect(models[1].equals(models[0])).toBe(true);
    const { parties } = JSON.parse(readFileSync(join(profile, 'profile.json'), 'utf8')) as Summary;
    expect(parties).toHaveLength(3);
    for (const { gpuMs, sessionMs } of parties) {
      expect(gpuMs).toBeGreaterThan(0);
      expect(gpuMs).toBeLessThan(sessionMs);
    }
    expect(readFileSync(join(profile, 'report.html'), 'utf8')).toContain('GPU time');
  });

  it('without an adapter says what was tried and what to do', async () => {
    // Only software adapters are here, and none was asked for.
    const outcome = await run(['local', 'train', '--steps', '1', '--backend', 'webgpu'], folder);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('--backend webgpu: no hardware adapter');
    expect(outcome.stderr).toContain('computes on the CPU');
    expect(outcome.stderr).toContain('securenn doctor says what to install');
  });

  it('auto goes on with WASM and says so once', async () => {
    const data = await fewDigits();
    const outcome = await run(['local', 'train', '--data', data, '--batch', '8', '--steps', '1'], folder);
    expect(outcome.code).toBe(0);
    expect(outcome.stderr.match(/no GPU found: computing with WASM/g)).toHaveLength(1);
  });
});
