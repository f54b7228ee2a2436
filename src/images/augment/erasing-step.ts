import * as v from 'valibot';
import { parseOptions } from '../../core/options.js';
import { probability, rangeWithin } from './step-options.js';

export interface RandomErasingOptions {
  /** @defaultValue `0.5` */
  readonly probability?: number;
  /** Area of the rectangle as a fraction of the image. @defaultValue `[0.02, 0.33]` */
  readonly scale?: readonly [low: number, high: number];
  /** Aspect ratio of the rectangle, height / width. @defaultValue `[0.3, 3.3]` */
  readonly ratio?: readonly [low: number, high: number];
  /**
   * The value of the rectangle, or one for red, green and blue. After `normalize`, it is a normalized value; before, a level from 0
   * to 255. `'random'`: a random value for each pixel, standard normal after `normalize`, and any level before. @defaultValue `0`
   */
  readonly value?: number | readonly [red: number, green: number, blue: number] | 'random';
}

/** The step of {@link randomErasing}. */
export type ErasingStep = { readonly type: 'randomErasing' } & Required<RandomErasingOptions>;

/** Erases a random rectangle (Zhong et al., 2017), by the rules of torchvision's `RandomErasing`. Usually after `normalize`. */
export function randomErasing(options: RandomErasingOptions = {}): ErasingStep {
  const number = v.pipe(v.number('must be a number'), v.finite('must be finite'));
  const schema = v.strictObject({
    probability: v.optional(probability, 0.5),
    scale: v.optional(rangeWithin(0, 1), [0.02, 0.33]),
    ratio: v.optional(rangeWithin(1e-3, 1e3), [0.3, 3.3]),
    value: v.optional(
      v.union(
        [number, v.tuple([number, number, number]), v.literal('random')],
        "must be a number, [red, green, blue] or 'random'",
      ),
      0,
    ),
  });
  return { type: 'randomErasing', ...parseOptions('augment.randomErasing', schema, options) };
}
