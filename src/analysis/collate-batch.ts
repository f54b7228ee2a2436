import { type DType, dtypeOf, type TypedArray, zeros } from '../core/dtype.js';
import { CollateError } from '../core/errors.js';
import { isTensor, type Tensor } from '../core/tensor.js';

/**
 * Puts samples together for a metric function as PyTorch's `default_collate` does: whole numbers → int64, other numbers →
 * float64, tensors and typed arrays → stacked, arrays and objects field by field.
 *
 * @throws {@link CollateError} when the samples are not alike.
 */
export function collateBatch(samples: readonly unknown[], path = 'sample'): unknown {
  const first = samples[0];
  if (typeof first === 'number' || typeof first === 'bigint') return stackNumbers(samples, path);
  if (isTensor(first) || dtypeOf(first))
    return stack(
      samples.map((sample) => asTensor(sample, path)),
      path,
    );
  if (Array.isArray(first)) return first.map((_, i) => collateField(samples, i, path));
  if (typeof first === 'object' && first !== null) {
    return Object.fromEntries(Object.keys(first).map((key) => [key, collateField(samples, key, path)]));
  }
  throw notAlike(path, `${first === null ? 'null' : `a ${typeof first}`} has no place in a batch`);
}

function collateField(samples: readonly unknown[], key: string | number, path: string): unknown {
  const fields = samples.map((sample) => (sample as Record<string, unknown> | null | undefined)?.[key]);
  return collateBatch(fields, `${path}.${key}`);
}

function stackNumbers(samples: readonly unknown[], path: string): Tensor {
  const odd = samples.find((sample) => typeof sample !== 'number' && typeof sample !== 'bigint');
  if (odd !== undefined || samples.includes(undefined))
    throw notAlike(path, 'some samples are numbers and some are not');
  const numbers = samples as readonly (number | bigint)[];
  const whole = numbers.every((number) => typeof number === 'bigint' || Number.isInteger(number));
  const data = whole ? BigInt64Array.from(numbers, BigInt) : Float64Array.from(numbers, Number);
  return { dtype: whole ? 'int64' : 'float64', shape: [numbers.length], data };
}

function asTensor(sample: unknown, path: string): Tensor {
  if (isTensor(sample)) return sample;
  const dtype: DType | undefined = dtypeOf(sample);
  if (!dtype) throw notAlike(path, 'some samples are tensors and some are not');
  const data = sample as TypedArray;
  return { dtype, shape: [data.length], data };
}

function stack(samples: readonly Tensor[], path: string): Tensor {
  const { dtype, shape, data } = samples[0]!;
  const size = data.length;
  const batch = zeros(dtype, samples.length * size) as Float64Array;
  samples.forEach((sample, i) => {
    if (sample.dtype !== dtype || String(sample.shape) !== String(shape)) {
      throw notAlike(path, `one is ${dtype} [${shape}], another ${sample.dtype} [${sample.shape}]`);
    }
    batch.set(sample.data as Float64Array, i * size);
  });
  return { dtype, shape: [samples.length, ...shape], data: batch };
}

function notAlike(path: string, what: string): CollateError {
  return new CollateError(`Samples cannot be put together for a metric: ${what}`, {
    where: { path },
    next: 'Pass collateFn: (samples) => samples and have the metric functions take the list.',
  });
}
