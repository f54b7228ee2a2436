/**
 * A method that an object may lack. A class that decides in its constructor may set it to `undefined`, also under
 * `exactOptionalPropertyTypes`. As with any method, an implementation may narrow its parameters.
 */
export type OptionalMethod<F extends (...args: never[]) => unknown> =
  | { method(...args: Parameters<F>): ReturnType<F> }['method']
  | undefined;
