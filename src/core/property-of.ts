/** A property of any value, inherited ones included; `undefined` if it has none. Use it to recognize an object by its shape. */
export function propertyOf(value: unknown, name: string | symbol): unknown {
  return value === undefined || value === null ? undefined : Reflect.get(Object(value), name, value);
}

/** Whether a value has a method of this name, or is an object with a function under it. */
export function hasMethod<N extends string | symbol>(
  value: unknown,
  name: N,
): value is Record<N, (...args: readonly never[]) => unknown> {
  return typeof propertyOf(value, name) === 'function';
}
