import { CollateError } from './errors.js';

/** The error for a value that has no place in a batch. */
export function misplaced(path: string, position: number, what: string, next?: string): CollateError {
  return new CollateError(
    `${place(path)} of sample ${position} is ${what}, which has no place in a batch`,
    details(path, position, next ?? 'Replace it in a transform, or pass your own collate.'),
  );
}

/** The error for a sample that does not go with the first one. */
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
