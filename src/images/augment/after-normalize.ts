import * as v from 'valibot';
import type { SampleContext } from '../../core/dataset.js';
import { parseOptions } from '../../core/options.js';
import type { Tensor } from '../../core/tensor.js';

/** A function of normalized values, shape `[C, H, W]`. */
export type FloatFunction = (image: Tensor<'float32'>, context: SampleContext) => Tensor<'float32'>;

/** The step of {@link afterNormalize}. */
export interface OwnFloatStep {
  readonly type: 'afterNormalize';
  readonly change: FloatFunction;
}

/**
 * A step of your own after `normalize`, where values are float32. It takes a tensor of the shape `[C, H, W]`, whatever the layout of
 * the result, and returns one of the same shape.
 *
 * @throws {@link ConfigError} if it is not a function.
 */
export function afterNormalize(change: FloatFunction): OwnFloatStep {
  const isFunction = (value: unknown) => typeof value === 'function';
  const schema = v.strictObject({ change: v.custom<FloatFunction>(isFunction, 'must be a function') });
  return { type: 'afterNormalize', ...parseOptions('augment.afterNormalize', schema, { change }) };
}
