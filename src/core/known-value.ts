/**
 * The value of a key that a map has.
 *
 * @throws RangeError if it has none: the caller knows that there is one.
 */
export function knownValue<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`The map has no ${String(key)}`);
  return value;
}
