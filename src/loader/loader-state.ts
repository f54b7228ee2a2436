import * as v from 'valibot';
import { StateMismatchError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { PassStart } from './epoch-plan.js';
import { positionOf } from './loader-position.js';
import { receiptStateSchema } from './receipt-chain.js';

/** Version of the state's format. A state of another version is refused. */
export const stateVersion = 2;

const schema = v.strictObject({
  version: v.number('must be a number'),
  /** The epoch under way. */
  epoch: integerFrom(0),
  /** Global batches of that epoch that were delivered whole. */
  batch: integerFrom(0),
  /** Micro-batches of the next one that were delivered. */
  microBatch: integerFrom(0),
  /** Micro-batches of a global batch. */
  gradientAccumulationSteps: integerFrom(1),
  /** Micro-batches of the epoch behind that place that were delivered too (`inOrder: false`). */
  ahead: v.array(integerFrom(0)),
  /** The same by shard, of an iterable dataset with several shards or with states of its own. */
  streams: v.nullable(
    v.strictObject({
      lastShard: integerFrom(-1),
      shards: v.array(
        v.strictObject({
          delivered: integerFrom(0),
          ended: booleanOption,
          state: v.nullable(v.custom<JsonObject>((value) => typeof value === 'object', 'must be an object')),
        }),
      ),
    }),
  ),
  /** Samples a global batch, over all ranks. */
  batchSize: v.nullable(integerFrom(1)),
  dropLast: booleanOption,
  seed: integerFrom(0),
  /** Fingerprints of what the order is a function of. */
  dataset: v.string('must be a string'),
  sampler: v.nullable(v.string('must be a string')),
  /** The receipt up to here: see `DataLoader.receipt`. */
  receipt: v.nullable(receiptStateSchema),
  /** State of a sampler that draws its order, as of the last batch delivered. */
  samplerState: v.nullable(v.custom<JsonObject>((value) => typeof value === 'object', 'must be an object')),
});

/**
 * Where a loader stands, as plain JSON: a few numbers, whatever the size of the dataset. It says nothing about workers,
 * rank and world size, so those may differ when it is loaded.
 */
export type LoaderState = v.InferOutput<typeof schema> & JsonObject;

/** What must be the same for a saved state to mean the same batches. */
export type StateIdentity = Pick<LoaderState, 'batchSize' | 'dropLast' | 'seed' | 'dataset' | 'sampler'>;

/**
 * Reads a saved state.
 *
 * @throws {@link ConfigError} when it is not a loader's state, {@link StateMismatchError} when it is of another version
 */
export function readState(state: unknown): LoaderState {
  const { version } = (state ?? {}) as { version?: unknown };
  if (typeof version === 'number' && version !== stateVersion)
    throw differs('version', version, stateVersion);
  return parseOptions('Loader state', schema, state) as LoaderState;
}

/** @throws {@link StateMismatchError} naming the first field that is not that of this loader */
export function checkIdentity(parsed: LoaderState, identity: StateIdentity): void {
  for (const field of Object.keys(identity) as (keyof StateIdentity)[]) {
    if (parsed[field] !== identity[field]) throw differs(field, parsed[field], identity[field]);
  }
}

/** A place, in micro-batches of a loader that makes `steps` of a global batch, as it stands in a state. */
export function describePlace(
  { epoch, batch, ahead, streams }: PassStart,
  steps: number,
): Pick<LoaderState, 'epoch' | 'batch' | 'microBatch' | 'gradientAccumulationSteps' | 'ahead' | 'streams'> {
  return {
    epoch,
    ...positionOf(batch, steps),
    gradientAccumulationSteps: steps,
    ahead: [...ahead],
    streams: streams ? { lastShard: streams.lastShard, shards: [...streams.shards] } : null,
  };
}

/**
 * The place of a state, in micro-batches of a loader that makes `steps` of a global batch.
 *
 * @throws {@link StateMismatchError} when the state stands inside a global batch where these steps have no boundary.
 */
export function placeIn(state: LoaderState, steps: number): PassStart {
  const { epoch, batch, microBatch, gradientAccumulationSteps: saved, ahead, streams } = state;
  const converted = (units: number): number => {
    const own = (units * steps) / saved;
    if (Number.isInteger(own)) return own;
    throw new StateMismatchError(
      `The state stands ${microBatch} of ${saved} micro-batches into global batch ${batch}, where ${steps} have no boundary`,
      {
        where: { field: 'gradientAccumulationSteps', saved, own: steps },
        next: `Resume with gradientAccumulationSteps: ${saved}, or save the state between global batches.`,
      },
    );
  };
  if (ahead.length > 0 && saved !== steps)
    throw differs('gradientAccumulationSteps', `${saved}, with batches delivered out of order`, steps);
  return {
    epoch,
    batch: converted(batch * saved + microBatch),
    ahead,
    ...(streams && {
      streams: {
        lastShard: streams.lastShard,
        shards: streams.shards.map((shard) => ({ ...shard, delivered: converted(shard.delivered) })),
      },
    }),
  };
}

function differs(field: string, saved: unknown, own: unknown): StateMismatchError {
  return new StateMismatchError(
    `The state belongs to another loader: its ${field} is ${saved}, this one has ${own}`,
    {
      where: { field, saved: String(saved), own: String(own) },
      next: 'Make the loader with the dataset, sampler, seed and batch size that the state was saved with.',
    },
  );
}
