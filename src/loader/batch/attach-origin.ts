import { CollateError, ConfigError } from '../../core/errors.js';
import { type SampleOrigin, withOrigin } from '../../core/sample-origin.js';

/** A batch with the origin of its samples, in its order. The property is not enumerable, so that code that walks a batch skips it. */
export type WithOrigin<B> = B & { readonly origin: readonly SampleOrigin[] };

/**
 * Adds the origin to a batch.
 *
 * @throws {@link ConfigError} if the batch has a field `origin`; {@link CollateError} if it is not an object, or frozen.
 */
export function attachOrigin(batch: unknown, origin: readonly SampleOrigin[]): void {
  if (typeof batch !== 'object' || batch === null || !Object.isExtensible(batch)) {
    throw new CollateError('A batch cannot have an origin: it is not an object that takes a property', {
      where: { batch: batch === null ? 'null' : typeof batch },
      next: 'Have the collate function return an array or an object that is not frozen, or leave out provenance.',
    });
  }
  if (Object.prototype.propertyIsEnumerable.call(batch, 'origin')) {
    const message = 'would hide the field origin of the batches: rename that field in a transform';
    throw new ConfigError('DataLoader options', [{ field: 'provenance', message }]);
  }
  withOrigin(batch, origin);
}
