import type { DType, TypedArray } from './dtype.js';
import type { fieldCollates, WithFieldCollates } from './field-collates.js';
import type { DTypeOfArray, Tensor } from './tensor.js';

/**
 * What {@link defaultCollate} makes of samples of type `T`: numbers become a tensor of dtype `N`, typed arrays and
 * tensors gain a leading batch dimension, strings and `ArrayBuffer`s become lists, tuples and records are collated field by field.
 */
export type Collated<T, N extends DType = 'float32'> = unknown extends T
  ? unknown
  : T extends Tensor<infer D>
    ? Tensor<D>
    : T extends TypedArray
      ? Tensor<DTypeOfArray<T>>
      : T extends number
        ? Tensor<N>
        : T extends bigint
          ? Tensor<'int64'>
          : T extends boolean
            ? Tensor<'bool'>
            : T extends string
              ? string[]
              : T extends ArrayBuffer
                ? ArrayBuffer[]
                : typeof fieldCollates extends keyof T
                  ? {
                      -readonly [K in keyof T as Exclude<K, typeof fieldCollates>]: K extends OwnFields<T>
                        ? T[K]
                        : Collated<T[K], N>;
                    }
                  : { -readonly [K in keyof T]: Collated<T[K], N> };

/** Fields that form a batch by a rule of the sample. */
type OwnFields<T> = T extends WithFieldCollates<infer K> ? K : never;

/** What a loader yields: `BatchOf<typeof loader>`. */
export type BatchOf<L extends AsyncIterable<unknown>> = L extends AsyncIterable<infer B> ? B : never;
