/** What an open GPU says of itself, for reports. */
import { listChoices } from '../../runtime/webgpu/choices.ts';
import type { Gpu } from '../../runtime/webgpu/device.ts';

/** Limits that decide which products fit and which kernels run. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

export interface GpuCard {
  readonly adapter: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** Name and version as the driver gives them. */
  readonly driver: string;
  /** It computes on the CPU. */
  readonly software: boolean;
  /** Limits of the device, in bytes or counts. */
  readonly limits: Readonly<Record<(typeof LIMITS)[number], number>>;
  readonly features: readonly string[];
  /** dot4U8Packed. */
  readonly packedDot: boolean;
  /** Least and largest lanes of a subgroup; 0 where there are none. */
  readonly subgroupSizes: readonly [number, number];
  /** Matrix products a subgroup offers, e.g. `u8 16x16x32 u32`: component, M x N x K, result. */
  readonly subgroupMatrices: readonly string[];
  /** Kernels of a product that it runs. */
  readonly kernels: readonly string[];
}

interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export function gpuCard(gpu: Gpu): GpuCard {
  const { limits, features, adapterInfo } = gpu.device;
  const { subgroupMatrixConfigs = [] } = adapterInfo as { readonly subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  return {
    adapter: gpu.adapter,
    vendor: adapterInfo.vendor,
    architecture: adapterInfo.architecture,
    device: adapterInfo.device,
    driver: adapterInfo.description,
    software: gpu.isFallback,
    limits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])) as GpuCard['limits'],
    features: [...features].sort(),
    packedDot: gpu.packedDot,
    subgroupSizes: [adapterInfo.subgroupMinSize ?? 0, adapterInfo.subgroupMaxSize ?? 0],
    subgroupMatrices: Array.from(
      subgroupMatrixConfigs,
      ({ componentType, resultComponentType, M, N, K }) => `${componentType} ${M}x${N}x${K} ${resultComponentType}`,
    ),
    kernels: listChoices(gpu),
  };
}
