// The program of an analysis thread: makes the dataset and the metrics from their recipes, then works on one range after the other.
import { parentPort, workerData } from 'node:worker_threads';
import type { Dataset } from '../../core/dataset.js';
import { toErrorRecord } from '../../core/error-record.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { loadMetric } from '../metric-source.js';
import { RangeWork } from '../range-work.js';
import { reduceAnalysis } from '../reduce-analysis.js';
import type { AnalysisSetup, FromAnalysisWorker, ToAnalysisWorker } from './protocol.js';

const port = parentPort!;
const ready = prepare(workerData as AnalysisSetup);
// Whoever asks for work is told of a failure.
ready.catch(() => {});

port.on('message', async (message: ToAnalysisWorker) => {
  try {
    send(await answer(await ready, message));
  } catch (error) {
    send({ type: 'error', error: toErrorRecord(error) });
  }
});

async function answer(work: RangeWork, message: ToAnalysisWorker): Promise<FromAnalysisWorker> {
  const onSamples = (samples: number): void => send({ type: 'progress', samples });
  switch (message.type) {
    case 'count':
    case 'map':
      await work[message.type](message.range, onSamples);
      break;
    case 'merge-counts':
      await work.mergeCounts(message.ranges);
      break;
    case 'reduce':
      return { type: 'reduced', reduced: await reduceAnalysis(work, message.request, onSamples) };
  }
  return { type: 'done' };
}

async function prepare({
  dataset,
  metrics,
  place,
  description,
  wholeValues,
}: AnalysisSetup): Promise<RangeWork> {
  return new RangeWork({
    dataset: (await makeFromRecipe(dataset)) as Dataset<unknown>,
    metrics: await Promise.all(metrics.map(loadMetric)),
    store: await openObjectStore(place),
    description,
    wholeValues,
  });
}

function send(message: FromAnalysisWorker): void {
  port.postMessage(message);
}
