/** GPU buffers, used again and bounded: a job first gets room for all its bytes, then its buffers, and gives both back at its end. */

/** GPUBufferUsage as numbers of the specification: Node has no such global. */
export const USAGE = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

/** Bytes of the buffers of jobs under way; a larger job runs alone. */
const DEFAULT_ROOM_BYTES = 1024 * 1024 * 1024;
/** Bytes of buffers kept for the next job. */
const DEFAULT_IDLE_BYTES = 256 * 1024 * 1024;
const SMALLEST_BYTES = 256;
/** SwiftShader grants buffers of 2^30 bytes and makes none of more than 2^30 − 64: what a driver adds for itself stays free. */
const DRIVER_BYTES = 65_536;

/** Bytes of the largest buffer to ask a device for. */
export function largestBuffer({ maxBufferSize }: Pick<GPUSupportedLimits, 'maxBufferSize'>): number {
  return maxBufferSize - DRIVER_BYTES;
}

interface Waiting {
  readonly bytes: number;
  start(): void;
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #roomBytes: number;
  readonly #idleBytes: number;
  /** Oldest first. */
  #idle: GPUBuffer[] = [];
  #used = 0;
  #waiting: Waiting[] = [];

  constructor(device: GPUDevice, roomBytes: number = DEFAULT_ROOM_BYTES, idleBytes: number = DEFAULT_IDLE_BYTES) {
    this.#device = device;
    this.#roomBytes = roomBytes;
    this.#idleBytes = idleBytes;
  }

  /** Bytes of jobs under way, and of buffers kept for the next ones. */
  get usage(): { readonly room: number; readonly idle: number } {
    return { room: this.#used, idle: this.#idle.reduce((sum, { size }) => sum + size, 0) };
  }

  /** Runs `job` once `bytes` fit beside the jobs under way; first come, first served. */
  async withRoom<T>(bytes: number, job: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#waiting.push({ bytes, start: resolve });
      this.#admit();
    });
    try {
      return await job();
    } finally {
      this.#used -= bytes;
      this.#admit();
    }
  }

  /** A buffer of at least `bytes`; its content is whatever the last job left. */
  take(bytes: number, usage: number): GPUBuffer {
    const size = this.sizeFor(bytes);
    const index = this.#idle.findIndex((buffer) => buffer.size === size && buffer.usage === usage);
    if (index >= 0) return this.#idle.splice(index, 1)[0];
    return this.#device.createBuffer({ size, usage });
  }

  /** Takes a buffer back, unmapped, and drops the oldest beyond the bound. */
  give(buffer: GPUBuffer): void {
    this.#idle.push(buffer);
    let { idle } = this.usage;
    while (idle > this.#idleBytes) {
      const oldest = this.#idle.shift() as GPUBuffer;
      idle -= oldest.size;
      oldest.destroy();
    }
  }

  /** Sizes in steps of an eighth of a power of two, so that jobs of nearly one size share buffers; at most an eighth is lost. */
  sizeFor(bytes: number): number {
    const limit = largestBuffer(this.#device.limits);
    const step = Math.max(SMALLEST_BYTES, 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 3));
    const size = Math.max(SMALLEST_BYTES, Math.ceil(bytes / step) * step);
    return size > limit ? Math.ceil(bytes / 4) * 4 : size;
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used > 0 && this.#used + next.bytes > this.#roomBytes) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
