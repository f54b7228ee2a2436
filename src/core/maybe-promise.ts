/**
 * A value, or a promise of one. Synchronous values stay synchronous, which saves a promise and a turn of the event
 * loop.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Calls `next` with a value: immediately, or when its promise resolves. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Calls `next` with all values: immediately, or when the last of their promises resolves. */
export function andThenAll<T, R>(
  values: readonly MaybePromise<T>[],
  next: (values: readonly T[]) => R,
): MaybePromise<R> {
  const areThere = values.every((value): value is T => !(value instanceof Promise));
  return areThere ? next(values) : Promise.all(values).then(next);
}

/** Returns what `make` returns. What it throws, or rejects with, becomes the error that `toError` makes of it. */
export function mapError<T>(
  make: () => MaybePromise<T>,
  toError: (cause: unknown) => unknown,
): MaybePromise<T> {
  try {
    const made = make();
    return made instanceof Promise ? made.catch((cause: unknown) => Promise.reject(toError(cause))) : made;
  } catch (cause) {
    throw toError(cause);
  }
}
