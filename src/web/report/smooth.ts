/** Mean of each value and the `before` values that came before it, fewer at the start. O(n). */
export function trailingMean(values: readonly number[], before: number): number[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (values[i - before - 1] ?? 0);
    return sum / Math.min(i + 1, before + 1);
  });
}

/** At most `limit` elements, evenly spread, the first and the last among them. */
export function thin<T>(elements: readonly T[], limit: number): T[] {
  if (elements.length <= limit) return [...elements];
  return Array.from(
    { length: limit },
    (_, i) => elements[Math.round((i * (elements.length - 1)) / (limit - 1))]!,
  );
}
