import * as v from 'valibot';
import { integerFrom, parseOptions } from '../../core/options.js';
import type { Positions } from '../../core/sampler.js';
import type { PassStart } from './epoch-plan.js';

/** A position in a run. All numbers count from 0. */
export interface LoaderPosition {
  readonly epoch: number;
  /** Number of the global batch within the epoch. */
  readonly step: number;
  /** Micro-batch of that global batch, if gradients are accumulated. @defaultValue `0` */
  readonly microBatch?: number;
}

/** The samples of one rank's batch, before any sample is read. */
export interface PlannedBatch extends Required<LoaderPosition> {
  /** Shape `[B]`: the samples of the rank. */
  readonly indices: Int32Array | Float64Array;
  /** Their positions in the epoch's order over all ranks. */
  readonly positions: Positions;
}

/** Which epochs `DataLoader.whenSeen` covers. */
export interface LoaderWhenSeenOptions {
  /** First epoch. @defaultValue `0` */
  readonly epoch?: number;
  /** Number of epochs. @defaultValue `1` */
  readonly epochs?: number;
}

const positionSchema = (gradientAccumulationSteps: number) =>
  v.strictObject({
    epoch: integerFrom(0),
    step: v.optional(integerFrom(0), 0),
    microBatch: v.optional(
      v.pipe(
        integerFrom(0),
        v.maxValue(
          gradientAccumulationSteps - 1,
          `must be below gradientAccumulationSteps, ${gradientAccumulationSteps}`,
        ),
      ),
      0,
    ),
  });

export const whenSeenSchema = v.strictObject({
  epoch: v.optional(integerFrom(0), 0),
  epochs: v.optional(integerFrom(1), 1),
});

/**
 * Converts a position to the number of its batch within the epoch.
 *
 * @param caller - Function that received the position, for the message.
 * @param microBatches - Micro-batches of a global batch.
 * @throws {@link ConfigError} naming the field at fault.
 */
export function passStartAt(caller: string, position: LoaderPosition, microBatches: number): PassStart {
  const { epoch, step, microBatch } = parseOptions(caller, positionSchema(microBatches), position);
  return { epoch, batch: step * microBatches + microBatch, ahead: [] };
}

/** Converts the number of a batch within its epoch to the step and micro-batch that it belongs to. */
export function positionOf(batch: number, microBatches: number): { step: number; microBatch: number } {
  return { step: Math.floor(batch / microBatches), microBatch: batch % microBatches };
}
