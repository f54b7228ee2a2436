import type { DType } from '../../core/dtype.js';
import type { MapTensorsBy, TensorMapping } from '../../core/map-tensors.js';
import type { Tensor } from '../../core/tensor.js';
import { assertLent, type DeviceLoan } from '../loan.js';
import type { GpuBufferLike } from './webgpu-types.js';

interface ToGpu<Buffer> extends TensorMapping {
  readonly type: GpuTensor<this['dtype'], Buffer>;
}

/** A batch with its tensors in WebGPU buffers; other leaves are unchanged. */
export type GpuBatch<Batch, Buffer> = MapTensorsBy<Batch, ToGpu<Buffer>>;

/**
 * A dense array in row-major order in a WebGPU buffer, lent for a step. The bytes are those of the host tensor: WGSL
 * reads float32, int32 and uint32 directly, and other dtypes as 32-bit words.
 */
export class GpuTensor<D extends DType = DType, Buffer = GpuBufferLike> {
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Bytes of the elements. */
  readonly byteLength: number;
  readonly #buffer: Buffer;
  readonly #loan: DeviceLoan;

  constructor({ dtype, shape, data }: Tensor<D>, buffer: Buffer, loan: DeviceLoan) {
    this.dtype = dtype;
    this.shape = shape;
    this.byteLength = data.byteLength;
    this.#buffer = buffer;
    this.#loan = loan;
  }

  /**
   * The buffer; elements start at offset 0, and it may be larger than they are. @throws {@link ReleasedBatchError}
   * once the next batch has been requested
   */
  get buffer(): Buffer {
    assertLent(this.#loan, this.shape);
    return this.#buffer;
  }

  /**
   * A bind group resource that covers exactly the elements, so that `arrayLength` counts them. @throws {@link
   * ReleasedBatchError} once the next batch has been requested
   */
  get binding(): { readonly buffer: Buffer; readonly offset: 0; readonly size: number } {
    return { buffer: this.buffer, offset: 0, size: paddedBytes(this.byteLength) };
  }
}

/** Size in a buffer: copies are in whole 32-bit words, and no buffer is empty. */
export function paddedBytes(bytes: number): number {
  return Math.max(4, Math.ceil(bytes / 4) * 4);
}
