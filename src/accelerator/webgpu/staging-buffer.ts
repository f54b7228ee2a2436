import { GrowingBuffer } from './growing-buffer.js';
import type { GpuBufferLike, GpuDeviceLike } from './webgpu-types.js';

// Flags of GPUMapMode and GPUBufferUsage; Node.js has no globals for them.
const mapWrite = 0x2;
const usageMapWrite = 0x2;
const usageCopySource = 0x4;

/** Memory that the host writes and the device copies from, in turns. */
export class StagingBuffer {
  readonly #device: GpuDeviceLike;
  readonly #memory: GrowingBuffer;
  #buffer: GpuBufferLike | undefined;
  /** Resolves when the host may write again. */
  #mapped: Promise<unknown> | undefined;

  constructor(device: GpuDeviceLike) {
    this.#device = device;
    this.#memory = new GrowingBuffer(device, usageMapWrite | usageCopySource, 'millrace staging');
  }

  /** Waits until the device has copied the previous contents, then maps the buffer for writing. */
  async open(bytes: number): Promise<Uint8Array> {
    const buffer = await this.#memory.atLeast(bytes);
    if (buffer !== this.#buffer) this.#map(buffer);
    await this.#mapped;
    return new Uint8Array(buffer.getMappedRange());
  }

  /** Submits the copies of the written bytes. */
  submit(copies: readonly { offset: number; size: number; buffer: GpuBufferLike }[]): void {
    const buffer = this.#buffer!;
    buffer.unmap();
    const encoder = this.#device.createCommandEncoder();
    for (const { offset, size, buffer: target } of copies)
      encoder.copyBufferToBuffer(buffer as never, offset, target as never, 0, size);
    this.#device.queue.submit([encoder.finish() as never]);
    this.#map(buffer);
  }

  destroy(): void {
    this.#memory.destroy();
  }

  #map(buffer: GpuBufferLike): void {
    this.#buffer = buffer;
    this.#mapped = buffer.mapAsync(mapWrite);
    // Destroying a buffer rejects this promise; {@link open} handles the rejection, so ignore it here.
    this.#mapped.catch(() => {});
  }
}
