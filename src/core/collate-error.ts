import type { DType } from './dtype.js';
import { CollateError } from './errors.js';

/** The error for a value that cannot be collated. */
export function misplaced(path: string, position: number, what: string, next?: string): CollateError {
  return new CollateError(
    `${place(path)} of sample ${position} is ${what}, which has no place in a batch`,
    details(path, position, next ?? 'Replace it in a transform, or pass your own collate.'),
  );
}

/** The error for an invalid tensor. */
export function malformed(path: string, position: number, problem: string): CollateError {
  return new CollateError(
    `${place(path)} of sample ${position} is a tensor that ${problem}`,
    details(path, position, 'Make it with tensor(data, shape), which checks it.'),
  );
}

/** The error for a number that the dtype of the batch cannot represent. */
export function unrepresentable(
  path: string,
  position: number,
  value: unknown,
  dtype: DType,
  next: string,
): CollateError {
  return new CollateError(
    `${place(path)} of sample ${position} is ${value}, which ${dtype} cannot hold`,
    details(path, position, next),
  );
}

/** The error for a sample that does not match the first one. */
export function mismatch(
  path: string,
  position: number,
  what: string,
  other: string,
  next = 'Every sample of a batch needs the same structure; change them in a transform, or pass your own collate.',
): CollateError {
  return new CollateError(
    `Samples cannot be collated: ${place(path)} of sample ${position} ${what}, of ${other}`,
    details(path, position, next),
  );
}

function details(path: string, position: number, next: string) {
  return { where: { path: path || '(the sample)', position }, next };
}

function place(path: string): string {
  return path ? `Field ${path}` : 'The value';
}
