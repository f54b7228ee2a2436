/** A time as a `Date`. @throws Error for one that a `Date` cannot hold */
export function checkedDate(ms: number): Date {
  const made = new Date(ms);
  if (Number.isNaN(made.getTime()))
    throw new Error(`a time of ${ms} ms from 1970 is more than a Date can hold`);
  return made;
}
