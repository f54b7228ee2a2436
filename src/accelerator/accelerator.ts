import type { Tensor } from '../core/tensor.js';

/**
 * The device that batches are made for. What the data path asks of it, and no more.
 *
 * Memory is in bytes. A device without memory of its own reports that of the process.
 */
export interface Accelerator {
  /** Kind of device: `cpu`, `cuda`, `webgpu`. */
  readonly name: string;
  /** Whether this process can use it now. */
  isAvailable(): boolean;
  /** Devices of this kind that the process can see, at least 1 where it is available. */
  deviceCount(): number;
  /** Number of the device that this process works on. */
  currentDevice(): number;
  /** The device that this process works on, as PyTorch names it: `cpu`, `cuda:0`. */
  currentDeviceName(): string;
  /** Waits until everything handed to the device is done. */
  synchronize(): void | Promise<void>;
  /** Memory in use. */
  memoryAllocated(): number;
  /** Most memory in use so far. */
  maxMemoryAllocated(): number;
  /** Whether the host's clock times the device's work; otherwise {@link synchronize} must come before the clock is read. */
  useHostTimers(): boolean;
  /** The same tensor in memory from which the device can copy directly. A device that needs no such memory gives it back. */
  pinMemory<T extends Tensor>(tensor: T): T;
  /**
   * Locks pages of memory where it is, so that the device can copy from it directly, until the function that is returned is
   * called; until then the memory must stay. Left out by devices without such memory.
   */
  lockPages?(memory: Uint8Array): () => void;
  /** Name of the library by which devices of this kind talk to one another: `nccl`, `gloo`. */
  communicationBackendName(): string;
}

/** The methods that make an object an {@link Accelerator}. */
export const acceleratorMethods = [
  'isAvailable',
  'deviceCount',
  'currentDevice',
  'currentDeviceName',
  'synchronize',
  'memoryAllocated',
  'maxMemoryAllocated',
  'useHostTimers',
  'pinMemory',
  'communicationBackendName',
] as const satisfies readonly (keyof Accelerator)[];
