import { DeviceMemoryError } from '../../core/errors.js';
import { mapTensors } from '../../core/map-tensors.js';
import type { Tensor } from '../../core/tensor.js';
import { warn } from '../../core/warn.js';
import type { DeviceLoan } from '../loan.js';
import type { CudaAccelerator } from './cuda-accelerator.js';
import type { Handle } from './cuda-calls.js';
import { DeviceSlot } from './device-slot.js';
import { DeviceTensor } from './device-tensor.js';

/** Tensors are aligned to this many bytes, like the driver's allocations. */
const alignment = 256;

/** A batch whose upload has started. */
export interface Upload {
  readonly batch: unknown;
  readonly slot: DeviceSlot;
  readonly loan: DeviceLoan;
}

/** Copies batches to a CUDA device, into alternating slots. */
export class Uploader {
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

  /** Starts the copy, and makes the computing stream wait for it. */
  upload(batch: unknown): Upload {
    const slot = this.#reserve(bytesOnDevice(batch));
    const driver = this.#accelerator.activate();
    driver.waitInStream(this.#copying, slot.used);
    const loan = { hasEnded: false };
    let offset = 0;
    const uploaded = mapTensors(batch, ({ dtype, shape, data }) => {
      const address = slot.address + BigInt(offset);
      offset += aligned(data.byteLength);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      if (bytes.length > 0) driver.copyToDevice(address, bytes, this.#copying);
      const location = { accelerator: this.#accelerator, address, uploaded: slot.uploaded, loan };
      return new DeviceTensor(dtype, shape, location);
    });
    driver.recordEvent(slot.uploaded, this.#copying);
    driver.waitInStream(this.#computing, slot.uploaded);
    this.#batches += 1;
    return { batch: uploaded, slot, loan };
  }

  /** Waits until a batch is copied, then ends its loan. */
  async finish({ slot, loan }: Upload): Promise<void> {
    loan.hasEnded = true;
    const driver = this.#accelerator.activate();
    driver.recordEvent(slot.used, this.#computing);
    // The driver has already staged pageable memory; page-locked memory is read until the copy completes.
    while (!driver.isComplete(slot.uploaded)) await turnOfTheLoop();
  }

  destroy(): void {
    const driver = this.#accelerator.activate();
    driver.synchronizeStream(this.#copying);
    for (const slot of this.#slots) slot.destroy();
    this.#slots = [];
    driver.destroyStream(this.#copying);
  }

  /** The next slot in turn, with room for a batch. */
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

  /** Frees the other slot and retries, if that one holds memory. */
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
        `${this.#accelerator.currentDeviceName()} has room for one batch of ${bytes} bytes, not for two: each upload now ` +
        'waits for the work on the previous batch. Use smaller batches.',
    });
    return slot;
  }

  #tooLarge(bytes: number, cause: DeviceMemoryError): DeviceMemoryError {
    const { free, total } = this.#accelerator.deviceMemory();
    return new DeviceMemoryError('A batch does not fit into device memory', {
      where: {
        device: this.#accelerator.currentDeviceName(),
        batch: this.#batches,
        bytes,
        freeBytes: free,
        totalBytes: total,
      },
      next: 'Use smaller batches or a smaller dtype, or free device memory. The loader is still open: continue from a saved state.',
      cause,
    });
  }
}

/** Bytes of device memory that the tensors of a batch need. */
function bytesOnDevice(batch: unknown): number {
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
