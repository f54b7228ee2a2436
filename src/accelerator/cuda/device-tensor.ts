import { bytesPerElement, type DType } from '../../core/dtype.js';
import type { MapTensorsBy, TensorMapping } from '../../core/map-tensors.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { assertLent, type DeviceLoan } from '../loan.js';
import type { CudaAccelerator } from './cuda-accelerator.js';
import type { Handle } from './cuda-calls.js';

interface ToDevice extends TensorMapping {
  readonly type: DeviceTensor<this['dtype']>;
}

/** A batch with its tensors in the memory of a CUDA device; other leaves are unchanged. */
export type DeviceBatch<Batch> = MapTensorsBy<Batch, ToDevice>;

/** The location of a {@link DeviceTensor}. */
export interface DeviceLocation {
  readonly accelerator: CudaAccelerator;
  readonly address: bigint;
  /** Completes when the elements are on the device. */
  readonly uploaded: Handle;
  readonly loan: DeviceLoan;
}

/** A dense array in row-major order in the memory of a CUDA device, lent for a step. */
export class DeviceTensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly #location: DeviceLocation;

  constructor(dtype: D, shape: readonly number[], location: DeviceLocation) {
    this.dtype = dtype;
    this.shape = shape;
    this.#location = location;
  }

  get byteLength(): number {
    return elementCount(this.shape) * bytesPerElement(this.dtype);
  }

  /**
   * The device address (a `CUdeviceptr`), a multiple of 256. The stream passed to {@link deviceBatches} waits for the
   * elements by itself; make other streams wait for it.
   *
   * @throws {@link ReleasedBatchError} once the next batch has been requested.
   */
  get address(): bigint {
    assertLent(this.#location.loan, this.shape);
    return this.#location.address;
  }

  /**
   * Copies the tensor to the host; blocks this thread. @throws {@link ReleasedBatchError} once the next batch has
   * been requested
   */
  read(): Tensor<D> {
    const { accelerator, uploaded } = this.#location;
    const { address } = this;
    accelerator.activate().synchronizeEvent(uploaded);
    return accelerator.read(this.dtype, this.shape, address);
  }
}
