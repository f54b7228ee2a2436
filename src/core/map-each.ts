/** `Array.map` that keeps the number of items in the type: a pair gives a pair. */
export function mapEach<const T extends readonly unknown[], R>(
  items: T,
  make: (item: T[number], index: number) => R,
): { -readonly [K in keyof T]: R } {
  return items.map(make) as { -readonly [K in keyof T]: R };
}
