/** Choosing an adapter and opening a device with all it has to give. The same in Node and in a browser. */
import { largestBuffer } from './buffers.ts';
import { usableVariants, type SubgroupAdapter, type SubgroupVariant } from './subgroupPlan.ts';

/** Matrices held by a subgroup's registers. Dawn offers them under the toggle `allow_unsafe_apis`; the types do not know them yet. */
export const SUBGROUP_MATRICES = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;
/** Features the kernels can use where an adapter has them; none is required. */
const WANTED_FEATURES: readonly GPUFeatureName[] = ['subgroups', 'timestamp-query', SUBGROUP_MATRICES];
/** Limits that are asked for in full: the defaults are what every adapter has, which is far less than a large one. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

export interface DeviceOptions {
  /** Take an adapter that computes on the CPU, for tests: it is slower than the WASM kernels. Default: hardware only. */
  readonly fallbackAdapter?: boolean;
  /** Told of an error that belongs to no call in particular. Default: standard error. Dawn itself writes to standard output. */
  readonly onError?: (message: string) => void;
}

/** An open device and what was found out about it. */
export interface Gpu {
  readonly device: GPUDevice;
  /** Vendor, architecture and description of the adapter, for people. */
  readonly adapter: string;
  /** Whether the adapter computes on the CPU. */
  readonly isFallback: boolean;
  /** WGSL's packed_4x8_integer_dot_product: dot4U8Packed, pack4xU8. */
  readonly packedDot: boolean;
  /** Variants of the subgroup-matrix kernel that the device runs. */
  readonly subgroupVariants: readonly SubgroupVariant[];
  /** Bytes of the largest operand a kernel can bind. */
  readonly maxBindingBytes: number;
  /** Workgroups along one dimension of a dispatch. */
  readonly maxGroups: number;
  /** Why the device was lost, once it was. */
  lost(): string | undefined;
  /** The same, after waiting for it up to so many milliseconds. */
  lostWithin(ms: number): Promise<string | undefined>;
  /** Destroys the device and its buffers; in Node, lets the process end. */
  close(): void;
}

/** Opens a device; throws with what was tried when there is no adapter of the kind asked for. */
export async function openDevice(gpu: GPU, options: DeviceOptions = {}): Promise<Gpu> {
  const adapter = await chooseAdapter(gpu, options.fallbackAdapter ?? false);
  const device = await adapter.requestDevice({
    requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  const onError = options.onError ?? toStandardError;
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    onError(event.error.message.trim());
  });
  let lost: string | undefined;
  // Dawn ends with its entry point, the device with it: held until the device is closed, or the collector takes both.
  let entry: GPU | undefined = gpu;
  const loss = device.lost.then(({ reason, message }) => {
    lost = message === '' ? reason : `${reason}: ${message}`;
  });
  return {
    device,
    adapter: describe(adapter.info),
    isFallback: isFallback(adapter.info),
    packedDot: gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product'),
    subgroupVariants: device.features.has(SUBGROUP_MATRICES) ? usableVariants(subgroupAdapter(adapter)) : [],
    maxBindingBytes: Math.min(device.limits.maxStorageBufferBindingSize, largestBuffer(device.limits)),
    maxGroups: device.limits.maxComputeWorkgroupsPerDimension,
    lost: () => lost,
    async lostWithin(ms) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([loss, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
      clearTimeout(timer);
      return lost;
    },
    close() {
      if (entry !== undefined) device.destroy();
      entry = undefined;
    },
  };
}

function toStandardError(message: string): void {
  // eslint-disable-next-line no-console -- the same in a browser, where there is no process
  console.error(`webgpu: ${message}`);
}

/** What usableVariants asks, of an adapter with subgroup matrices. */
function subgroupAdapter({ info, limits }: GPUAdapter): SubgroupAdapter {
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = limits;
  const {
    subgroupMinSize = 0,
    subgroupMaxSize = 0,
    subgroupMatrixConfigs = [],
  } = info as GPUAdapterInfo & Partial<Pick<SubgroupAdapter, 'subgroupMatrixConfigs'>>;
  return {
    ...{ subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs },
    ...{ maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup },
  };
}

async function chooseAdapter(gpu: GPU, fallback: boolean): Promise<GPUAdapter> {
  const requests: GPURequestAdapterOptions[] = fallback
    ? [{ forceFallbackAdapter: true }]
    : [{ powerPreference: 'high-performance' }, {}];
  const refused: string[] = [];
  for (const request of requests) {
    const adapter = await gpu.requestAdapter(request);
    if (adapter === null) {
      refused.push(`${JSON.stringify(request)} gave none`);
    } else if (!fallback && isFallback(adapter.info)) {
      refused.push(`${JSON.stringify(request)} gave ${describe(adapter.info)}, which computes on the CPU`);
    } else {
      return adapter;
    }
  }
  throw new Error(`webgpu: no ${fallback ? 'fallback' : 'hardware'} adapter: ${refused.join('; ')}`);
}

/** Dawn reports some software adapters by their type only, in the description or the device's name. */
function isFallback(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(describe(info));
}

function describe(info: GPUAdapterInfo): string {
  const parts = [info.vendor, info.architecture, info.device, info.description];
  return parts.filter((part) => part !== '').join(' ') || 'an adapter without a name';
}
