/** Values as JSON, as `fixtures/formats/round-trips/plain.py` makes them of what other readers see. */
export function plain(value: unknown): unknown {
  if (value === undefined) throw new Error('a value is undefined');
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : `${value}n`;
  }
  if (typeof value === 'number') return plainNumber(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return { ms: value.getTime() };
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function plainNumber(value: number): unknown {
  if (Number.isNaN(value)) return { float: 'nan' };
  if (!Number.isFinite(value)) return { float: value > 0 ? 'inf' : '-inf' };
  return Object.is(value, -0) ? { float: '-0.0' } : value;
}
