/** How another loader of the same data in the same order makes its batches, and for which rank. */
export interface LoaderVariant {
  /** @defaultValue that of the loader */
  readonly numWorkers?: number;
  /** Has no meaning without workers. @defaultValue `'auto'`; without `numWorkers`, that of the loader */
  readonly prefetchFactor?: number;
  /** @defaultValue that of the loader */
  readonly reuseBuffers?: boolean;
  /** @defaultValue that of the loader */
  readonly inOrder?: boolean;
  /** Which part of each global batch. @defaultValue that of the loader */
  readonly rank?: number;
  /** @defaultValue that of the loader */
  readonly worldSize?: number;
}

/** The options of such a loader; what has no meaning without workers is left out there. */
export function variantOptions(given: object, how: LoaderVariant): object {
  const { numWorkers, prefetchFactor, ...changes } = how;
  if (numWorkers === undefined) return withoutUndefined({ ...given, ...withoutUndefined(how) });
  const { prefetchFactor: _, persistentWorkers, inOrder, ...others } = given as Record<string, unknown>;
  const ofWorkers = numWorkers === 0 ? {} : { persistentWorkers, inOrder, prefetchFactor };
  return withoutUndefined({ ...others, ...ofWorkers, numWorkers, ...withoutUndefined(changes) });
}

/** Options are there or not there. */
function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
