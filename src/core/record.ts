// How keys that come from outside stay plain data: columns of a file, fields of a sample, options, states, messages. An object literal has
// a prototype, so `record[key]` finds `constructor` in it, and `record['__proto__'] = value` changes what it inherits instead of adding a
// field. `scripts/check-keys.js` refuses such expressions everywhere else in src/.

/** The value of a record's own field; `undefined` where it has none, also for names that every object inherits. */
export function ownValue<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Whether a value is an object that may have fields: not null, nor a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The own keys of an object whose type lists all of them. */
export function keysOf<K extends string>(record: { readonly [key in K]: unknown }): K[] {
  return Object.keys(record) as K[];
}

/** Sets a field of a record. Every name, also `__proto__`, becomes an own field. */
export function setOwn<V>(record: Record<string, V>, key: string, value: V): void {
  // Only this name has a setter that every object inherits; the plain assignment is several times faster.
  if (key === '__proto__')
    Object.defineProperty(record, key, { value, enumerable: true, writable: true, configurable: true });
  else record[key] = value;
}
