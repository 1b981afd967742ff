/**
 * The WGSL of tier (c) on Dawn's null backend, which validates shaders and pipelines as a GPU's would and runs nothing. That is as far as
 * a device without tensor cores goes; the arithmetic is in subgroup.test.ts, the text run on the CPU in subgroupText.test.ts, the split
 * of the operands on a device in planes.test.ts.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { create } from 'webgpu';
import { SUBGROUP_MATRICES } from '../../runtime/webgpu/device.ts';
import { SUBGROUP_VARIANTS, workgroupBytes, type SubgroupVariant } from '../../runtime/webgpu/subgroupPlan.ts';
import { multiplyShader } from '../../runtime/webgpu/subgroupShader.ts';

let gpu: GPU | undefined;
let device: GPUDevice;

beforeAll(async () => {
  gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error('Dawn has no null backend');
  device = await adapter.requestDevice({
    requiredFeatures: ['subgroups', SUBGROUP_MATRICES],
    requiredLimits: { maxComputeWorkgroupStorageSize: adapter.limits.maxComputeWorkgroupStorageSize },
  });
});

afterAll(() => {
  device.destroy();
  // Dawn keeps the process alive while it is held.
  gpu = undefined;
});

/** The first complaint about a shader, or about a pipeline of it; undefined when there is none. */
async function complaint(code: string, pipeline: boolean): Promise<string | undefined> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  if (pipeline) {
    device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  }
  const error = await device.popErrorScope();
  return messages.find(({ type }) => type !== 'info')?.message ?? error?.message;
}

/** The same kernel with as few tiles as its workgroup allows, for a device of little workgroup memory. */
function shrunk(variant: SubgroupVariant): SubgroupVariant {
  return { ...variant, subgroups: [2, 2], tiles: [1, 1], gap: 0 };
}

test.each(SUBGROUP_VARIANTS)('multiply kernel $name compiles', async (variant) => {
  const room = device.limits.maxComputeWorkgroupStorageSize;
  const fits = workgroupBytes(variant) <= room;
  expect(await complaint(multiplyShader(variant), fits)).toBeUndefined();
  expect(workgroupBytes(shrunk(variant))).toBeLessThanOrEqual(room);
  expect(await complaint(multiplyShader(shrunk(variant)), true)).toBeUndefined();
});

test('what is wrong is refused', async () => {
  const right = multiplyShader(SUBGROUP_VARIANTS[0]);
  const refusal = async (from: string, to: string): Promise<string | undefined> => {
    expect(right).toContain(from);
    return complaint(right.replaceAll(from, to), true);
  };
  // Columns and rows exchanged.
  expect(await refusal('subgroup_matrix_left<u8, 32, 16>', 'subgroup_matrix_left<u8, 16, 32>')).toMatch(
    'no matching call',
  );
  // A row of 32 bytes in one vector of 16.
  expect(await refusal(', 2u);', ', 1u);')).toMatch('minimum stride (32 bytes)');
  // A subgroup's place that lanes do not agree about.
  expect(await refusal('= subgroup /', '= lane /')).toMatch('to be uniform');
  expect(await refusal('@workgroup_size(128)', '@workgroup_size(32)')).toMatch(
    'multiple of the device maxSubgroupSize',
  );
});

test('a kernel beyond the workgroup memory is refused, so usableVariants must ask', async () => {
  const large = SUBGROUP_VARIANTS.filter(
    (variant) => workgroupBytes(variant) > device.limits.maxComputeWorkgroupStorageSize,
  );
  expect(large.length).toBeGreaterThan(0);
  for (const variant of large) expect(await complaint(multiplyShader(variant), true)).toMatch('workgroup storage');
});
