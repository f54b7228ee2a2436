import { mismatch, misplaced } from './collate-error.js';
import type { Allocate } from './dataset.js';
import { copyElements, type DType, isBigIntDType } from './dtype.js';
import type { Tensor } from './tensor.js';
import type { TorchRelease } from './torch-release.js';

/** Combines samples that are tensors; the other rules are the same for every collate. */
export type StackTensors = (samples: readonly Tensor[], path: string, allocate: Allocate) => Tensor;

/** Stacks tensors of one shape and dtype: B of `[...S]` → `[B, ...S]`. */
export const stackTensors: StackTensors = (samples, path, allocate) => {
  const first = samples[0]!;
  samples.forEach((sample, i) => {
    checkDtype(first, sample, path, i);
    checkShape(first, sample, path, i);
  });
  const batch = allocate(first.dtype, [samples.length, ...first.shape]);
  const size = first.data.length;
  samples.forEach(({ data }, i) => {
    copyElements(data, batch.data, i * size);
  });
  return batch;
};

/**
 * Stacks tensors of one shape as `torch.stack` does: different dtypes are promoted to one that can represent both.
 */
export function torchStack(release: TorchRelease): StackTensors {
  return (samples, path, allocate) => {
    samples.forEach(({ dtype }, i) => {
      checkRelease(dtype, release, path, i);
    });
    const dtype = samples.reduce<DType>(
      (promoted, sample) => promote(promoted, sample.dtype),
      samples[0]!.dtype,
    );
    return stackTensors(
      samples.map((sample) => converted(sample, dtype)),
      path,
      allocate,
    );
  };
}

/** @throws {@link CollateError} if two samples differ in dtype. */
export function checkDtype(first: Tensor, sample: Tensor, path: string, position: number): void {
  if (sample.dtype !== first.dtype) {
    throw mismatch(path, position, `has the dtype ${sample.dtype}`, `sample 0 ${first.dtype}`);
  }
}

function checkShape(first: Tensor, sample: Tensor, path: string, position: number): void {
  const { shape } = sample;
  if (shape.length === first.shape.length && shape.every((size, axis) => size === first.shape[axis])) return;
  throw mismatch(
    path,
    position,
    `has the shape [${shape}]`,
    `sample 0 [${first.shape}]`,
    'Make the shapes equal in a transform, or pass collate: padCollate({ padValue: 0 }).',
  );
}

function checkRelease(dtype: DType, release: TorchRelease, path: string, position: number): void {
  if (release !== '1.13' || (dtype !== 'uint16' && dtype !== 'uint32' && dtype !== 'uint64')) return;
  throw misplaced(
    path,
    position,
    `${dtype}, a dtype that PyTorch 1.13 lacks`,
    `Pass release: '2.13', or leave out parity.`,
  );
}

/** PyTorch's dtype for elements of two dtypes: floats win over integers, integers over bool, wide ones over narrow ones. */
function promote(a: DType, b: DType): DType {
  if (rankOf(a) !== rankOf(b)) return rankOf(a) > rankOf(b) ? a : b;
  const [narrow, wide] = bitsOf(a) <= bitsOf(b) ? [a, b] : [b, a];
  const unsigned = [a, b].filter((dtype) => dtype.startsWith('uint'));
  if (unsigned.length !== 1) return wide;
  // If one is signed, the result is the next signed dtype that is wider than the unsigned one, if there is one.
  if (unsigned[0] === narrow && bitsOf(narrow) < bitsOf(wide)) return wide;
  return `int${Math.min(64, 2 * bitsOf(unsigned[0]!))}` as DType;
}

function rankOf(dtype: DType): number {
  if (dtype === 'bool') return 0;
  return dtype.startsWith('float') ? 2 : 1;
}

function bitsOf(dtype: DType): number {
  return Number(/\d+/.exec(dtype)?.[0] ?? 1);
}

function converted({ dtype: from, shape, data }: Tensor, dtype: DType): Tensor {
  if (from === dtype) return { dtype, shape, data } as Tensor;
  const target = isBigIntDType(dtype)
    ? BigInt64Array.from(data as ArrayLike<number | bigint>, BigInt)
    : Float64Array.from(data as ArrayLike<number | bigint>, Number);
  return { dtype, shape, data: target } as unknown as Tensor;
}
