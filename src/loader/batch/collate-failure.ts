import type { Collate, CollateContext } from '../../core/collate.js';
import { CollateError, MillraceError } from '../../core/errors.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { messageOf } from '../../core/thrown.js';
import { type BatchTask, locationOfTask } from '../order/batch-task.js';
import type { BatchMemory } from './batch-memory.js';
import type { BatchMaker, TaskResult } from './batch-result.js';

// These functions run for every batch, so they allocate nothing for a batch that succeeds.

/**
 * Collates. An error names its batch, in the same way on every thread.
 *
 * @param dataset - Class of the dataset, for the error.
 */
export function collateAt(
  dataset: { readonly dataset?: string },
  task: BatchTask,
  collate: Collate<unknown, unknown>,
  samples: readonly unknown[],
  context: CollateContext,
): MaybePromise<unknown> {
  try {
    const batch = collate(samples, context);
    return batch instanceof Promise
      ? batch.catch((cause: unknown) => {
          throw collateFailure(dataset, task, cause);
        })
      : batch;
  } catch (cause) {
    throw collateFailure(dataset, task, cause);
  }
}

/** Makes a batch. The error of a sample names its batch. */
export function makeAt<Task extends BatchTask>(
  task: Task,
  maker: BatchMaker<Task>,
  memory: BatchMemory,
): MaybePromise<TaskResult> {
  try {
    const result = maker.make(task, memory);
    return result instanceof Promise
      ? result.catch((error: unknown) => {
          throw sampleFailure(task, error);
        })
      : result;
  } catch (error) {
    throw sampleFailure(task, error);
  }
}

/** The error of collating a batch, with its location. */
export function collateFailure(
  dataset: { readonly dataset?: string },
  task: BatchTask,
  cause: unknown,
): MillraceError {
  const location = { ...dataset, ...locationOfTask(task) };
  if (cause instanceof MillraceError) return cause.addLocation(location);
  const reason = messageOf(cause);
  return new CollateError(`The batch could not be collated: ${reason}`, {
    where: location,
    next: 'The cause has the error of the collate function.',
    cause,
  });
}

function sampleFailure(task: BatchTask, error: unknown): unknown {
  if (!(error instanceof MillraceError)) return error;
  const { indices: _, ...location } = locationOfTask(task);
  return error.addLocation({ ...location, ...error.where });
}
