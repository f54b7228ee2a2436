/**
 * The last item of a list, or the last for which `matches` holds.
 *
 * @throws RangeError if there is none: the caller knows that there is one.
 */
export function lastOf<T>(items: readonly T[], matches: (item: T) => boolean = () => true): T {
  const index = items.findLastIndex(matches);
  if (index < 0) throw new RangeError('No item matches');
  return items[index]!;
}
