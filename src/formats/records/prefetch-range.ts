import type { ByteSource } from '../../storage/byte-source.js';
import type { CachedSource } from '../../storage/cached-source.js';

/**
 * Fetches bytes `start … end - 1` in the background, if the source is remote and cached.
 *
 * @returns the bytes that were not requested before
 */
export function prefetchRange(source: ByteSource, start: number, end: number): number {
  return isFetching(source) ? source.prefetch(start, end) : 0;
}

/** Whether any of these sources can be prefetched. */
export function fetchesAhead(sources: Iterable<ByteSource>): boolean {
  for (const source of sources) if (isFetching(source)) return true;
  return false;
}

/** Sum of the bytes that several ranges request. */
export function sumOfBytes(parts: Iterable<number>): number {
  let sum = 0;
  for (const part of parts) sum += part;
  return sum;
}

/** Tested by a property, because importing the class would import Node.js modules. */
function isFetching(source: ByteSource): source is CachedSource {
  return 'fetchesAhead' in source;
}
