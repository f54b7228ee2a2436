import { CollateError, MillraceError } from '../../core/errors.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { type BatchTask, locationOfTask } from '../order/batch-task.js';

/** Where a batch is made. */
export interface CollateLocation {
  /** Class of the dataset. */
  readonly dataset: { readonly dataset?: string };
  readonly task: BatchTask;
}

/** Collates; an error says which batch it was, the same on whichever thread it happens. */
export function collateAt<B>(
  { dataset, task }: CollateLocation,
  collate: () => MaybePromise<B>,
): MaybePromise<B> {
  const fail = (cause: unknown): never => {
    const place = { ...dataset, ...locationOfTask(task) };
    if (cause instanceof MillraceError) throw cause.addLocation(place);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CollateError(`The batch could not be collated: ${reason}`, {
      where: place,
      next: 'The cause has the error of the collate function.',
      cause,
    });
  };
  try {
    const batch = collate();
    return batch instanceof Promise ? batch.catch(fail) : batch;
  } catch (cause) {
    return fail(cause);
  }
}

/** Makes a batch; the error of a sample says which batch it was of. */
export function makeAt<R>(task: BatchTask, make: () => MaybePromise<R>): MaybePromise<R> {
  const fail = (error: unknown): never => {
    if (!(error instanceof MillraceError)) throw error;
    const { indices: _, ...place } = locationOfTask(task);
    throw error.addLocation({ ...place, ...error.where });
  };
  try {
    const result = make();
    return result instanceof Promise ? result.catch(fail) : result;
  } catch (error) {
    return fail(error);
  }
}
