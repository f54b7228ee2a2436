import type { AnalysisProgress } from '../../analysis/analyze-difficulty-options.js';
import {
  analyzeDifficulty,
  analyzeOnCluster,
  cancelOnCluster,
  type DifficultyAnalysis,
} from '../../analysis/index.js';
import type { MetricSource } from '../../analysis/metric-source.js';
import { ConfigError } from '../../core/errors.js';
import { formatCount } from '../../web/kit/numbers.js';
import type { Progress } from '../terminal/progress.js';
import type { AnalyzeFlags } from './flags.js';
import { datasetSource } from './open-data.js';

/** Runs an analysis in threads of this process. */
export async function locally(
  source: Parameters<typeof analyzeDifficulty>[0],
  metrics: readonly MetricSource[],
  { output, workers, memory, layout }: AnalyzeFlags,
  progress: Progress,
): Promise<DifficultyAnalysis> {
  return whileShown(progress, (onProgress) =>
    analyzeDifficulty(source, {
      metrics,
      numWorkers: workers,
      memoryBytes: memory,
      layout,
      outputDir: output,
      onProgress,
    }),
  );
}

/** Runs an analysis on the workers of a queue. */
export async function onCluster(
  data: string,
  metrics: readonly MetricSource[],
  flags: AnalyzeFlags,
  progress: Progress,
): Promise<DifficultyAnalysis> {
  return whileShown(progress, (onProgress) =>
    analyzeOnCluster(datasetSource(data, flags), {
      ...clusterOptions(metrics, flags),
      onProgress,
      onRefusal: (refusal) => progress.line(`refused by ${refusal}`),
    }),
  );
}

/** Removes an analysis from the queue. Returns whether it was queued. */
export function cancel(
  data: string,
  metrics: readonly MetricSource[],
  flags: AnalyzeFlags,
): Promise<boolean> {
  return cancelOnCluster(datasetSource(data, flags), clusterOptions(metrics, flags));
}

function clusterOptions(metrics: readonly MetricSource[], flags: AnalyzeFlags) {
  const { output, redis, queue, memory, layout, partSamples } = flags;
  if (redis === undefined)
    throw new ConfigError('millrace analyze', [
      { field: '--redis', message: 'is missing: pass the URL of a Redis server, redis://host:6379' },
    ]);
  return {
    redis,
    outputDir: output,
    metrics,
    layout,
    memoryBytes: memory,
    ...(queue !== undefined && { queue }),
    ...(partSamples !== undefined && { partSamples }),
  };
}

/** Shows the progress of an analysis, with its samples per second. */
async function whileShown(
  progress: Progress,
  run: (onProgress: (progress: AnalysisProgress) => void) => Promise<DifficultyAnalysis>,
): Promise<DifficultyAnalysis> {
  const stage = progress.stage('Analyzing', 1);
  const started = performance.now();
  let first: number | undefined;
  const analysis = await run(({ phase, done, total }) => {
    first ??= done;
    const rate = ((done - first) / (performance.now() - started)) * 1_000;
    stage.update(total === 0 ? 0 : done / total, `${phase}, ${formatCount(rate)} samples/s`);
  });
  stage.finish(analysis.wasThere ? 'already done' : '');
  return analysis;
}
