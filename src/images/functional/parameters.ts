import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import { lastOf } from '../../core/last-of.js';
import { integerFrom } from '../../core/options.js';

/** Parts of the schemas of operations. */

export const finite = v.pipe(v.number('must be a number'), v.finite('must be finite'));
export const notNegative = v.pipe(finite, v.minValue(0, 'must be 0 or more'));
export const positive = v.pipe(finite, v.gtValue(0, 'must be above 0'));
export const whole = v.pipe(v.number('must be a whole number'), v.safeInteger('must be a whole number'));
export const count = integerFrom(1);
export const pair = v.tuple([finite, finite], 'must be two numbers');

const level = v.pipe(finite, v.minValue(0, 'must be 0 or more'), v.maxValue(255, 'must be 255 or less'));

/** Color of the pixels beyond the image: a number, or one for each channel. */
export const fillOption = v.optional(
  v.nullable(
    v.union(
      [level, v.pipe(v.array(level), v.minLength(1, 'must not be empty'))],
      'must be a number or a list of numbers',
    ),
  ),
);
export type Fill = number | readonly number[] | null;

/** One length, or height and width. */
export const sizeOption = v.union(
  [
    count,
    v.pipe(
      v.array(count),
      v.minLength(1, 'must be [height, width]'),
      v.maxLength(2, 'must be [height, width]'),
    ),
  ],
  'must be a number of pixels or [height, width]',
);
export type Size = number | readonly number[];

/** Height and width of a size that is a square if it is one number. */
export function bothSides(size: Size): { readonly height: number; readonly width: number } {
  const [height, width] = pairOf(size);
  return { height, width };
}

/** Two numbers, which are equal if one is given. */
export function pairOf(value: number | readonly number[]): readonly [number, number] {
  const given = typeof value === 'number' ? [value] : value;
  return [given[0]!, lastOf(given)];
}

/** @throws {@link ConfigError} if there is not one value, or one for each channel. */
export function checkFill(
  operation: string,
  fill: Fill | undefined,
  channels: number,
): number | readonly number[] | undefined {
  if (fill === null || fill === undefined) return undefined;
  if (typeof fill !== 'number' && fill.length !== 1 && fill.length !== channels)
    refuse(operation, 'fill', `has ${fill.length} numbers, and the image ${channels} channels`);
  return fill;
}

/** @throws {@link ConfigError} always */
export function refuse(operation: string, field: string, message: string): never {
  throw new ConfigError(`functional.${operation}`, [{ field, message }]);
}
