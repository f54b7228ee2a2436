// How keys that come from outside stay plain data: columns of a file, fields of a sample, options, states, messages. An object literal has
// a prototype, so `record[key]` finds `constructor` in it, and `record['__proto__'] = value` changes what it inherits instead of adding a
// field. `scripts/check-keys.js` refuses such expressions everywhere else in src/.

/** The value of a record's own field; `undefined` where it has none, also for names that every object inherits. */
export function ownValue<V>(record: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Sets a field of a record. Every name, also `__proto__`, becomes an own field. */
export function setOwn<V>(record: Record<string, V>, key: string, value: V): void {
  // Only this name has a setter that every object inherits; the plain assignment is several times faster.
  if (key === '__proto__')
    Object.defineProperty(record, key, { value, enumerable: true, writable: true, configurable: true });
  else record[key] = value;
}
