import type { Allocate } from '../core/dataset.js';
import { type DType, dtypeOf, isBigIntDType, isDType } from '../core/dtype.js';
import { CollateError, ConfigError } from '../core/errors.js';
import { isTensor, type Tensor, tensor, zeroTensor } from '../core/tensor.js';
import type { Collated } from './collated.js';

/** What a collate function is told. */
export interface CollateContext {
  /** Makes tensors in the memory where the batch will be read. Contents are unspecified: write every element. */
  readonly allocate: Allocate;
}

/** Makes one batch from its samples, of which there is at least one. */
export type Collate<T, B> = (samples: readonly T[], context: CollateContext) => B | Promise<B>;

export interface CollateOptions<N extends DType = 'float32'> {
  /** Dtype of a batch of JavaScript numbers. `int64` takes whole numbers only. @defaultValue `'float32'` */
  readonly numberDtype?: N;
  /** Where the tensors are made. @defaultValue fresh memory */
  readonly allocate?: Allocate;
}

/** Puts samples that are tensors together; the rest of the rules are the same for every collate. */
export type StackTensors = (samples: readonly Tensor[], path: string, allocate: Allocate) => Tensor;

/**
 * Makes one batch from samples of one structure, as PyTorch's `default_collate`, with JavaScript's types: `number` →
 * `numberDtype`, `bigint` → int64, `boolean` → bool, all of shape `[B]`; `string` → a list; typed arrays and tensors →
 * stacked, `[B, ...shape]`; arrays and plain objects → field by field.
 *
 * @param samples - At least one.
 * @throws {@link CollateError} when the samples do not have one structure, shape and dtype, or hold something that has
 *   no place in a batch (`null`, a function); it names the path and the sample.
 * @remarks O(elements).
 */
export function defaultCollate<T, N extends DType = 'float32'>(
  samples: readonly T[],
  options: CollateOptions<N> = {},
): Collated<T, N> {
  return collateTree(samples, stackTensors, options) as Collated<T, N>;
}

/** Collates by structure; `stack` says what happens to tensors. */
export function collateTree(
  samples: readonly unknown[],
  stack: StackTensors,
  { numberDtype = 'float32', allocate = zeroTensor }: CollateOptions<DType>,
): unknown {
  if (!isDType(numberDtype) || numberDtype === 'bool') {
    throw new ConfigError('Collate options', [
      { field: 'numberDtype', message: `${numberDtype} is not a number dtype` },
    ]);
  }
  if (samples.length === 0) {
    throw new CollateError('A batch without samples cannot be made', { next: 'Give at least one sample.' });
  }
  const collate = (values: readonly unknown[], path: string): unknown => {
    const kind = kindOf(values[0], path, 0);
    for (let i = 1; i < values.length; i++) {
      const other = kindOf(values[i], path, i);
      if (other !== kind) throw mismatch(path, i, `is ${article(other)}`, `sample 0 ${article(kind)}`);
    }
    switch (kind) {
      case 'number':
        return numbers(values as number[], numberDtype, path, allocate);
      case 'bigint':
        return bigints(values as bigint[], allocate);
      case 'boolean':
        return booleans(values as boolean[], allocate);
      case 'string':
        return [...values];
      case 'tensor':
        return stack(values.map(asTensor), path, allocate);
      case 'array':
        return arrays(values as unknown[][], path, collate);
      case 'object':
        return objects(values as Record<string, unknown>[], path, collate);
    }
  };
  return collate(samples, '');
}

/** Stacks tensors of one shape and dtype: B of `[...S]` → `[B, ...S]`. */
export const stackTensors: StackTensors = (samples, path, allocate) => {
  const first = samples[0]!;
  const size = first.data.length;
  samples.forEach((sample, i) => {
    checkDtype(first, sample, path, i);
    if (!sameShape(first.shape, sample.shape)) {
      throw mismatch(
        path,
        i,
        `has the shape [${sample.shape}]`,
        `sample 0 [${first.shape}]`,
        'Make the shapes equal in a transform, or pass collate: padCollate({ padValue: 0 }).',
      );
    }
  });
  const batch = allocate(first.dtype, [samples.length, ...first.shape]);
  samples.forEach(({ data }, i) => {
    (batch.data as Float64Array).set(data as Float64Array, i * size);
  });
  return batch;
};

/** @throws {@link CollateError} when two samples differ in dtype. */
export function checkDtype(first: Tensor, sample: Tensor, path: string, position: number): void {
  if (sample.dtype !== first.dtype) {
    throw mismatch(path, position, `has the dtype ${sample.dtype}`, `sample 0 ${first.dtype}`);
  }
}

/** The error for a sample that does not go with the first one. */
export function mismatch(
  path: string,
  position: number,
  what: string,
  other: string,
  next?: string,
): CollateError {
  return new CollateError(
    `Samples cannot be collated: ${place(path)} of sample ${position} ${what}, of ${other}`,
    {
      where: { path: path || '(the sample)', position },
      next:
        next ??
        'Every sample of a batch needs the same structure; change them in a transform, or pass your own collate.',
    },
  );
}

type Kind = 'number' | 'bigint' | 'boolean' | 'string' | 'tensor' | 'array' | 'object';

function kindOf(value: unknown, path: string, position: number): Kind {
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'string':
      return typeof value as Kind;
    case 'object':
      if (isTensor(value) || dtypeOf(value)) return 'tensor';
      if (Array.isArray(value)) return 'array';
      if (value !== null && isPlain(value)) return 'object';
  }
  const what = value === null ? 'null' : typeof value === 'object' ? value.constructor.name : typeof value;
  throw new CollateError(`${place(path)} of sample ${position} is ${what}, which has no place in a batch`, {
    where: { path: path || '(the sample)', position },
    next: 'Replace it in a transform, or pass your own collate.',
  });
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function asTensor(value: unknown): Tensor {
  return isTensor(value) ? value : tensor(value as Float32Array);
}

function numbers(values: readonly number[], dtype: DType, path: string, allocate: Allocate): Tensor {
  const batch = allocate(dtype, [values.length]);
  if (!isBigIntDType(dtype)) {
    for (let i = 0; i < values.length; i++) batch.data[i] = values[i]!;
    return batch;
  }
  values.forEach((value, i) => {
    if (!Number.isSafeInteger(value)) throw mismatch(path, i, `is ${value}`, `a batch of dtype ${dtype}`);
    batch.data[i] = BigInt(value);
  });
  return batch;
}

function bigints(values: readonly bigint[], allocate: Allocate): Tensor {
  const batch = allocate('int64', [values.length]);
  batch.data.set(values);
  return batch;
}

function booleans(values: readonly boolean[], allocate: Allocate): Tensor {
  const batch = allocate('bool', [values.length]);
  for (let i = 0; i < values.length; i++) batch.data[i] = values[i] ? 1 : 0;
  return batch;
}

type CollateField = (values: readonly unknown[], path: string) => unknown;

function arrays(samples: readonly unknown[][], path: string, collate: CollateField): unknown[] {
  const { length } = samples[0]!;
  samples.forEach((sample, i) => {
    if (sample.length !== length)
      throw mismatch(path, i, `has ${sample.length} entries`, `sample 0 ${length}`);
  });
  return Array.from({ length }, (_, k) =>
    collate(
      samples.map((sample) => sample[k]),
      `${path}[${k}]`,
    ),
  );
}

function objects(samples: readonly Record<string, unknown>[], path: string, collate: CollateField): object {
  const keys = Object.keys(samples[0]!);
  samples.forEach((sample, i) => {
    const own = Object.keys(sample);
    if (own.length !== keys.length || !keys.every((key) => Object.hasOwn(sample, key))) {
      throw mismatch(
        path,
        i,
        `has the fields ${own.join(', ') || '(none)'}`,
        `sample 0 ${keys.join(', ') || '(none)'}`,
      );
    }
  });
  return Object.fromEntries(
    keys.map((key) => [
      key,
      collate(
        samples.map((sample) => sample[key]),
        path ? `${path}.${key}` : key,
      ),
    ]),
  );
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

function place(path: string): string {
  return path ? `Field ${path}` : 'The value';
}

function article(kind: Kind): string {
  return kind === 'array' || kind === 'object' ? `an ${kind}` : `a ${kind}`;
}
