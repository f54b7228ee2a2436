import * as v from 'valibot';
import { AcceleratorError } from '../../core/errors.js';
import { mapTensors } from '../../core/map-tensors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { Tensor } from '../../core/tensor.js';
import type { DeviceLoan } from '../loan.js';
import { type GpuBatch, GpuTensor, paddedBytes } from './gpu-tensor.js';
import { GrowingBuffer } from './growing-buffer.js';
import { StagingBuffer } from './staging-buffer.js';
import type { BufferOf, GpuBufferLike, GpuDeviceLike } from './webgpu-types.js';

/** Options of {@link gpuBatches}. */
export interface GpuBatchesOptions {
  /**
   * Usage of the buffers, as flags of `GPUBufferUsage`; `COPY_DST` is always added.
   * @defaultValue `GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC`
   */
  readonly usage?: number;
  /** Number of staging buffers. Each holds a batch until the device has copied it. @defaultValue `2` */
  readonly stagingBuffers?: number;
}

// Flags of GPUBufferUsage; Node.js has no global for them.
const usageCopySource = 0x4;
const usageCopyTarget = 0x8;
const usageStorage = 0x80;

const schema = v.strictObject({
  usage: v.optional(integerFrom(0), usageStorage | usageCopySource),
  stagingBuffers: v.optional(integerFrom(1), 2),
});

/**
 * Uploads batches to a WebGPU device one by one, on request: in a browser, or in Node.js with the package `webgpu`.
 * Each batch is written to a staging buffer, and the device copies it to one buffer per tensor. The copy is in the
 * device's queue, so commands submitted after the batch was received see its contents. The host waits for the device
 * only when all staging buffers are in use.
 *
 * A batch is lent until the next one is requested: two sets of buffers alternate, and grow to the largest batch.
 * However the loop ends, the buffers are destroyed; commands already submitted still complete.
 *
 * ```ts
 * const { device } = await WebGpuAccelerator.open();
 * for await (const { x } of gpuBatches(loader, device)) {
 *   const entries = [{ binding: 0, resource: x.binding }];
 * }
 * ```
 *
 * @throws {@link DeviceMemoryError} if a batch does not fit on the device.
 * @throws {@link AcceleratorError} if the device is lost.
 */
export async function* gpuBatches<Batch, Device extends GpuDeviceLike>(
  batches: AsyncIterable<Batch>,
  device: Device,
  options: GpuBatchesOptions = {},
): AsyncGenerator<GpuBatch<Batch, BufferOf<Device>>, void, undefined> {
  const { usage, stagingBuffers } = parseOptions('gpuBatches options', schema, options);
  const uploader = new GpuUploader(device, usage | usageCopyTarget, stagingBuffers);
  try {
    for await (const batch of batches) {
      const loan: DeviceLoan = { hasEnded: false };
      try {
        yield (await uploader.upload(batch, loan)) as GpuBatch<Batch, BufferOf<Device>>;
      } finally {
        loan.hasEnded = true;
      }
    }
  } finally {
    uploader.destroy();
  }
}

/** Sets of buffers: the device may still read one batch while the next is copied. */
const bufferSets = 2;

class GpuUploader {
  readonly #device: GpuDeviceLike;
  readonly #usage: number;
  readonly #staging: readonly StagingBuffer[];
  /** Buffers by the path of their tensor in the batch. */
  readonly #sets = Array.from({ length: bufferSets }, () => new Map<string, GrowingBuffer>());
  #batches = 0;

  constructor(device: GpuDeviceLike, usage: number, stagingBuffers: number) {
    this.#device = device;
    this.#usage = usage;
    this.#staging = Array.from({ length: stagingBuffers }, () => new StagingBuffer(device));
  }

  async upload(batch: unknown, loan: DeviceLoan): Promise<unknown> {
    try {
      return await this.#copy(batch, loan);
    } catch (cause) {
      // After a device loss, calls fail first; the promise resolves later.
      const lost = await Promise.race([this.#device.lost, turnOfTheLoop()]);
      if (!lost) throw cause;
      throw new AcceleratorError(`The WebGPU device was lost: ${lost.message || lost.reason}`, {
        where: { accelerator: 'webgpu', batch: this.#batches },
        next: 'Open a new device, and continue from a saved state of the loader.',
        cause,
      });
    }
  }

  async #copy(batch: unknown, loan: DeviceLoan): Promise<unknown> {
    const tensors = tensorsOf(batch);
    const buffers = await this.#buffersFor(tensors);
    const staging = this.#staging[this.#batches % this.#staging.length]!;
    const bytes = tensors.reduce((sum, { tensor }) => sum + paddedBytes(tensor.data.byteLength), 0);
    const target = await staging.open(paddedBytes(bytes));
    const copies: { offset: number; size: number; buffer: GpuBufferLike }[] = [];
    let offset = 0;
    const uploaded = mapTensors(batch, (tensor, path) => {
      const { data } = tensor;
      const buffer = buffers.get(path)!;
      const size = paddedBytes(data.byteLength);
      target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
      target.fill(0, offset + data.byteLength, offset + size);
      copies.push({ offset, size, buffer });
      offset += size;
      return new GpuTensor(tensor, buffer, loan);
    });
    staging.submit(copies);
    this.#batches += 1;
    return uploaded;
  }

  destroy(): void {
    for (const staging of this.#staging) staging.destroy();
    for (const set of this.#sets) for (const buffer of set.values()) buffer.destroy();
  }

  async #buffersFor(tensors: readonly PlacedTensor[]): Promise<Map<string, GpuBufferLike>> {
    const set = this.#sets[this.#batches % bufferSets]!;
    const buffers = new Map<string, GpuBufferLike>();
    for (const { path, tensor } of tensors) {
      const growing =
        set.get(path) ?? new GrowingBuffer(this.#device, this.#usage, `millrace ${path || 'batch'}`);
      set.set(path, growing);
      buffers.set(path, await growing.atLeast(paddedBytes(tensor.data.byteLength)));
    }
    return buffers;
  }
}

interface PlacedTensor {
  readonly path: string;
  readonly tensor: Tensor;
}

function tensorsOf(batch: unknown): PlacedTensor[] {
  const tensors: PlacedTensor[] = [];
  mapTensors(batch, (tensor, path) => tensors.push({ path, tensor }));
  return tensors;
}

function turnOfTheLoop(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined)));
}
