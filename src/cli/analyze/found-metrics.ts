import type { AnalysisLayout } from '../../analysis/analysis-description.js';
import { type DifficultyAnalysis, suggestCurriculum } from '../../analysis/index.js';
import type { MetricSummary } from '../../analysis/metric-summary.js';
import { ownValue } from '../../core/record.js';
import { suggestedMetricConfig } from '../../deepspeed/curriculum-metric.js';
import type { CurriculumMetricConfig } from '../../deepspeed/data-efficiency-config.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';
import { type Admission, admissionsOf } from './curriculum-table.js';
import type { MetricTitle } from './metric-text.js';

/** A measured metric and its curriculum, which is absent if all samples are equally difficult. */
export interface FoundMetric {
  readonly title: MetricTitle;
  readonly summary: MetricSummary;
  readonly curriculum: CurriculumMetricConfig | undefined;
  /** Admissions of the curriculum; absent without one, or if the index is not on this machine. */
  readonly admissions: readonly Admission[] | undefined;
}

export interface FindOptions {
  /** Folder or URL of the results. */
  readonly output: string;
  /** Number of steps of the curriculum. */
  readonly steps: number;
  /** Number of equal parts of the schedule for which admissions are shown. */
  readonly parts: number;
  /** The curriculum names DeepSpeed's index files if they are written. */
  readonly layout: AnalysisLayout;
}

export function findMetrics(
  titles: readonly MetricTitle[],
  { metrics }: DifficultyAnalysis,
  { output, steps, parts, layout }: FindOptions,
): FoundMetric[] {
  return titles.flatMap((title): FoundMetric[] => {
    const summary = ownValue(metrics, title.name);
    if (!summary) return [];
    const folder = isRemote(output) ? undefined : localPath(output);
    const suggested = suggestCurriculum(summary, steps);
    if (!suggested) return [{ title, summary, curriculum: undefined, admissions: undefined }];
    const admissions = folder === undefined ? undefined : admissionsOf(title.name, suggested, folder, parts);
    const index = layout === 'native' ? undefined : { metric: title.name, folder: folder ?? output };
    const curriculum = suggestedMetricConfig(suggested, index);
    return [{ title, summary, curriculum, admissions }];
  });
}
