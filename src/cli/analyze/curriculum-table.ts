import { existsSync } from 'node:fs';
import { DifficultyFile, type SuggestedCurriculum } from '../../analysis/index.js';
import { metricPrefix } from '../../analysis/index-files.js';
import { difficultyPath } from '../../analysis/reduce-analysis.js';
import { CurriculumMetric } from '../../curriculum/curriculum-metric.js';
import { DifficultyIndex } from '../../curriculum/difficulty-index.js';
import { formatCount, formatShare, formatValue } from '../../web/kit/numbers.js';
import { renderTable } from '../terminal/table.js';
import { indented } from './metric-text.js';

/** Samples that a curriculum admits to a global batch. */
export interface Admission {
  /** Number of the global batch, from 1. */
  readonly step: number;
  readonly difficulty: number;
  readonly samples: number;
  /** Share of all samples, 0 … 1. */
  readonly share: number;
}

/** Admissions to the first global batch and at the end of each of `parts` equal parts of the schedule. */
export function admissionsOf(
  metric: string,
  suggestion: SuggestedCurriculum,
  folder: string,
  parts: number,
): Admission[] {
  const difficultyFile = difficultyPath(folder, metric);
  const prefix = metricPrefix(folder, metric);
  const index = existsSync(difficultyFile)
    ? DifficultyFile.openSync(difficultyFile)
    : DifficultyIndex.openSync({
        indexToSamplePath: `${prefix}_index_to_sample`,
        indexToMetricPath: `${prefix}_index_to_metric`,
      });
  try {
    const curriculum = new CurriculumMetric(metric, { ...suggestion, index });
    const steps = suggestion.schedule.totalSteps;
    return Array.from({ length: parts + 1 }, (_, part) => {
      const step = Math.max(1, Math.round((part * steps) / parts));
      const difficulty = curriculum.difficultyAt(step);
      const samples = Math.min(index.length, curriculum.admittedBy(difficulty));
      return { step, difficulty, samples, share: samples / index.length };
    });
  } finally {
    index.close();
  }
}

/** Renders the admission schedule as a table. */
export function renderAdmissions(admissions: readonly Admission[]): string {
  const columns = ['global batch', 'difficulty', 'samples', 'share'].map((title) => ({
    title,
    align: 'right' as const,
  }));
  const rows = admissions.map(({ step, difficulty, samples, share }) => [
    formatCount(step),
    formatValue(difficulty),
    formatCount(samples),
    formatShare(share),
  ]);
  return indented(renderTable(columns, rows));
}
