/**
 * Sets a field whose name comes from data. `__proto__` becomes a field like any other: assigning it would change the object's prototype.
 */
export function setOwnField(target: object, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  else (target as Record<string, unknown>)[name] = value;
}
