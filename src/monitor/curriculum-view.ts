import type { CurriculumHistogram } from '../curriculum/curriculum-histogram.js';

/** What of a sampler says where a curriculum stands. */
interface CurriculumSource {
  difficultiesAt(epoch: number, batch: number): Record<string, number>;
  histograms(bins: number): readonly CurriculumHistogram[];
}

/** The difficulty of each metric in a global batch; none without a curriculum. */
export function difficultiesAt(
  sampler: object | undefined,
  epoch: number,
  batch: number,
): Readonly<Record<string, number>> {
  const { difficultiesAt: ask } = (sampler ?? {}) as Partial<CurriculumSource>;
  return typeof ask === 'function' ? ask.call(sampler, epoch, batch) : {};
}

/** How many samples are of which difficulty, for each metric; none without a curriculum. */
export function histogramsOf(sampler: object | undefined, bins: number): readonly CurriculumHistogram[] {
  const { histograms: ask } = (sampler ?? {}) as Partial<CurriculumSource>;
  return typeof ask === 'function' ? ask.call(sampler, bins) : [];
}
