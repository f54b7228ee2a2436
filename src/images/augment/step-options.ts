import * as v from 'valibot';

/** Parts of the schemas of steps. */

export const numberFrom = (low: number, high: number) =>
  v.pipe(
    v.number('must be a number'),
    v.minValue(low, `must be ${low} or more`),
    v.maxValue(high, `must be ${high} or less`),
  );

export const rangeWithin = (low: number, high: number) =>
  v.pipe(
    v.tuple([numberFrom(low, high), numberFrom(low, high)], 'must be [low, high]'),
    v.check(([from, to]) => from <= to, 'must be [low, high] with low first'),
  );

export const probability = numberFrom(0, 1);

const level = numberFrom(0, 255);

/** Color of the pixels beyond the image: a level, or one each for red, green and blue. */
export const fill = v.union([level, v.tuple([level, level, level])], 'must be a level or [red, green, blue]');
export type StepFill = number | readonly [red: number, green: number, blue: number];

export const warpInterpolation = v.picklist(['nearest', 'bilinear'], "must be 'nearest' or 'bilinear'");
