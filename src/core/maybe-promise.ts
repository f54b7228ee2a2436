/**
 * A value, or a promise of one. Synchronous values stay synchronous, which saves a promise and a turn of the event
 * loop.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Calls `next` with a value: immediately, or when its promise resolves. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
