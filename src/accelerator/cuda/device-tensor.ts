import { bytesPerElement, type DType } from '../../core/dtype.js';
import type { MapTensorsBy, TensorMapping } from '../../core/map-tensors.js';
import { elementCount, type Tensor } from '../../core/tensor.js';
import { type DeviceLoan, refuseEnded } from '../loan.js';
import type { CudaAccelerator } from './cuda-accelerator.js';
import type { Handle } from './cuda-calls.js';

interface ToDevice extends TensorMapping {
  readonly type: DeviceTensor<this['dtype']>;
}

/** A batch whose tensors are in the memory of a CUDA device; other leaves stay as they are. */
export type DeviceBatch<Batch> = MapTensorsBy<Batch, ToDevice>;

/** What a {@link DeviceTensor} is made of. */
export interface DevicePlace {
  readonly accelerator: CudaAccelerator;
  readonly address: bigint;
  /** Comes when the elements are there. */
  readonly uploaded: Handle;
  readonly loan: DeviceLoan;
}

/** A dense array in row-major order in the memory of a CUDA device, lent for a step. */
export class DeviceTensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly #place: DevicePlace;

  constructor(dtype: D, shape: readonly number[], place: DevicePlace) {
    this.dtype = dtype;
    this.shape = shape;
    this.#place = place;
  }

  get byteLength(): number {
    return elementCount(this.shape) * bytesPerElement(this.dtype);
  }

  /**
   * The device address (a `CUdeviceptr`), a multiple of 256. Work in the stream that {@link deviceBatches} was told of finds the
   * elements there; another stream must wait for that one.
   *
   * @throws {@link ReleasedBatchError} once the next batch has been asked for.
   */
  get address(): bigint {
    refuseEnded(this.#place.loan, this.shape);
    return this.#place.address;
  }

  /** A copy on the host. Holds up this thread until it is there. @throws {@link ReleasedBatchError} as {@link address} does */
  read(): Tensor<D> {
    const { accelerator, uploaded } = this.#place;
    const { address } = this;
    accelerator.activate().synchronizeEvent(uploaded);
    return accelerator.read(this.dtype, this.shape, address);
  }
}
