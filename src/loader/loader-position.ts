import * as v from 'valibot';
import { integerFrom, parseOptions } from '../core/options.js';
import type { Positions } from '../core/sampler.js';
import type { PassStart } from './epoch-plan.js';

/** A place in a run: global batch `batch` of epoch `epoch`, both from 0. */
export interface LoaderPosition {
  readonly epoch: number;
  readonly batch: number;
  /** Micro-batch of that batch, where gradients are accumulated. @defaultValue `0` */
  readonly microBatch?: number;
}

/** The samples of a batch, before any is read. */
export interface PlannedBatch extends Required<LoaderPosition> {
  /** Shape `[B]`: the samples of the rank. */
  readonly indices: Int32Array | Float64Array;
  /** Their positions in the epoch's order over all ranks. */
  readonly positions: Positions;
}

/** What `DataLoader.whenSeen` is asked about. */
export interface LoaderWhenSeenOptions {
  /** First epoch to look at. @defaultValue `0` */
  readonly epoch?: number;
  /** How many epochs to look at. @defaultValue `1` */
  readonly epochs?: number;
}

const positionSchema = (gradientAccumulationSteps: number) =>
  v.strictObject({
    epoch: integerFrom(0),
    batch: v.optional(integerFrom(0), 0),
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
 * A position as a place in the micro-batches of an epoch.
 *
 * @param subject - Who was given the position, for the message.
 * @param steps - Micro-batches of a global batch.
 * @throws {@link ConfigError} naming the field at fault.
 */
export function passStartAt(subject: string, position: LoaderPosition, steps: number): PassStart {
  const { epoch, batch, microBatch } = parseOptions(subject, positionSchema(steps), position);
  return { epoch, batch: batch * steps + microBatch, ahead: [] };
}

/** Where the micro-batch of a number stands in its epoch. */
export function positionOf(microBatches: number, steps: number): { batch: number; microBatch: number } {
  return { batch: Math.floor(microBatches / steps), microBatch: microBatches % steps };
}
