/** At most `limit` evenly spaced elements, including the first and the last. */
export function thin<T>(elements: readonly T[], limit: number): T[] {
  if (elements.length <= limit) return [...elements];
  return Array.from(
    { length: limit },
    (_, i) => elements[Math.round((i * (elements.length - 1)) / (limit - 1))]!,
  );
}
