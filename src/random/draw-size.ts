import { ConfigError } from '../core/errors.js';
import { elementCount } from '../core/tensor.js';

/** How many numbers to draw: a count, or a shape. Results are flat, in row-major order. */
export type DrawSize = number | readonly number[];

/** Number of elements of a size. */
export function drawCount(subject: string, size: DrawSize): number {
  const dimensions = typeof size === 'number' ? [size] : size;
  if (dimensions.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0))
    return elementCount(dimensions);
  throw new ConfigError(subject, [
    { field: 'size', message: `must be whole numbers of 0 or more, not ${size}` },
  ]);
}

/**
 * Allocates an array for the numbers `0 … length - 1`: 4 bytes each if they fit, else 8.
 *
 * @throws {@link ConfigError} if the array does not fit into memory.
 */
export function indexArray(length: number): Int32Array | Float64Array {
  try {
    return length <= 2 ** 31 ? new Int32Array(length) : new Float64Array(length);
  } catch (cause) {
    throw new ConfigError(
      'An order held in memory',
      [
        {
          field: 'n',
          message: `is ${length}, which needs one array of ${8 * length} bytes, more than can be allocated`,
        },
      ],
      {
        next: 'Use a computed order: IndexPermutation, or a sampler with a seed instead of a generator.',
        cause,
      },
    );
  }
}

/** The numbers from 0 to `length - 1`. */
export function countUp(length: number): Int32Array | Float64Array {
  const indices = indexArray(length);
  for (let i = 0; i < length; i++) indices[i] = i;
  return indices;
}
