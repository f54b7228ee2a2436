/** Values of Arrow's own classes as plain data, which can cross threads: lists of numbers as typed arrays, structs as objects. */
export function plainValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (value instanceof Date || Array.isArray(value)) return value;
  if (isVector(value)) {
    const elements = value.toArray();
    return ArrayBuffer.isView(elements) && value.nullCount === 0
      ? (elements as Uint8Array).slice()
      : Array.from(value, plainValue);
  }
  // Not `in`: a row of a struct says that it has its fields alone.
  if (typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function') {
    const entries = Array.from(value as Iterable<readonly [string, unknown]>);
    return Object.fromEntries(entries.map(([key, inner]) => [key, plainValue(inner)]));
  }
  return value;
}

interface VectorLike extends Iterable<unknown> {
  readonly nullCount: number;
  toArray(): unknown;
}

function isVector(value: object): value is VectorLike {
  return 'nullCount' in value && typeof (value as Partial<VectorLike>).toArray === 'function';
}
