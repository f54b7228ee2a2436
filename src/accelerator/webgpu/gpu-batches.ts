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
   * What the buffers are for, as flags of `GPUBufferUsage`; `COPY_DST` is always among them.
   * @defaultValue `GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC`
   */
  readonly usage?: number;
  /** Staging buffers that take turns. Each holds a batch until the device has copied it. @defaultValue `2` */
  readonly stagingBuffers?: number;
}

// Flags of GPUBufferUsage, which Node.js has no globals for.
const usageCopySource = 0x4;
const usageCopyTarget = 0x8;
const usageStorage = 0x80;

const schema = v.strictObject({
  usage: v.optional(integerFrom(0), usageStorage | usageCopySource),
  stagingBuffers: v.optional(integerFrom(1), 2),
});

/**
 * Uploads batches to a device of WebGPU, one by one, as they are asked for: in the browser, and in Node.js by the package `webgpu`.
 * A batch is written into a staging buffer, from which the device copies it into buffers, one for each tensor, in the order of its
 * queue: what is submitted after a batch came finds it there. Nothing waits for the device unless all staging buffers are in use.
 *
 * A batch is lent until the next one is asked for: two sets of buffers take turns, and grow to the largest batch. However the loop
 * ends, the buffers are destroyed, which commands that were submitted survive.
 *
 * ```ts
 * const { device } = await WebGpuAccelerator.open();
 * for await (const { x } of gpuBatches(loader, device)) {
 *   const entries = [{ binding: 0, resource: x.binding }];
 * }
 * ```
 *
 * @throws {@link DeviceMemoryError} when a batch does not fit on the device.
 * @throws {@link AcceleratorError} when the device is lost.
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

/** Batches whose buffers exist at once: the device may still read one while the next is copied. */
const bufferSets = 2;

class GpuUploader {
  readonly #device: GpuDeviceLike;
  readonly #usage: number;
  readonly #staging: readonly StagingBuffer[];
  /** Buffers by the place of their tensor in the batch. */
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
      // That the device is lost is told by calls that fail, then by the promise.
      const lost = await Promise.race([this.#device.lost, turnOfTheLoop()]);
      if (!lost) throw cause;
      throw new AcceleratorError(`The WebGPU device was lost: ${lost.message || lost.reason}`, {
        where: { accelerator: 'webgpu', batch: this.#batches },
        next: 'Open another one, and go on from a state of the loader that was saved before.',
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
