import * as v from 'valibot';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { type Sighting, sightingsIn, type WhenSeenOptions } from '../core/sighting.js';

const schema = v.strictObject({
  epoch: v.optional(integerFrom(0), 0),
  epochs: v.optional(integerFrom(1), 1),
  batchSize: v.optional(integerFrom(1), 1),
  dropLast: v.optional(booleanOption, false),
  worldSize: v.optional(integerFrom(1), 1),
  gradientAccumulationSteps: v.optional(integerFrom(1), 1),
  uneven: v.optional(v.picklist(['repeat', 'short'], "must be 'repeat' or 'short'")),
});

export type ResolvedWhenSeen = v.InferOutput<typeof schema>;

/** @throws {@link ConfigError} naming the option at fault. */
export function resolveWhenSeen(sampler: string, options: WhenSeenOptions): ResolvedWhenSeen {
  return parseOptions(`${sampler}.whenSeen options`, schema, options);
}

/** The epochs to search. */
export function* epochsOf({ epoch, epochs }: ResolvedWhenSeen): Generator<number> {
  for (let i = 0; i < epochs; i++) yield epoch + i;
}

/** The occurrences of positions in an epoch of `length` positions. */
export function* sightingsAt(
  positions: Iterable<number>,
  epoch: number,
  length: number,
  options: ResolvedWhenSeen,
): Generator<Sighting> {
  const { batchSize, dropLast } = options;
  for (const position of positions) {
    const step = Math.floor(position / batchSize);
    const size = Math.min(batchSize, length - step * batchSize);
    if (dropLast && size < batchSize) continue;
    yield* sightingsIn({ epoch, step }, position - step * batchSize, size, options);
  }
}
