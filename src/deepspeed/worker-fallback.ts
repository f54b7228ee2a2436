import { WorkerTransferError } from '../core/errors.js';
import { recipeOf } from '../core/recipe.js';

let warned = false;

/**
 * The number of workers for a dataset, if the default rule sets it: all, or none if the dataset cannot be moved to
 * workers. The latter causes a warning once per process.
 */
export function workersForMovable(dataset: unknown, numWorkers: number): number {
  if (numWorkers === 0) return 0;
  try {
    recipeOf(dataset, 'dataset');
    return numWorkers;
  } catch (error) {
    if (!(error instanceof WorkerTransferError)) throw error;
    if (!warned)
      process.emitWarning(`${error.message} Batches are made on the main thread instead.`, {
        code: error.code,
      });
    warned = true;
    return 0;
  }
}
