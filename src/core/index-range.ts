import { IndexRangeError } from './errors.js';

/**
 * Checks one sample index.
 *
 * @param owner - The owner of the samples, for the message: `TensorDataset`.
 * @throws {@link IndexRangeError} unless `index` is an integer in `0 … length - 1`.
 */
export function checkIndex(index: number, length: number, owner: string): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return;
  throw new IndexRangeError(`${owner} has no sample ${index}`, {
    where: { dataset: owner, index, length },
    next: length === 0 ? 'It is empty.' : `Indices are integers from 0 to ${length - 1}.`,
  });
}
