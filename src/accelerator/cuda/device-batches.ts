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

function notCuda({ name }: Accelerator): AcceleratorError {
  return new AcceleratorError('deviceBatches uploads to a CUDA device', {
    where: { accelerator: name },
    next:
      name === 'webgpu'
        ? 'Use gpuBatches(loader, device) of millrace/accelerator.'
        : 'Iterate over the loader itself: its batches are in the memory of this process. DS_ACCELERATOR=cuda says why there is no CUDA device.',
  });
}
