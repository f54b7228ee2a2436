/** How batches are made, without any change to what is in them. */
export interface LoaderVariant {
  readonly numWorkers: number;
  /** Has no meaning without workers. @defaultValue `'auto'` */
  readonly prefetchFactor?: number;
  /** @defaultValue that of the loader */
  readonly reuseBuffers?: boolean;
}

/** The options of a loader that makes the same batches in another way; what has no meaning without workers is left out there. */
export function variantOptions(
  given: object,
  { numWorkers, prefetchFactor, reuseBuffers }: LoaderVariant,
): object {
  const { prefetchFactor: _, persistentWorkers, inOrder, ...others } = given as Record<string, unknown>;
  const ofWorkers = numWorkers === 0 ? {} : { persistentWorkers, inOrder, prefetchFactor };
  const options = {
    ...others,
    ...ofWorkers,
    numWorkers,
    ...(reuseBuffers !== undefined && { reuseBuffers }),
  };
  return withoutUndefined(options);
}

/** Options are there or not there. */
function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
