/** Whether searches run in full: `npm run test:long` and `.ci/run` set `MILLRACE_LONG`. */
export const isLong = Boolean(process.env.MILLRACE_LONG);

/** How many cases a search tries: few in `npm test`, all of them in `npm run test:long`. */
export function searchSize({ short, long }: { readonly short: number; readonly long: number }): number {
  return isLong ? long : short;
}
