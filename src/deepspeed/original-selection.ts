import { ParityError } from '../core/errors.js';
import type { DifficultyIndex, SampleIds } from '../curriculum/difficulty-index.js';
import type { CurriculumMetricConfig } from './data-efficiency-config.js';
import { isPythonFloat } from './python-float.js';

// DeepSpeed tells "no sample" from "nothing found" where rows of the index are concerned; what follows depends on it.

/** Ids whose difficulty is above `from` and not above `to`, as DeepSpeed finds them; `undefined` where it finds no row. */
export function originalValues(index: DifficultyIndex, from: number, to: number): SampleIds | undefined {
  const ids = index.selectByValue(from, to);
  return ids.length > 0 ? ids : undefined;
}

/**
 * Ids from part `from` to part `to` of `max_difficulty` parts, as DeepSpeed cuts them: parts have `floor(samples / parts)` ids,
 * and what is left over goes to a selection that ends at exactly `max_difficulty`. `undefined` where no row reaches beyond
 * the start.
 *
 * @throws {@link ParityError} where DeepSpeed would cut a row at a difficulty that Python has as a float.
 */
export function originalPercentiles(
  index: DifficultyIndex,
  from: number,
  to: number,
  config: CurriculumMetricConfig,
): SampleIds | undefined {
  const parts = config.max_difficulty;
  const partSize = Math.floor(index.length / parts);
  const start = partSize * from;
  const end = to === parts ? index.length : partSize * to;
  const cuts = rowCuts(index.rowSizes, start, end);
  if (!cuts) return undefined;
  if (cuts.atStart && isPythonFloat(from, config)) throw cannotSlice(from);
  if (cuts.atEnd && to !== parts && isPythonFloat(to, config)) throw cannotSlice(to);
  return index.idsBetween(start, Math.max(start, Math.min(end, index.length)));
}

/**
 * Whether the first and the last row that DeepSpeed takes ids from are cut. It walks the rows up to `end` and takes
 * those that reach beyond `start`; `undefined` when there is none.
 */
function rowCuts(rowSizes: Int32Array, start: number, end: number) {
  let cuts: { atStart: boolean; atEnd: boolean } | undefined;
  let rowEnd = 0;
  for (const size of rowSizes) {
    const rowStart = rowEnd;
    rowEnd += size;
    if (rowEnd > start) cuts = { atStart: cuts?.atStart ?? rowStart < start, atEnd: rowEnd > end };
    if (rowEnd >= end) break;
  }
  return cuts;
}

function cannotSlice(difficulty: number): ParityError {
  return new ParityError(`Samples cannot be cut off at the difficulty ${difficulty}, a float in DeepSpeed`, {
    where: { original: 'TypeError', difficulty },
    next: 'Give a whole difficulty_step, or leave out parity.',
  });
}
