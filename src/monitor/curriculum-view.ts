import type { CurriculumHistogram } from '../curriculum/curriculum-histogram.js';

/** The methods of a sampler that describe a curriculum. */
interface CurriculumSource {
  difficultiesAt(epoch: number, batch: number): Record<string, number>;
  histograms(bins: number): readonly CurriculumHistogram[];
}

/** The difficulty limit of each metric at a global batch; empty without a curriculum. */
export function difficultiesAt(
  sampler: object | undefined,
  epoch: number,
  batch: number,
): Readonly<Record<string, number>> {
  const { difficultiesAt: ask } = (sampler ?? {}) as Partial<CurriculumSource>;
  return typeof ask === 'function' ? ask.call(sampler, epoch, batch) : {};
}

/** A histogram of difficulties for each metric; empty without a curriculum. */
export function histogramsOf(sampler: object | undefined, bins: number): readonly CurriculumHistogram[] {
  const { histograms: ask } = (sampler ?? {}) as Partial<CurriculumSource>;
  return typeof ask === 'function' ? ask.call(sampler, bins) : [];
}
