import * as v from 'valibot';
import type { JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';
import type { BatchSampler, Positions, Sampler } from '../core/sampler.js';
import type { Sighting } from '../core/sighting.js';

/** Options of a search for a sample, without those that the batches decide. */
export type BatchWhenSeenOptions = NonNullable<Parameters<NonNullable<BatchSampler['whenSeen']>>[1]>;

/** Global batches made of the indices of a sampler, in its order. They can seek, save a state and so on if the sampler can. */
export abstract class GroupedIndices<S extends Sampler> implements BatchSampler {
  readonly sampler: S;
  readonly dropLast: boolean;
  readonly seek: ((batch: number) => void) | undefined;
  readonly whenSeen: BatchSampler['whenSeen'];
  readonly seekable: S['seekable'];
  readonly elastic: S['elastic'];
  readonly deterministic: S['deterministic'];
  readonly stateDict: (() => JsonObject) | undefined;
  readonly loadStateDict: ((state: JsonObject) => void) | undefined;

  /** @param kind - Name of the class in messages. */
  protected constructor(kind: string, sampler: S, dropLast: boolean) {
    this.sampler = sampler;
    this.dropLast = dropLast;
    this.seek =
      sampler.seek &&
      ((batch) => {
        const { length } = this;
        const upToEnd = v.pipe(integerFrom(0), v.maxValue(length, `must be at most the length, ${length}`));
        parseOptions(`${kind}.seek`, v.strictObject({ batch: upToEnd }), { batch });
        sampler.seek?.(this.seekTo(batch));
      });
    this.whenSeen = sampler.whenSeen && ((sample, options = {}) => this.sightings(sample, options));
    this.seekable = sampler.seekable;
    this.elastic = sampler.elastic;
    this.deterministic = sampler.deterministic;
    this.stateDict = sampler.stateDict?.bind(sampler);
    this.loadStateDict = sampler.loadStateDict?.bind(sampler);
  }

  /** Batches per epoch. */
  abstract get length(): number;

  abstract fingerprint(): string;

  abstract positionsOf(batch: number): Positions;

  abstract [Symbol.iterator](): Generator<number[]>;

  /** Makes the next iteration begin at a batch. Returns the position of its first index, or the end. */
  protected abstract seekTo(batch: number): number;

  /** Called only if the sampler has `whenSeen`. */
  protected abstract sightings(sample: number, options: BatchWhenSeenOptions): Sighting[];
}
