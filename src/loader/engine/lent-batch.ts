// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import { ReleasedBatchError } from '../../core/errors.js';
import { isTensor, type Tensor } from '../../core/tensor.js';
import type { WithOrigin } from '../batch/attach-origin.js';

/** A batch whose memory is released when `using` ends, or when the next batch is requested. */
type LentBatch<B> = B & Disposable;

/** A batch as the loader returns it: lent with `reuseBuffers`, otherwise owned by the consumer; with `provenance`, it has an origin. */
export type GivenBatch<B, Reuse extends boolean, Traced extends boolean = false> = Traced extends true
  ? WithOrigin<GivenBatch<B, Reuse>>
  : Reuse extends true
    ? LentBatch<B>
    : B;

/** A lent batch, and the function that ends the loan. */
export interface Loan {
  readonly batch: unknown;
  /** Releases the memory; later calls do nothing. */
  end(): void;
}

/**
 * Lends a batch: makes it disposable and, in development, makes its tensors throw after the end. A view that was
 * taken from a tensor before is not detected: it shows the data of a later batch.
 *
 * @param release - Releases the memory.
 * @param isGuarded - Whether tensors throw: see {@link isDevelopment}.
 */
export function lend(value: unknown, release: () => void, isGuarded: boolean): Loan {
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    release();
  };
  const batch = isGuarded ? guarded(value, () => ended) : value;
  if (Symbol.dispose && typeof batch === 'object' && batch !== null && Object.isExtensible(batch))
    Object.defineProperty(batch, Symbol.dispose, { value: end, configurable: true });
  return { batch, end };
}

/** Outside of production, according to `NODE_ENV`. */
export function isDevelopment(): boolean {
  return typeof process !== 'undefined' && process.env?.NODE_ENV !== 'production';
}

/** The same structure, with tensors that check whether the loan has ended. */
function guarded(value: unknown, hasEnded: () => boolean): unknown {
  if (isTensor(value)) return guardedTensor(value, hasEnded);
  if (Array.isArray(value)) return value.map((entry) => guarded(entry, hasEnded));
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, guarded(entry, hasEnded)]));
}

function guardedTensor({ dtype, shape, data }: Tensor, hasEnded: () => boolean): Tensor {
  return {
    dtype,
    shape,
    get data() {
      if (!hasEnded()) return data;
      throw new ReleasedBatchError('This batch was released: its memory may hold another batch', {
        where: { dtype, shape: `[${shape}]` },
        next: 'Use a batch before its `using` block ends and before requesting the next one, copy what you keep, or omit reuseBuffers.',
      });
    },
  } as Tensor;
}
