import * as v from 'valibot';
import { StateMismatchError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../../core/options.js';
import { propertyOf } from '../../core/property-of.js';
import { isRecord, keysOf } from '../../core/record.js';
import type { PassStart } from '../order/epoch-plan.js';
import type { OrderIdentity } from '../order/loader-order.js';
import { positionOf } from '../order/loader-position.js';
import { receiptStateFromVersion1, receiptStateSchema } from './receipt-chain.js';

/** Version of the format of states. {@link readState} also reads version 2. */
export const stateVersion = 3;

const schema = v.strictObject({
  version: v.number('must be a number'),
  /** The current epoch. */
  epoch: integerFrom(0),
  /** The next step of that epoch: the number of global batches that were delivered completely. */
  step: integerFrom(0),
  /** Micro-batches of that step that were delivered. */
  microBatch: integerFrom(0),
  /** Micro-batches of a global batch. */
  gradientAccumulationSteps: integerFrom(1),
  /** Numbers, within the epoch, of later batches that were delivered early (`inOrder: false`). */
  ahead: v.array(integerFrom(0)),
  /** Progress by shard, for an iterable dataset with several shards or with streams that save their state. */
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
  /** Samples per global batch, over all ranks. */
  batchSize: v.nullable(integerFrom(1)),
  dropLast: booleanOption,
  seed: integerFrom(0),
  /** Fingerprints of the dataset and of the sampler, which determine the order. */
  dataset: v.string('must be a string'),
  sampler: v.nullable(v.string('must be a string')),
  /** The receipt so far: see `DataLoader.receipt`. */
  receipt: v.nullable(receiptStateSchema),
  /** The amendments of the run: see `DataLoader.amend`. Absent without any. */
  amendments: v.optional(v.custom<JsonObject>((value) => typeof value === 'object', 'must be an object')),
  /** State, as of the last delivered batch, of a sampler that draws its order. */
  samplerState: v.nullable(v.custom<JsonObject>((value) => typeof value === 'object', 'must be an object')),
});

/**
 * The position of a loader, as plain JSON: a few numbers, whatever the size of the dataset. A state does not hold the
 * number of workers, the rank or the world size, so all of them may differ in the loader that loads it.
 */
export type LoaderState = v.InferOutput<typeof schema> & JsonObject;

/**
 * Reads a saved state of the current version or of version 2.
 *
 * @throws {@link ConfigError} if it is not the state of a loader, {@link StateMismatchError} if its version is unknown
 */
export function readState(state: unknown): LoaderState {
  const version = propertyOf(state, 'version');
  if (isRecord(state) && version === 2)
    return parseOptions('Loader state', schema, fromVersion2(state)) as LoaderState;
  if (typeof version === 'number' && version !== stateVersion)
    throw differs('version', version, stateVersion);
  return parseOptions('Loader state', schema, state) as LoaderState;
}

/** Version 2 called the step `batch`, and its receipt counted batches as `steps`. */
function fromVersion2({ batch, receipt, ...others }: Record<string, unknown>): object {
  return { ...others, version: stateVersion, step: batch, receipt: receiptStateFromVersion1(receipt) };
}

/** @throws {@link StateMismatchError} naming the first field that differs from that of this loader */
export function checkIdentity(parsed: LoaderState, identity: OrderIdentity): void {
  for (const field of keysOf(identity)) {
    if (parsed[field] !== identity[field]) throw differs(field, parsed[field], identity[field]);
  }
}

/** Writes a position of a loader with `microBatches` micro-batches per global batch as fields of a state. */
export function writePosition(
  { epoch, batch, ahead, streams }: PassStart,
  microBatches: number,
): Pick<LoaderState, 'epoch' | 'step' | 'microBatch' | 'gradientAccumulationSteps' | 'ahead' | 'streams'> {
  return {
    epoch,
    ...positionOf(batch, microBatches),
    gradientAccumulationSteps: microBatches,
    ahead: [...ahead],
    streams: streams ? { lastShard: streams.lastShard, shards: [...streams.shards] } : null,
  };
}

/**
 * Reads the position of a state for a loader with `microBatches` micro-batches per global batch.
 *
 * @throws {@link StateMismatchError} if the state is inside a global batch, at a sample where this loader has no boundary
 *   between micro-batches.
 */
export function readPosition(state: LoaderState, microBatches: number): PassStart {
  const { epoch, step, microBatch, gradientAccumulationSteps: saved, ahead, streams } = state;
  const converted = (batches: number): number => {
    const own = (batches * microBatches) / saved;
    if (Number.isInteger(own)) return own;
    throw new StateMismatchError(
      `The state was saved after ${microBatch} of ${saved} micro-batches of step ${step}; with ${microBatches} micro-batches per step there is no boundary at that sample`,
      {
        where: { field: 'gradientAccumulationSteps', saved, own: microBatches },
        next: `Resume with gradientAccumulationSteps: ${saved}, or save the state between global batches.`,
      },
    );
  };
  if (ahead.length > 0 && saved !== microBatches)
    throw differs('gradientAccumulationSteps', `${saved}, with batches delivered out of order`, microBatches);
  return {
    epoch,
    batch: converted(step * saved + microBatch),
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
