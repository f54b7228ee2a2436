import { propertyOf } from '../../../core/property-of.js';
/** The first part of a sample that would come back changed from its bytes, in words; `undefined` if there is none. */
export function foreignPart(value: unknown, path = ''): string | undefined {
  const at = path === '' ? '' : ` at ${path}`;
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}${at}`;
  if (typeof value !== 'object' || value === null) return undefined;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date) return undefined;
  const below = (key: string | number): string => (path === '' ? String(key) : `${path}.${key}`);
  if (Array.isArray(value)) {
    if (Object.keys(value).length !== value.length) return `an array with holes or fields of its own${at}`;
    return firstOf(value.entries(), below);
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    const name = propertyOf(propertyOf(value, 'constructor'), 'name');
    return `an instance of ${name ?? 'an unnamed class'}${at}`;
  }
  const isHidden = Reflect.ownKeys(value).length !== Object.keys(value).length;
  if (isHidden) return `an object with fields that are symbols or not enumerable${at}`;
  return firstOf(Object.entries(value), below);
}

function firstOf(
  entries: Iterable<readonly [string | number, unknown]>,
  below: (key: string | number) => string,
): string | undefined {
  for (const [key, part] of entries) {
    const foreign = foreignPart(part, below(key));
    if (foreign) return foreign;
  }
  return undefined;
}
