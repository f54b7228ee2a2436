import { StorageError } from '../core/errors.js';

/** Whether reading failed because there is no such file or object, as opposed to any other failure. */
export function isMissing(error: unknown): boolean {
  return error instanceof StorageError && (error.where.reason === 'ENOENT' || error.where.status === 404);
}
