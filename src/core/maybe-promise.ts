/** A value that may take a while. What is synchronous stays so, which spares a promise and a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Calls `next` with a value: at once if it is there, otherwise when its promise resolves. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
