import type { DifficultyAnalysis } from '../../analysis/index.js';
import { formatCount, formatDuration } from '../../web/kit/numbers.js';
import { renderAdmissions } from './curriculum-table.js';
import type { AnalyzeFlags } from './flags.js';
import type { FoundMetric } from './found-metrics.js';
import { describeMetric } from './metric-text.js';

/** Renders the results. */
export function resultText(
  found: readonly FoundMetric[],
  { counts, elapsedMs, wasThere }: DifficultyAnalysis,
  samples: number,
  { output, steps }: AnalyzeFlags,
): string {
  const parts = found.map(({ title, summary }) => describeMetric(title, summary));
  for (const [name, sums] of Object.entries(counts))
    parts.push(`${name}: ${sums.map(formatCount).join(', ')}`);
  for (const { title, admissions } of found)
    if (admissions)
      parts.push(
        `Samples admitted by the curriculum below, over ${formatCount(steps)} steps of ${title.name}\n${renderAdmissions(admissions)}`,
      );
  const curriculum = curriculumOf(found);
  if (Object.keys(curriculum.curriculum_metrics).length > 0)
    parts.push(
      `For data_efficiency.data_sampling.curriculum_learning, one metric or several:\n${JSON.stringify(curriculum, null, 2)}`,
    );
  const done = wasThere ? 'The index is complete already' : `Wrote the index in ${formatDuration(elapsedMs)}`;
  parts.push(`${done}: ${formatCount(samples)} samples, ${output}`);
  return parts.join('\n\n');
}

/** A curriculum over every metric with more than one value, in DeepSpeed's spelling. */
export function curriculumOf(found: readonly FoundMetric[]) {
  return {
    curriculum_metrics: Object.fromEntries(
      found.flatMap(({ title, curriculum }) => (curriculum ? [[title.name, curriculum]] : [])),
    ),
  };
}
