import { type DifficultyAnalysis, imageStatistics } from '../../analysis/index.js';
import { ownValue } from '../../core/record.js';
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
  const pixels = ownValue(counts, 'pixelsums');
  if (pixels) parts.push(statisticsText(pixels));
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

/** Mean and deviation as `normalize` takes them. */
function statisticsText(sums: readonly number[]): string {
  const { mean, std } = imageStatistics(sums);
  const list = (values: readonly number[]) => values.map((value) => value.toFixed(4)).join(', ');
  return `Mean and deviation of red, green and blue: normalize({ mean: [${list(mean)}], std: [${list(std)}] })`;
}

/** A curriculum over every metric with more than one value, in DeepSpeed's spelling. */
export function curriculumOf(found: readonly FoundMetric[]) {
  return {
    curriculum_metrics: Object.fromEntries(
      found.flatMap(({ title, curriculum }) => (curriculum ? [[title.name, curriculum]] : [])),
    ),
  };
}
