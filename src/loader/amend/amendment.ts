import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { Change } from './amendments.js';

/** A change of a run from a global step on. */
export interface Amendment {
  /** The first global step with the change, counted from 0. @defaultValue the first step of which no batch was requested */
  readonly at?: number;
  /** New weights of the sources of a mixture: one number per source, 0 or more. */
  readonly weights?: readonly number[];
  /** New number of samples per global batch, over all ranks and micro-batches. */
  readonly batchSize?: number;
}

const subject = 'DataLoader.amend';

const schema = v.strictObject({
  at: v.optional(integerFrom(0)),
  weights: v.optional(
    v.custom<readonly number[]>(
      (list) => Array.isArray(list) && list.every((weight) => Number.isFinite(weight) && weight >= 0),
      'must be a list of numbers of 0 or more',
    ),
  ),
  batchSize: v.optional(integerFrom(1)),
});

/**
 * Reads an amendment.
 *
 * @param next - The first global step that can still change.
 * @throws {@link ConfigError} naming the field at fault
 */
export function readAmendment(amendment: unknown, next: number): Change[] {
  const { at = next, weights, batchSize } = parseOptions(subject, schema, amendment);
  if (at < next) {
    const message = `is ${at}, but the first step of which no batch was requested is ${next}`;
    throw amendProblem('at', message);
  }
  const changes: Change[] = [];
  if (weights?.every((weight) => weight === 0)) throw amendProblem('weights', 'must not all be 0');
  if (weights) changes.push({ at, kind: 'weights', value: weights });
  if (batchSize !== undefined) changes.push({ at, kind: 'batchSize', value: [batchSize] });
  if (changes.length > 0) return changes;
  throw amendProblem('', 'changes nothing: pass weights or batchSize');
}

/** The error of an amendment that cannot be. */
export function amendProblem(field: string, message: string): ConfigError {
  return new ConfigError(subject, [{ field, message }]);
}
