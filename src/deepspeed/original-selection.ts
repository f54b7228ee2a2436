import { ParityError } from '../core/errors.js';
import type { DifficultyIndex, SampleIds } from '../curriculum/difficulty-index.js';
import type { CurriculumMetricConfig } from './data-efficiency-config.js';
import { isPythonFloat } from './python-float.js';

// For rows of the index, DeepSpeed distinguishes "no sample" from "nothing found", with different consequences.

/**
 * Ids whose difficulty is above `from` and not above `to`, as DeepSpeed finds them; `undefined` if it finds no row.
 */
export function originalValues(index: DifficultyIndex, from: number, to: number): SampleIds | undefined {
  const ids = index.selectByValue(from, to);
  return ids.length > 0 ? ids : undefined;
}

/**
 * Ids from part `from` to part `to` of `max_difficulty` parts, as DeepSpeed divides them: a part has `floor(samples /
 * parts)` ids, and the remainder goes to a selection that ends at exactly `max_difficulty`. `undefined` if no row
 * extends beyond the start.
 *
 * @throws {@link ParityError} where DeepSpeed would cut a row at a difficulty that Python represents as a float.
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
 * Whether the first and the last row from which DeepSpeed takes ids are cut. It walks the rows up to `end` and takes
 * those that extend beyond `start`; `undefined` if there is none.
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
    next: 'Set an integer difficulty_step, or turn parity off.',
  });
}
