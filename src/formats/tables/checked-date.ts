/** Converts a time to a `Date`. @throws Error if a `Date` cannot represent it */
export function checkedDate(ms: number): Date {
  const made = new Date(ms);
  if (Number.isNaN(made.getTime()))
    throw new Error(`a time of ${ms} ms from 1970 is more than a Date can hold`);
  return made;
}
