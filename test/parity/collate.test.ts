import { type DType, defaultCollate, type Tensor, tensor } from 'millrace';
import { CollateError } from 'millrace/errors';
import { expect } from 'vitest';
import { isTensor } from '../../dist/core/tensor.js';
import { type RecordedError, testEveryCase, torchRelease } from './golden-file.js';

/** A Python value with its type. */
type Tagged =
  | { readonly t: 'none' }
  | { readonly t: 'int' | 'float' | 'bool' | 'str' | 'bytes'; readonly v: number | string | boolean }
  | {
      readonly t: 'tensor' | 'ndarray' | 'npscalar';
      readonly dtype: DType;
      readonly shape: number[];
      readonly data: (number | string | boolean)[];
    }
  | { readonly t: 'list' | 'tuple'; readonly v: Tagged[] }
  | { readonly t: 'dict'; readonly v: [key: string, value: Tagged][] }
  | { readonly t: 'namedtuple'; readonly fields: string[]; readonly v: Tagged[] };

interface Case {
  readonly name: string;
  readonly samples: Tagged[];
  readonly result?: Tagged;
  readonly error?: RecordedError;
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
};

function tensorOf(dtype: DType, shape: readonly number[], data: readonly unknown[]): Tensor {
  if (dtype === 'int64') return tensor(BigInt64Array.from(data as number[], BigInt), shape);
  if (dtype === 'uint64') return tensor(BigUint64Array.from(data as number[], BigInt), shape);
  if (dtype === 'bool') return tensor(Uint8Array.from(data as number[], Number), shape, dtype);
  const numbers = Array.from(data as number[], Number);
  return tensor(new arrays[dtype](numbers), shape);
}

/** The JavaScript value that stands for a Python one: `bigint` for int, `number` for float, `ArrayBuffer` for bytes. */
function build(value: Tagged): unknown {
  switch (value.t) {
    case 'none':
      return null;
    case 'int':
      return BigInt(value.v);
    case 'float':
      return Number(value.v);
    case 'bytes':
      return Uint8Array.from(Buffer.from(value.v as string, 'hex')).buffer;
    case 'tensor':
    case 'ndarray':
    case 'npscalar':
      return tensorOf(value.dtype, value.shape, value.data);
    case 'list':
    case 'tuple':
      return value.v.map(build);
    case 'dict':
      return Object.fromEntries(value.v.map(([key, field]) => [key, build(field)]));
    case 'namedtuple':
      return Object.fromEntries(value.fields.map((field, i) => [field, build(value.v[i]!)]));
    default:
      return value.v;
  }
}

/** A collated batch in a form that can be compared, with dtypes. */
function comparable(batch: unknown): unknown {
  if (isTensor(batch)) {
    return {
      dtype: batch.dtype,
      shape: [...batch.shape],
      data: Array.from(batch.data as Float64Array, String),
    };
  }
  if (batch instanceof ArrayBuffer) return { bytes: Buffer.from(batch).toString('hex') };
  if (Array.isArray(batch)) return batch.map(comparable);
  if (typeof batch !== 'object' || batch === null) return batch;
  return Object.entries(batch).map(([key, field]) => [key, comparable(field)]);
}

testEveryCase<Case>('collate.json', 38, ({ samples, result, error }, versions) => {
  const collate = () =>
    defaultCollate(samples.map(build), {
      parity: true,
      release: torchRelease(versions),
      numberDtype: 'float64',
    });
  if (error) expect(collate).toThrow(CollateError);
  else expect(comparable(collate())).toEqual(comparable(build(result!)));
});
