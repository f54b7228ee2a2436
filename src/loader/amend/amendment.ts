import * as v from 'valibot';
import { type Dataset, isMapDataset } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { Sampler } from '../../core/sampler.js';
import type { GrowthMode } from '../../random/grown-passes.js';

/** A change of a run from a global step on. */
export interface Amendment {
  /** The first global step with the change, counted from 0. @defaultValue the first step of which no batch was requested */
  readonly at?: number;
  /** New weights of the sources of a mixture: one number per source, 0 or more. */
  readonly weights?: readonly number[];
  /** New number of samples per global batch, over all ranks and micro-batches. */
  readonly batchSize?: number;
  /**
   * New number of tokens per sequence, which must divide the length of the windows or packed rows. Samples are then split: a batch
   * `[B, S]` becomes `[B, S / L, L]`, so that no token is lost. Make windows of the longest length that the run will need.
   */
  readonly sequenceLength?: number;
  /**
   * All sources of a mixture, of which some have grown at their end (`new ConcatDataset([old, more])`); others may be added at the end of
   * the list. A source that is no longer used stays in the list with weight 0.
   */
  readonly sources?: readonly Dataset<unknown>[];
  /** The data of a loader without a mixture, which has grown at its end. */
  readonly data?: Dataset<unknown>;
  /**
   * When the new samples of `sources` or `data` come: `'after'` the pass under way over the source, or `'interleaved'` evenly with the rest
   * of it. @defaultValue `'after'`
   */
  readonly newSamples?: GrowthMode;
  /** Another order, from the start of an epoch on. */
  readonly sampler?: Sampler;
}

const subject = 'DataLoader.amend';
const dataset = v.custom<Dataset<unknown>>(isMapDataset, 'must be a map-style dataset');

const schema = v.strictObject({
  at: v.optional(integerFrom(0)),
  weights: v.optional(
    v.custom<readonly number[]>(
      (list) => Array.isArray(list) && list.every((weight) => Number.isFinite(weight) && weight >= 0),
      'must be a list of numbers of 0 or more',
    ),
  ),
  batchSize: v.optional(integerFrom(1)),
  sequenceLength: v.optional(integerFrom(1)),
  sources: v.optional(v.array(dataset, 'must be a list of datasets')),
  data: v.optional(dataset),
  newSamples: v.optional(v.picklist(['after', 'interleaved'], "must be 'after' or 'interleaved'"), 'after'),
  sampler: v.optional(
    v.custom<Sampler>(
      (value) => typeof (value as Partial<Sampler> | null)?.[Symbol.iterator] === 'function',
      'must be a sampler',
    ),
  ),
});

export type ReadAmendment = v.InferOutput<typeof schema> & { readonly at: number };

/**
 * Reads an amendment.
 *
 * @param next - The first global step that can still change.
 * @throws {@link ConfigError} naming the field at fault
 */
export function readAmendment(given: unknown, next: number): ReadAmendment {
  const amendment = { ...parseOptions(subject, schema, given) };
  const { at = next, newSamples, ...changes } = amendment;
  if (at < next)
    throw amendProblem('at', `is ${at}, but the first step of which no batch was requested is ${next}`);
  if (Object.keys(changes).length === 0)
    throw amendProblem(
      '',
      'changes nothing: pass weights, batchSize, sequenceLength, sources, data or sampler',
    );
  if (changes.weights?.every((weight) => weight === 0)) throw amendProblem('weights', 'must not all be 0');
  return { ...changes, newSamples, at };
}

/** The error of an amendment that cannot be. */
export function amendProblem(field: string, message: string): ConfigError {
  return new ConfigError(subject, [{ field, message }]);
}
