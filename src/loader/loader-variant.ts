/** How another loader of the same data in the same order makes its batches, and for which rank. */
export interface LoaderVariant {
  /** @defaultValue that of the loader */
  readonly numWorkers?: number;
  /** Has no effect without workers. @defaultValue `'auto'` */
  readonly prefetchFactor?: number;
  /** @defaultValue that of the loader */
  readonly reuseBuffers?: boolean;
  /** @defaultValue that of the loader */
  readonly inOrder?: boolean;
  /** Rank, which selects the share of each global batch. @defaultValue that of the loader */
  readonly rank?: number;
  /** @defaultValue that of the loader */
  readonly worldSize?: number;
  /** A loader whose worker threads make the batches of this one too. @defaultValue that of the loader */
  readonly workersOf?: AsyncDisposable & { readonly options: { readonly numWorkers: number | 'auto' } };
}

/** The options of such a loader; without workers, omits what has no effect then. */
export function variantOptions(given: object, how: LoaderVariant): object {
  const { numWorkers, prefetchFactor, ...changes } = how;
  if (how.workersOf !== undefined) {
    // These two are those of the other loader.
    const { numWorkers: _, createWorker: __, ...own } = given as Record<string, unknown>;
    return withoutUndefined({ ...own, ...withoutUndefined(how) });
  }
  if (numWorkers === undefined) return withoutUndefined({ ...given, ...withoutUndefined(how) });
  const {
    prefetchFactor: _,
    persistentWorkers,
    inOrder,
    workersOf: __,
    ...others
  } = given as Record<string, unknown>;
  const ofWorkers = numWorkers === 0 ? {} : { persistentWorkers, inOrder, prefetchFactor };
  return withoutUndefined({ ...others, ...ofWorkers, numWorkers, ...withoutUndefined(changes) });
}

/** Omits undefined options. */
function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
