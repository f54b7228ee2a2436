// The program of an analysis thread: makes the dataset from its recipe, then counts or measures ranges of it.
import { parentPort, workerData } from 'node:worker_threads';
import type { Dataset } from '../../core/dataset.js';
import { toErrorRecord } from '../../core/error-record.js';
import { makeFromRecipe } from '../../datasets/make-from-recipe.js';
import { countTokens, measureRange } from '../measure-range.js';
import { tokenMetric } from '../metrics/index.js';
import type { AnalysisSetup, FromAnalysisWorker, ToAnalysisWorker } from './protocol.js';

const port = parentPort!;
const dataset = makeFromRecipe((workerData as AnalysisSetup).dataset) as Promise<Dataset<unknown>>;
// Whoever asks for work is told of a failure.
dataset.catch(() => {});

port.on('message', async (message: ToAnalysisWorker) => {
  const onSamples = (samples: number): void => send({ type: 'progress', samples });
  try {
    if (message.type === 'count') {
      send({ type: 'counted', counts: await countTokens(await dataset, message.range, onSamples) });
    } else {
      const { range, metrics, counts, values } = message;
      await measureRange(await dataset, range, metrics.map(tokenMetric), counts, values, onSamples);
      send({ type: 'measured' });
    }
  } catch (error) {
    send({ type: 'error', error: toErrorRecord(error) });
  }
});

function send(message: FromAnalysisWorker): void {
  port.postMessage(message);
}
