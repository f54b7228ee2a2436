import * as v from 'valibot';
import { AcceleratorError, DeviceMemoryError } from '../../core/errors.js';
import { mapTensors } from '../../core/map-tensors.js';
import { parseOptions } from '../../core/options.js';
import type { Tensor } from '../../core/tensor.js';
import { warn } from '../../core/warn.js';
import type { Accelerator } from '../accelerator.js';
import { getAccelerator } from '../get-accelerator.js';
import type { DeviceLoan } from '../loan.js';
import { CudaAccelerator } from './cuda-accelerator.js';
import type { Handle } from './cuda-calls.js';
import { DeviceSlot } from './device-slot.js';
import { type DeviceBatch, DeviceTensor } from './device-tensor.js';

/** Options of {@link deviceBatches}. */
export interface DeviceBatchesOptions {
  /** The device. @defaultValue that of {@link getAccelerator} */
  readonly accelerator?: Accelerator;
  /** Handle (`CUstream`) of the stream that computes with the batches. @defaultValue `0n`, the default stream */
  readonly stream?: bigint;
}

const schema = v.strictObject({
  accelerator: v.optional(
    v.custom<Accelerator>((value) => typeof value === 'object' && value !== null, 'must be an accelerator'),
  ),
  stream: v.optional(v.bigint('must be a bigint, the handle of a stream'), 0n),
});

/** Tensors start at multiples of this many bytes, as memory that the driver gives does. */
const alignment = 256;

/**
 * Uploads batches to a CUDA device, one by one, as they are asked for. Batch k is copied, in a stream of its own, while the device
 * still works on batch k - 1: two slots of device memory take turns, and events keep the two streams from each other's slot. The
 * host waits for neither, so a trainer that does not wait for each step's result sees no upload at all.
 *
 * The memory that batches are copied from is the loader's: with `pinMemory` and `reuseBuffers` its pages are locked, so that the
 * device fetches them by itself; other memory goes through the driver's own buffers.
 *
 * A batch is lent until the next one is asked for. However the loop ends, device memory and stream are given back.
 *
 * ```ts
 * const loader = new DataLoader(dataset, { batchSize: 256, numWorkers: 4, reuseBuffers: true, pinMemory: true });
 * for await (const { x, y } of deviceBatches(loader)) launch(x.address, y.address);
 * ```
 *
 * @throws {@link AcceleratorError} when the accelerator is not a CUDA device.
 * @throws {@link DeviceMemoryError} when a batch does not fit on the device; with room for one batch only it goes on with one
 *   slot, and warns.
 */
export async function* deviceBatches<Batch>(
  batches: AsyncIterable<Batch>,
  options: DeviceBatchesOptions = {},
): AsyncGenerator<DeviceBatch<Batch>, void, undefined> {
  const { accelerator = getAccelerator(), stream } = parseOptions('deviceBatches options', schema, options);
  if (!(accelerator instanceof CudaAccelerator)) throw notCuda(accelerator);
  const uploader = new Uploader(accelerator, stream);
  try {
    for await (const batch of batches) {
      const upload = uploader.upload(batch);
      try {
        yield upload.batch as DeviceBatch<Batch>;
      } finally {
        // The loader may use the memory of the batch again from here on.
        await uploader.finish(upload);
      }
    }
  } finally {
    uploader.destroy();
  }
}

interface Upload {
  readonly batch: unknown;
  readonly slot: DeviceSlot;
  readonly loan: DeviceLoan;
}

class Uploader {
  readonly #accelerator: CudaAccelerator;
  readonly #computing: Handle;
  readonly #copying: Handle;
  #slots: DeviceSlot[];
  #batches = 0;

  constructor(accelerator: CudaAccelerator, computing: Handle) {
    this.#accelerator = accelerator;
    this.#computing = computing;
    this.#copying = accelerator.activate().createStream();
    this.#slots = [new DeviceSlot(accelerator), new DeviceSlot(accelerator)];
  }

  /** Begins the copy, and has the computing stream wait for it. */
  upload(batch: unknown): Upload {
    const slot = this.#reserve(placeTensors(batch));
    const driver = this.#accelerator.activate();
    driver.waitInStream(this.#copying, slot.used);
    const loan = { hasEnded: false };
    let offset = 0;
    const uploaded = mapTensors(batch, ({ dtype, shape, data }) => {
      const address = slot.address + BigInt(offset);
      offset += aligned(data.byteLength);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      if (bytes.length > 0) driver.copyToDevice(address, bytes, this.#copying);
      const place = { accelerator: this.#accelerator, address, uploaded: slot.uploaded, loan };
      return new DeviceTensor(dtype, shape, place);
    });
    driver.recordEvent(slot.uploaded, this.#copying);
    driver.waitInStream(this.#computing, slot.uploaded);
    this.#batches += 1;
    return { batch: uploaded, slot, loan };
  }

  /** Ends the loan of a batch, and waits until it is copied. */
  async finish({ slot, loan }: Upload): Promise<void> {
    loan.hasEnded = true;
    const driver = this.#accelerator.activate();
    driver.recordEvent(slot.used, this.#computing);
    // A copy of pages that are not locked has begun with a copy by the driver; of locked ones the bytes are needed to the end.
    while (!driver.hasCome(slot.uploaded)) await turnOfTheLoop();
  }

  destroy(): void {
    const driver = this.#accelerator.activate();
    driver.synchronizeStream(this.#copying);
    for (const slot of this.#slots) slot.destroy();
    this.#slots = [];
    driver.destroyStream(this.#copying);
  }

  /** The slot whose turn it is, with room for a batch. */
  #reserve(bytes: number): DeviceSlot {
    const slot = this.#slots[this.#batches % this.#slots.length]!;
    try {
      slot.reserve(bytes);
      return slot;
    } catch (error) {
      if (!(error instanceof DeviceMemoryError)) throw error;
      return this.#reserveAlone(slot, bytes, error);
    }
  }

  /** Does without the other slot, where that helps. */
  #reserveAlone(slot: DeviceSlot, bytes: number, cause: DeviceMemoryError): DeviceSlot {
    const others = this.#slots.filter((other) => other !== slot);
    this.#slots = [slot];
    for (const other of others) other.destroy();
    try {
      slot.reserve(bytes);
    } catch (error) {
      if (!(error instanceof DeviceMemoryError)) throw error;
      throw this.#tooLarge(bytes, cause);
    }
    warn({
      code: 'MILLRACE_ONE_DEVICE_SLOT',
      message:
        `${this.#accelerator.currentDeviceName()} has room for one batch of ${bytes} bytes, not for two: from now on an upload ` +
        'waits for the work on the batch before it. Use smaller batches.',
    });
    return slot;
  }

  #tooLarge(bytes: number, cause: DeviceMemoryError): DeviceMemoryError {
    const { free, total } = this.#accelerator.deviceMemory();
    return new DeviceMemoryError('A batch does not fit into the memory of the device', {
      where: {
        device: this.#accelerator.currentDeviceName(),
        batch: this.#batches,
        bytes,
        freeBytes: free,
        totalBytes: total,
      },
      next: 'Use smaller batches or a smaller dtype, or free memory on the device. The loader is still open: go on from a state that was saved before.',
      cause,
    });
  }
}

/** Bytes that the tensors of a batch take on the device. */
function placeTensors(batch: unknown): number {
  let bytes = 0;
  mapTensors(batch, ({ data }: Tensor) => {
    bytes += aligned(data.byteLength);
  });
  return bytes;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function notCuda({ name }: Accelerator): AcceleratorError {
  return new AcceleratorError('deviceBatches uploads to a CUDA device', {
    where: { accelerator: name },
    next:
      name === 'webgpu'
        ? 'Use gpuBatches(loader, device) of millrace/accelerator.'
        : 'Iterate over the loader itself: its batches are in the memory of this process. DS_ACCELERATOR=cuda says why there is no CUDA device.',
  });
}
