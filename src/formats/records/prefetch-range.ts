import type { ByteSource } from '../../storage/byte-source.js';
import type { CachedSource } from '../../storage/cached-source.js';

/**
 * Has bytes `start … end - 1` fetched in the background, where they come from afar and a cache keeps them.
 *
 * @returns bytes that were not asked for before
 */
export function prefetchRange(source: ByteSource, start: number, end: number): number {
  return isFetching(source) ? source.prefetch(start, end) : 0;
}

/** Whether anything of these sources can be fetched ahead. */
export function fetchesAhead(sources: Iterable<ByteSource>): boolean {
  for (const source of sources) if (isFetching(source)) return true;
  return false;
}

/** What several ranges ask for together. */
export function sumOfBytes(parts: Iterable<number>): number {
  let sum = 0;
  for (const part of parts) sum += part;
  return sum;
}

/** By what it says of itself: its class would bring Node.js along. */
function isFetching(source: ByteSource): source is CachedSource {
  return 'fetchesAhead' in source;
}
