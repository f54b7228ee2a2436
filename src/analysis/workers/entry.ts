// The program of an analysis thread: makes the dataset and the metrics from their recipes, then works on ranges.
import { workerData } from 'node:worker_threads';
import type { Dataset } from '../../core/dataset.js';
import { type PartHandler, serveParts } from '../../parts/serve-parts.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { finishAnalysis } from '../finish-analysis.js';
import { loadMetric } from '../metric-source.js';
import { type OnSamples, RangeWork } from '../range-work.js';
import type { AnalysisRequest, AnalysisSetup } from './protocol.js';

serveParts(prepare(workerData as AnalysisSetup));

async function prepare({
  dataset,
  metrics,
  outputDir,
  description,
  wholeValues,
}: AnalysisSetup): Promise<PartHandler<AnalysisRequest, void>> {
  const work = new RangeWork({
    dataset: await makeFromRecipe<Dataset<unknown>>(dataset),
    metrics: await Promise.all(metrics.map(loadMetric)),
    store: await openObjectStore(outputDir),
    description,
    wholeValues,
  });
  return (request, onProgress) => answer(work, request, (samples) => onProgress({ samples }));
}

async function answer(work: RangeWork, request: AnalysisRequest, onSamples: OnSamples): Promise<void> {
  switch (request.type) {
    case 'count':
      return work.count(request.range, onSamples);
    case 'map':
      return work.map(request.range, onSamples);
    case 'merge-counts':
      return work.mergeCounts(request.ranges);
    case 'finish':
      await finishAnalysis(work, request.request, onSamples);
  }
}
