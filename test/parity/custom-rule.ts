/** The custom schedule of the vectors: it rises by `inc` every `every` steps, from `start` up to `cap`. */
export interface CustomRule {
  readonly start: number;
  readonly inc: number;
  readonly every: number;
  readonly cap: number;
}

/** The difficulty at a step. */
export function customDifficulty({ start, inc, every, cap }: CustomRule): (step: number) => number {
  return (step) => Math.min(cap, start + inc * Math.floor(step / every));
}
