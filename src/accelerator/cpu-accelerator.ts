import { type Environment, environment } from '../core/platform.js';
import type { Tensor } from '../core/tensor.js';
import type { Accelerator } from './accelerator.js';
import { environmentNumber } from './environment-number.js';
import { countNumaNodes } from './numa-nodes.js';

/** Sources of information for a {@link CpuAccelerator}. */
export interface CpuAcceleratorOptions {
  /** Environment variables, of which `LOCAL_SIZE` and `LOCAL_RANK` are used. @defaultValue `process.env` */
  readonly environment?: Environment;
  /** Number of NUMA nodes with cores, 0 if unknown. @defaultValue the number that Linux lists */
  readonly countNumaNodes?: () => number;
}

/**
 * The processor as the device. As in DeepSpeed, one "device" is one process of this machine: `LOCAL_SIZE` if set,
 * else the number of NUMA nodes with cores, else 1. Memory is the resident set of the process, 0 in a browser;
 * pinning and synchronizing do nothing.
 */
export class CpuAccelerator implements Accelerator {
  readonly name = 'cpu';
  readonly #environment: Environment;
  readonly #countNumaNodes: () => number;
  #numaNodes: number | undefined;
  #maxResidentBytes = 0;

  constructor(options: CpuAcceleratorOptions = {}) {
    this.#environment = options.environment ?? environment;
    this.#countNumaNodes = options.countNumaNodes ?? countNumaNodes;
  }

  isAvailable(): boolean {
    return true;
  }

  /** @throws {@link ConfigError} if `LOCAL_SIZE` is not an integer */
  deviceCount(): number {
    const localSize = environmentNumber('LOCAL_SIZE', this.#environment);
    if (localSize > 0) return localSize;
    this.#numaNodes ??= this.#countNumaNodes();
    return Math.max(1, this.#numaNodes);
  }

  /** `LOCAL_RANK`, or 0. */
  currentDevice(): number {
    return environmentNumber('LOCAL_RANK', this.#environment);
  }

  currentDeviceName(): string {
    return 'cpu';
  }

  synchronize(): void {}

  memoryAllocated(): number {
    const rss = typeof process === 'undefined' ? 0 : process.memoryUsage().rss;
    this.#maxResidentBytes = Math.max(this.#maxResidentBytes, rss);
    return rss;
  }

  /** The largest value that any query has returned so far, including this one. */
  maxMemoryAllocated(): number {
    this.memoryAllocated();
    return this.#maxResidentBytes;
  }

  useHostTimers(): boolean {
    return true;
  }

  pinMemory<T extends Tensor>(tensor: T): T {
    return tensor;
  }

  communicationBackendName(): string {
    return 'gloo';
  }
}
