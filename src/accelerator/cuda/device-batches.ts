import * as v from 'valibot';
import { AcceleratorError } from '../../core/errors.js';
import { parseOptions } from '../../core/options.js';
import type { Accelerator } from '../accelerator.js';
import { getAccelerator } from '../get-accelerator.js';
import { CudaAccelerator } from './cuda-accelerator.js';
import type { DeviceBatch } from './device-tensor.js';
import { Uploader } from './uploader.js';

/** Options of {@link deviceBatches}. */
export interface DeviceBatchesOptions {
  /** The device. @defaultValue the result of {@link getAccelerator} */
  readonly accelerator?: Accelerator;
  /** Handle (`CUstream`) of the stream that uses the batches. @defaultValue `0n`, the default stream */
  readonly stream?: bigint;
}

const schema = v.strictObject({
  accelerator: v.optional(
    v.custom<Accelerator>((value) => typeof value === 'object' && value !== null, 'must be an accelerator'),
  ),
  stream: v.optional(v.bigint('must be a bigint, the handle of a stream'), 0n),
});

/**
 * Uploads batches to a CUDA device one by one, on request. Batch k is copied in a separate stream while the device
 * still works on batch k - 1. Two slots of device memory alternate, and events keep each stream out of the slot that
 * the other one uses. The host waits for neither, so uploads are hidden from a trainer that does not wait for each
 * step's result.
 *
 * Batches are copied from the loader's memory. With `pinMemory` and `reuseBuffers` its pages are locked, and the
 * device reads them directly; other memory is copied to the driver's staging buffers first.
 *
 * A batch is lent until the next one is requested. However the loop ends, device memory and the stream are released.
 *
 * ```ts
 * const loader = new DataLoader(dataset, { batchSize: 256, numWorkers: 4, reuseBuffers: true, pinMemory: true });
 * for await (const { x, y } of deviceBatches(loader)) launch(x.address, y.address);
 * ```
 *
 * @throws {@link AcceleratorError} if the accelerator is not a CUDA device.
 * @throws {@link DeviceMemoryError} if a batch does not fit on the device. If only one batch fits, a warning is
 *   issued and one slot is used.
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
        // From here on the loader may reuse the memory of the batch.
        await uploader.finish(upload);
      }
    }
  } finally {
    uploader.destroy();
  }
}

function notCuda({ name }: Accelerator): AcceleratorError {
  return new AcceleratorError('deviceBatches needs a CUDA device', {
    where: { accelerator: name },
    next:
      name === 'webgpu'
        ? 'Use gpuBatches(loader, device) from millrace/accelerator.'
        : 'Iterate the loader itself: its batches are in the memory of this process. Set DS_ACCELERATOR=cuda to see why no CUDA device is used.',
  });
}
