import type { Tensor } from '../core/tensor.js';

/**
 * The device that batches are made for: the interface that the data path uses.
 *
 * Memory is in bytes. A device without its own memory reports that of the process.
 */
export interface Accelerator {
  /** Kind of device: `cpu`, `cuda`, `webgpu`. */
  readonly name: string;
  /** Whether this process can use the device now. */
  isAvailable(): boolean;
  /** Devices of this kind that the process can see; at least 1 if available. */
  deviceCount(): number;
  /** Number of the device that this process uses. */
  currentDevice(): number;
  /** The device that this process uses, in PyTorch's notation: `cpu`, `cuda:0`. */
  currentDeviceName(): string;
  /** Waits until all submitted work is done. */
  synchronize(): void | Promise<void>;
  /** Memory in use. */
  memoryAllocated(): number;
  /** Peak memory in use. */
  maxMemoryAllocated(): number;
  /**
   * Whether the host's clock can time the device's work; if not, call {@link synchronize} before reading the clock.
   */
  useHostTimers(): boolean;
  /**
   * Copies a tensor to memory that the device can read directly. A device that does not need such memory returns the
   * tensor itself.
   */
  pinMemory<T extends Tensor>(tensor: T): T;
  /**
   * Locks existing pages of memory, so that the device can copy from them directly. Returns a function that unlocks
   * them; keep the memory until then. Absent if the device has no such memory.
   */
  lockPages?(memory: Uint8Array): () => void;
  /** Name of the library that devices of this kind communicate through: `nccl`, `gloo`. */
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
