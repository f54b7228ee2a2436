import * as v from 'valibot';
import { bytesPerElement, copyElements, type DType, viewOf } from '../../core/dtype.js';
import { ConfigError, MillraceError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { warn } from '../../core/warn.js';
import type { Accelerator } from '../accelerator.js';
import { environmentNumber } from '../environment-number.js';
import type { Handle } from './cuda-calls.js';
import { CudaDriver, type DeviceMemory } from './cuda-driver.js';

/** Selects the device and the driver. */
export interface CudaAcceleratorOptions {
  /** Number of the device. @defaultValue `LOCAL_RANK` modulo the number of visible devices; 0 if unset */
  readonly device?: number;
  /** Path of the driver's library. @defaultValue the driver's standard location */
  readonly library?: string;
}

const schema = v.strictObject({
  device: v.optional(integerFrom(0)),
  library: v.optional(v.string('must be a path')),
});

/**
 * An NVIDIA device, through the CUDA driver. Memory in use is what Millrace has allocated, in bytes, like
 * PyTorch's own count; {@link deviceMemory} reports the free memory of the whole device.
 *
 * Uses the device's primary context, which other libraries of the process share; the first allocation creates it.
 */
export class CudaAccelerator implements Accelerator {
  readonly name = 'cuda';
  /** The driver; call {@link activate} first, so that calls go to this device. */
  readonly driver: CudaDriver;
  readonly #count: number;
  readonly #current: number;
  #context: Handle | undefined;
  #allocated = 0;
  #maxAllocated = 0;
  readonly #pinned = new FinalizationRegistry((address: Handle) => this.activate().freeHost(address));

  /**
   * Opens the driver.
   *
   * @throws {@link AcceleratorError} if there is no driver or no device; names the libraries tried.
   * @throws {@link MissingPeerError} if the package koffi is not installed.
   * @throws {@link ConfigError} if the device number is out of range.
   */
  constructor(options: CudaAcceleratorOptions = {}) {
    const { device, library } = parseOptions('CudaAccelerator options', schema, options);
    this.driver = CudaDriver.open(library);
    this.#count = this.driver.deviceCount();
    this.#current = device ?? environmentNumber('LOCAL_RANK') % this.#count;
    if (this.#current < this.#count) return;
    throw new ConfigError('CudaAccelerator options', [
      {
        field: 'device',
        message: `${this.#current} is outside 0 … ${this.#count - 1}, the devices visible to this process`,
      },
    ]);
  }

  isAvailable(): boolean {
    return this.#count > 0;
  }

  deviceCount(): number {
    return this.#count;
  }

  currentDevice(): number {
    return this.#current;
  }

  currentDeviceName(): string {
    return `cuda:${this.#current}`;
  }

  /** Product name of a device: `NVIDIA H100 80GB HBM3`. */
  modelName(device = this.#current): string {
    return this.driver.deviceName(this.driver.device(device));
  }

  /** Total memory of a device, in bytes. */
  totalMemory(device = this.#current): number {
    return this.driver.totalMemory(this.driver.device(device));
  }

  /** Total and free memory of the current device, in bytes. */
  deviceMemory(): DeviceMemory {
    return this.activate().memory();
  }

  /** Waits for the device; blocks this thread. */
  synchronize(): void {
    this.activate().synchronize();
  }

  memoryAllocated(): number {
    return this.#allocated;
  }

  maxMemoryAllocated(): number {
    return this.#maxAllocated;
  }

  useHostTimers(): boolean {
    return false;
  }

  /** A copy in page-locked memory, which is freed when the copy is garbage-collected. */
  pinMemory<T extends Tensor>(tensor: T): T {
    const { dtype, shape, data } = tensor as Tensor;
    if (data.byteLength === 0) return tensor;
    const { address, buffer } = this.activate().allocateHost(data.byteLength);
    this.#pinned.register(buffer, address);
    const pinned = viewOf(dtype, buffer, 0, data.length);
    copyElements(data, pinned);
    return { ...tensor, shape, data: pinned };
  }

  /**
   * Locks existing pages, so that the device can copy from them without the processor. Returns a function that waits
   * for the device and unlocks them; keep the memory until then. If the pages cannot be locked, copies still work,
   * more slowly, and a warning is issued.
   */
  lockPages(memory: Uint8Array): () => void {
    const driver = this.activate();
    try {
      driver.lock(memory);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      warn({
        code: 'MILLRACE_PAGES_NOT_LOCKED',
        message: `${memory.byteLength} bytes of a loader could not be page-locked, so copies to ${this.currentDeviceName()} are slower. ${error.message}`,
      });
      return () => {};
    }
    let isLocked = true;
    return () => {
      if (!isLocked) return;
      isLocked = false;
      this.synchronize();
      this.driver.unlock(memory);
    };
  }

  communicationBackendName(): string {
    return 'nccl';
  }

  /**
   * Allocates device memory; release it with {@link free}. @throws {@link DeviceMemoryError} if there is not enough
   */
  allocate(bytes: number): bigint {
    const address = this.activate().allocate(bytes);
    this.#allocated += bytes;
    this.#maxAllocated = Math.max(this.#maxAllocated, this.#allocated);
    return address;
  }

  free(address: bigint, bytes: number): void {
    this.activate().free(address);
    this.#allocated -= bytes;
  }

  /** Copies a tensor from the device. Waits for uploads and for work in the default stream. */
  read<D extends DType>(dtype: D, shape: readonly number[], address: bigint): Tensor<D> {
    const length = elementCount(shape);
    const bytes = new Uint8Array(length * bytesPerElement(dtype));
    if (length > 0) this.activate().copyToHost(bytes, address);
    return { dtype, shape, data: viewOf(dtype, bytes.buffer, 0, length) };
  }

  /** Makes the device's context current on this thread; another library may have set its own. */
  activate(): CudaDriver {
    this.#context ??= this.driver.retainContext(this.driver.device(this.#current));
    this.driver.useContext(this.#context);
    return this.driver;
  }
}
