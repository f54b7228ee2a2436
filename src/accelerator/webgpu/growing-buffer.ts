import { AcceleratorError, DeviceMemoryError } from '../../core/errors.js';
import { gpuMemory } from './gpu-memory.js';
import type { GpuBufferLike, GpuDeviceLike } from './webgpu-types.js';

/** A buffer that is replaced by a larger one when it becomes too small. */
export class GrowingBuffer {
  readonly #device: GpuDeviceLike;
  readonly #usage: number;
  readonly #label: string;
  #buffer: GpuBufferLike | undefined;

  constructor(device: GpuDeviceLike, usage: number, label: string) {
    this.#device = device;
    this.#usage = usage;
    this.#label = label;
  }

  /**
   * Returns a buffer of at least `bytes`, a multiple of 4.
   *
   * @throws {@link DeviceMemoryError} if device memory is exhausted, or the device does not support buffers of that
   *   size.
   */
  async atLeast(bytes: number): Promise<GpuBufferLike> {
    if (this.#buffer && this.#buffer.size >= bytes) return this.#buffer;
    this.destroy();
    this.#buffer = await this.#create(bytes);
    const memory = gpuMemory(this.#device);
    memory.allocated += this.#buffer.size;
    memory.most = Math.max(memory.most, memory.allocated);
    return this.#buffer;
  }

  /** Destroys the buffer; commands already submitted still see its contents. */
  destroy(): void {
    if (!this.#buffer) return;
    gpuMemory(this.#device).allocated -= this.#buffer.size;
    this.#buffer.destroy();
    this.#buffer = undefined;
  }

  async #create(bytes: number): Promise<GpuBufferLike> {
    const device = this.#device;
    const { maxBufferSize } = device.limits;
    if (bytes > maxBufferSize)
      throw this.#noRoom(bytes, `the largest buffer of the device has ${maxBufferSize} bytes`);
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    const buffer = device.createBuffer({ size: bytes, usage: this.#usage, label: this.#label });
    const [lacksMemory, invalid] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    if (!lacksMemory && !invalid) return buffer;
    buffer.destroy();
    if (lacksMemory) throw this.#noRoom(bytes, lacksMemory.message);
    throw new AcceleratorError(`WebGPU could not create a buffer: ${invalid?.message}`, {
      where: { accelerator: 'webgpu', buffer: this.#label, bytes },
      next: 'Check the option usage, and the limits of the device.',
    });
  }

  #noRoom(bytes: number, reason: string): DeviceMemoryError {
    return new DeviceMemoryError(`A batch does not fit into device memory: ${reason}`, {
      where: { accelerator: 'webgpu', buffer: this.#label, bytes },
      next:
        "Use smaller batches or a smaller dtype. WebGpuAccelerator.open() requests the device's largest buffer size. The " +
        'loader is still open: continue from a saved state.',
    });
  }
}
