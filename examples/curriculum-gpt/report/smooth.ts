/** Trailing mean of each value and up to `before` preceding values. O(n). */
export function trailingMean(values: readonly number[], before: number): number[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (values[i - before - 1] ?? 0);
    return sum / Math.min(i + 1, before + 1);
  });
}

/** At most `limit` evenly spaced elements, including the first and the last. */
export function thin<T>(elements: readonly T[], limit: number): T[] {
  if (elements.length <= limit) return [...elements];
  return Array.from(
    { length: limit },
    (_, i) => elements[Math.round((i * (elements.length - 1)) / (limit - 1))]!,
  );
}
