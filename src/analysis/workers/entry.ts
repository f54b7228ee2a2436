// The program of an analysis thread: makes the dataset and the metrics from their recipes, then works on one range after the other.
import { parentPort, workerData } from 'node:worker_threads';
import type { Dataset } from '../../core/dataset.js';
import { toErrorRecord } from '../../core/error-record.js';
import { makeFromRecipe } from '../../datasets/make-from-recipe.js';
import { openObjectStore } from '../../storage/object-store.js';
import { loadMetric } from '../metric-source.js';
import { RangeWork } from '../range-work.js';
import type { AnalysisSetup, FromAnalysisWorker, ToAnalysisWorker } from './protocol.js';

const port = parentPort!;
const ready = prepare(workerData as AnalysisSetup);
// Whoever asks for work is told of a failure.
ready.catch(() => {});

port.on('message', async ({ type, range }: ToAnalysisWorker) => {
  try {
    const work = await ready;
    await work[type](range, (samples) => send({ type: 'progress', samples }));
    send({ type: 'done' });
  } catch (error) {
    send({ type: 'error', error: toErrorRecord(error) });
  }
});

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
