import * as v from 'valibot';
import { bytesPerElement, type DType, viewOf } from '../../core/dtype.js';
import { ConfigError, MillraceError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { warn } from '../../core/warn.js';
import type { Accelerator } from '../accelerator.js';
import { environmentNumber } from '../environment-number.js';
import type { Handle } from './cuda-calls.js';
import { CudaDriver, type DeviceMemory } from './cuda-driver.js';

/** Which device, and whose driver. */
export interface CudaAcceleratorOptions {
  /** Number of the device. @defaultValue `LOCAL_RANK`, modulo the devices that this process sees; 0 without one */
  readonly device?: number;
  /** Path of the driver's library. @defaultValue where the driver installs it */
  readonly library?: string;
}

const schema = v.strictObject({
  device: v.optional(integerFrom(0)),
  library: v.optional(v.string('must be a path')),
});

/**
 * An NVIDIA device, through the CUDA driver. Memory in use is what Millrace has allocated, in bytes, as PyTorch
 * counts what it has allocated; {@link deviceMemory} says what the whole device has left.
 *
 * The device's primary context is used, which other libraries of the process share; it is made when memory is first asked for.
 */
export class CudaAccelerator implements Accelerator {
  readonly name = 'cuda';
  /** The driver; its calls count for this device after {@link activate}. */
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
   * @throws {@link AcceleratorError} when there is no driver or no device; it says what was looked for.
   * @throws {@link MissingPeerError} when the package koffi is not installed.
   * @throws {@link ConfigError} when there is no such device.
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
        message: `${this.#current} is outside 0 … ${this.#count - 1}, the devices that this process sees`,
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

  /** What the maker calls a device: `NVIDIA H100 80GB HBM3`. */
  modelName(device = this.#current): string {
    return this.driver.deviceName(this.driver.device(device));
  }

  /** Memory of a device, in bytes. */
  totalMemory(device = this.#current): number {
    return this.driver.totalMemory(this.driver.device(device));
  }

  /** What the current device has, and has left, in bytes. */
  deviceMemory(): DeviceMemory {
    return this.activate().memory();
  }

  /** Waits for the device, and holds up this thread until then. */
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

  /** A copy in page-locked memory, which is given back when the copy is collected. */
  pinMemory<T extends Tensor>(tensor: T): T {
    const { dtype, shape, data } = tensor as Tensor;
    if (data.byteLength === 0) return tensor;
    const { address, buffer } = this.activate().allocateHost(data.byteLength);
    this.#pinned.register(buffer, address);
    const pinned = viewOf(dtype, buffer, 0, data.length);
    (pinned as Uint8Array).set(data as Uint8Array);
    return { ...tensor, shape, data: pinned };
  }

  /**
   * Locks pages where they are, so that the device copies from them by itself. The memory must not go away before the function
   * that is returned has unlocked it, which waits for the device. Memory whose pages cannot be locked works as before, more slowly;
   * a warning says so.
   */
  lockPages(memory: Uint8Array): () => void {
    const driver = this.activate();
    try {
      driver.lock(memory);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      warn({
        code: 'MILLRACE_PAGES_NOT_LOCKED',
        message: `${memory.byteLength} bytes of a loader stay pageable, so copies to ${this.currentDeviceName()} are slower. ${error.message}`,
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

  /** Device memory, to be given back with {@link free}. @throws {@link DeviceMemoryError} when there is no room. */
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

  /** Copies a tensor from the device. Waits for the copies and the work in the default stream. */
  read<D extends DType>(dtype: D, shape: readonly number[], address: bigint): Tensor<D> {
    const length = elementCount(shape);
    const bytes = new Uint8Array(length * bytesPerElement(dtype));
    if (length > 0) this.activate().copyToHost(bytes, address);
    return { dtype, shape, data: viewOf(dtype, bytes.buffer, 0, length) };
  }

  /** Makes the device's context that of this thread, where a library may have put another one. */
  activate(): CudaDriver {
    this.#context ??= this.driver.retainContext(this.driver.device(this.#current));
    this.driver.useContext(this.#context);
    return this.driver;
  }
}
