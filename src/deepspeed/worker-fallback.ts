import { WorkerTransferError } from '../core/errors.js';
import { recipeOf } from '../core/recipe.js';

let warned = false;

/**
 * The number of workers that a dataset can have, if workers were not requested but come from the default rule: all, or none when
 * it cannot be moved into them. The latter is said once a process.
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
