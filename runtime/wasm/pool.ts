/**
 * Workers that run kernel calls. One queue for all: a call goes to the worker with the fewest calls under way, as soon as one
 * has a free region. With two regions a worker computes one call while the main thread copies the next.
 */
import { Worker } from 'node:worker_threads';
import { createMemory, viewOf } from './instance.ts';
import { REGION_BASE, REGION_BYTES, type KernelCall, type MemoryView } from './kernels.ts';

const REGIONS_PER_WORKER = 2;
/** After so much copying replies wait for the next turn. */
const LONG_TURN_MS = 1;

interface Pending {
  readonly call: KernelCall;
  resolve(): void;
  reject(reason: Error): void;
}

type Reply = { readonly id: number; readonly result: number } | { readonly id: number; readonly error: string };

/** A worker; `busy[r]` is the call that occupies region r, and r is the id of its messages. */
class Member {
  readonly thread: Worker;
  readonly view: MemoryView;
  readonly busy: (Pending | undefined)[] = new Array<Pending | undefined>(REGIONS_PER_WORKER).fill(undefined);
  load = 0;

  constructor(module: WebAssembly.Module, url: URL) {
    const memory = createMemory(REGIONS_PER_WORKER, true);
    this.view = viewOf(memory);
    // Without the flags of this process: a loader would only slow the start of a plain script.
    this.thread = new Worker(url, { workerData: { module, memory }, execArgv: [] });
    // An idle worker must not keep the process alive; one with work to do must (see start and finish).
    this.thread.unref();
  }

  start(pending: Pending): void {
    const region = this.busy.indexOf(undefined);
    const args = pending.call.load(this.view, REGION_BASE + region * REGION_BYTES);
    this.busy[region] = pending;
    if (this.load++ === 0) this.thread.ref();
    this.thread.postMessage({ id: region, kernel: pending.call.kernel, args });
  }

  finish(reply: Reply): void {
    const pending = this.busy[reply.id];
    if (pending === undefined) return;
    this.busy[reply.id] = undefined;
    if (--this.load === 0) this.thread.unref();
    if ('error' in reply) {
      pending.reject(new Error(`wasm: kernel ${pending.call.kernel} failed: ${reply.error}`));
      return;
    }
    settle(pending, () => pending.call.store(this.view, REGION_BASE + reply.id * REGION_BYTES, reply.result));
  }
}

export class WorkerPool {
  readonly #members: readonly Member[];
  readonly #queue: Pending[] = [];
  readonly #replies: (() => void)[] = [];
  /** When the first reply of this turn of the event loop was attended to. */
  #began: number | undefined;
  /** Why the pool no longer takes calls. */
  #ended: Error | undefined;

  constructor(module: WebAssembly.Module, size: number, url: URL = new URL('./worker.mjs', import.meta.url)) {
    this.#members = Array.from({ length: size }, (_, index) => {
      const member = new Member(module, url);
      member.thread.on('message', (reply: Reply) => {
        this.#replies.push(() => member.finish(reply));
        this.#attend();
      });
      member.thread.on('error', (cause) => {
        this.#end(new Error(`wasm: worker ${index} failed: ${cause instanceof Error ? cause.message : String(cause)}`));
      });
      member.thread.on('exit', (code) => this.#end(new Error(`wasm: worker ${index} exited with code ${code}`)));
      return member;
    });
  }

  get size(): number {
    return this.#members.length;
  }

  /** Runs a call; its operands must not change until the promise settles. */
  run(call: KernelCall): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended);
        return;
      }
      this.#queue.push({ call, resolve, reject });
      this.#dispatch();
    });
  }

  /** Stops the workers; calls not finished reject with `reason`. */
  async close(reason: Error): Promise<void> {
    this.#end(reason);
    await Promise.all(this.#members.map((member) => member.thread.terminate()));
  }

  /**
   * A port hands over all messages there are before the loop turns, and while results and operands are copied here the workers send the
   * next ones. So once a turn's copies have taken long, the others wait for the next turn.
   */
  #attend(): void {
    if (this.#began === undefined) {
      this.#began = performance.now();
      setImmediate(() => {
        this.#began = undefined;
        if (this.#replies.length > 0) this.#attend();
      });
    }
    while (this.#replies.length > 0 && performance.now() - this.#began < LONG_TURN_MS) {
      this.#replies.shift()!();
      this.#dispatch();
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const member = this.#members.reduce((least, other) => (other.load < least.load ? other : least));
      if (member.load === REGIONS_PER_WORKER) return;
      const pending = this.#queue.shift() as Pending;
      try {
        member.start(pending);
      } catch (reason) {
        pending.reject(asError(reason));
      }
    }
  }

  /** The first reason counts: a lost worker takes the pool with it, since the work it held cannot be told from work undone. */
  #end(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    const pending = [...this.#members.flatMap((member) => member.busy), ...this.#queue];
    this.#queue.length = 0;
    for (const member of this.#members) {
      member.busy.fill(undefined);
      member.load = 0;
      member.thread.unref();
    }
    for (const one of pending) one?.reject(reason);
  }
}

function settle(pending: Pending, store: () => void): void {
  try {
    store();
    pending.resolve();
  } catch (reason) {
    pending.reject(asError(reason));
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
