// The program of an analysis thread: makes the dataset and the metrics from their recipes, then works on ranges.
import { workerData } from 'node:worker_threads';
import type { Dataset } from '../../core/dataset.js';
import { type PartHandler, serveParts } from '../../parts/serve-parts.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { loadMetric } from '../metric-source.js';
import { type OnSamples, RangeWork } from '../range-work.js';
import { type ReducedMetrics, reduceAnalysis } from '../reduce-analysis.js';
import type { AnalysisRequest, AnalysisSetup } from './protocol.js';

serveParts(prepare(workerData as AnalysisSetup));

async function prepare({
  dataset,
  metrics,
  outputDir,
  description,
  wholeValues,
}: AnalysisSetup): Promise<PartHandler<AnalysisRequest, ReducedMetrics | undefined>> {
  const work = new RangeWork({
    dataset: (await makeFromRecipe(dataset)) as Dataset<unknown>,
    metrics: await Promise.all(metrics.map(loadMetric)),
    store: await openObjectStore(outputDir),
    description,
    wholeValues,
  });
  return (request, onProgress) => answer(work, request, (samples) => onProgress({ samples }));
}

async function answer(
  work: RangeWork,
  request: AnalysisRequest,
  onSamples: OnSamples,
): Promise<ReducedMetrics | undefined> {
  switch (request.type) {
    case 'count':
      await work.count(request.range, onSamples);
      return undefined;
    case 'map':
      await work.map(request.range, onSamples);
      return undefined;
    case 'merge-counts':
      await work.mergeCounts(request.ranges);
      return undefined;
    case 'reduce':
      return reduceAnalysis(work, request.request, onSamples);
  }
}
