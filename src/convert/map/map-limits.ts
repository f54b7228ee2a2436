import * as v from 'valibot';
import { integerFrom } from '../../core/options.js';
import { intervalOf } from './rate.js';

const rateSchema = v.optional(
  v.pipe(
    v.string(),
    v.check((rate) => intervalOf(rate) !== undefined, 'must be a rate: 600/min, 10/s or 5000/h'),
  ),
);

/** How the function of a map is called. Plain data. */
const mapLimitEntries = {
  concurrency: v.optional(integerFrom(1), 16),
  rate: rateSchema,
  tokenRate: rateSchema,
  batchSize: v.optional(integerFrom(1)),
  timeoutMs: v.optional(integerFrom(1), 120_000),
  retries: v.optional(integerFrom(0), 5),
  retryMs: v.optional(integerFrom(0), 1_000),
  maxFailures: v.optional(integerFrom(0), 0),
};

export const limitsSchema = v.strictObject(mapLimitEntries);

export const limitNames: ReadonlySet<string> = new Set(Object.keys(mapLimitEntries));

export type MapLimits = v.InferOutput<typeof limitsSchema>;
