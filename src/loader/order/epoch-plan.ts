import type { IndexArray } from '../../core/dataset.js';
import { ConfigError, IndexRangeError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import { type Slice, shareSlice } from '../../core/part-slice.js';
import type { BatchSampler as BatchSource, Positions } from '../../core/sampler.js';
import type { BatchTask, StreamTask } from './batch-task.js';
import { fastForward, samplerName } from './fast-forward.js';
import { globalPositions, positionsAfter } from './order-positions.js';
import type { RankLayout } from './rank-layout.js';

/** A task in the order of delivery. */
export interface PlannedTask {
  readonly task: BatchTask;
  /** State of a stateful sampler right after it yielded this batch. */
  readonly samplerState: JsonObject | undefined;
}

/** Plans the batches of an epoch, one by one. It runs ahead of delivery by the depth of prefetch. */
export interface EpochPlan {
  next(): PlannedTask | undefined;
  /** The shard of this task has ended. */
  ended?(task: StreamTask): void;
  /** State of a stateful sampler after the epoch, once the last batch was planned. */
  readonly endState?: JsonObject | undefined;
}

/** Progress of a shard of an iterable dataset. */
export interface ShardProgress {
  /** Number of delivered batches. */
  readonly delivered: number;
  /** Whether the shard has ended. */
  readonly ended: boolean;
  /** State of its stream at this position, if it has one. */
  readonly state: JsonObject | null;
}

/** Progress of an epoch of an iterable dataset. */
export interface StreamProgress {
  /** The shard of the last batch; the next batch is from the one after it. */
  readonly lastShard: number;
  readonly shards: readonly ShardProgress[];
}

/** Start of a pass. */
export interface PassStart {
  readonly epoch: number;
  /** Number of batches of the epoch that were delivered before. */
  readonly batch: number;
  /** Later batches that were delivered too, because delivery was out of order. */
  readonly ahead: readonly number[];
  /** The same by shard, for an iterable dataset. Without it, batches are counted in order. */
  readonly streams?: StreamProgress;
  /** Whether the sampler was moved there by its own state. */
  readonly samplerRestored?: boolean;
  /** Whether the position was requested: it is then where uninterrupted iteration would have come to. */
  readonly isSought?: boolean;
}

/** Up to this many indices are a plain array: to allocate a typed array and send it to a worker takes several times as long. */
const fewIndices = 64;

/** This loader's share of every global batch, and what the dataset supports. */
export interface MapPlanSettings extends RankLayout {
  readonly datasetLength: number;
  /**
   * Whether each task also names the samples of the other ranks and micro-batches, one of which may replace its own.
   */
  readonly withOthers: boolean;
}

/** Plans an epoch over a map-style dataset from a sampler of batches. */
export class MapEpochPlan implements EpochPlan {
  readonly #source: BatchSource;
  readonly #batches: Iterator<IndexArray>;
  readonly #settings: MapPlanSettings;
  readonly #start: PassStart;
  readonly #ahead: ReadonlySet<number>;
  #batch: number;
  /** The global batch whose micro-batches are being planned, and the sampler's state before and after it. */
  #globalBatch: IndexArray | undefined;
  #positions: Positions = { start: 0, step: 1 };
  #stateBefore: JsonObject | undefined;
  #stateBehind: JsonObject | undefined;
  /** A batch that was drawn to check whether the epoch has ended. */
  #peeked: IteratorResult<IndexArray> | undefined;
  #isDrawn = false;
  /** Global step at which the epoch begins. */
  readonly #firstStep: number;
  endState: JsonObject | undefined;

  constructor(batchSampler: BatchSource, settings: MapPlanSettings, start: PassStart) {
    this.#source = batchSampler;
    this.#settings = settings;
    this.#start = start;
    this.#ahead = new Set(start.ahead);
    this.#batch = start.batch;
    const globalBatch = Math.floor(start.batch / settings.gradientAccumulationSteps);
    batchSampler.setEpoch?.(start.epoch);
    this.#firstStep = stepsBefore(start.epoch, batchSampler);
    // A sampler with a state starts at its state, so the start of an epoch requires a seek too.
    if (globalBatch > 0 || batchSampler.stateDict) batchSampler.seek?.(globalBatch);
    this.#batches = batchSampler[Symbol.iterator]();
    if (!batchSampler.seek && !start.samplerRestored) fastForward(batchSampler, this.#batches, globalBatch);
  }

  next(): PlannedTask | undefined {
    const steps = this.#settings.gradientAccumulationSteps;
    for (;;) {
      const microBatch = this.#batch % steps;
      if (microBatch === 0 || !this.#globalBatch) {
        // Before the first batch, it is the state at the start of the pass, which the loader has.
        this.#stateBefore = this.#stateBehind;
        this.#globalBatch = this.#draw(Math.floor(this.#batch / steps));
        if (!this.#globalBatch) return undefined;
      }
      const batch = this.#batch++;
      if (this.#ahead.has(batch)) continue;
      const slice = this.#ownPart(this.#globalBatch, microBatch);
      if (slice.start === slice.end && this.#settings.uneven === 'short') continue;
      const indices = this.#part(this.#globalBatch, slice, batch);
      const hasOthers = this.#settings.withOthers && steps * this.#settings.worldSize > 1;
      const task = {
        type: 'indices',
        epoch: this.#start.epoch,
        batch,
        globalStep: this.#firstStep + Math.floor(batch / steps),
        indices,
        positions: positionsAfter(this.#positions, slice.start),
      } as const;
      // A partly delivered global batch is drawn again.
      const samplerState = microBatch === steps - 1 ? this.#stateBehind : this.#stateBefore;
      if (!hasOthers) return { task, samplerState };
      return { task: { ...task, others: Float64Array.from(this.#globalBatch) }, samplerState };
    }
  }

  /** Whether the sampler has reported the end of the epoch. */
  get isDrawn(): boolean {
    return this.#isDrawn;
  }

  /** Draws and drops the rest of the sampler's epoch. */
  drain(): void {
    for (let left = this.#source.length; left >= 0 && !this.#isDrawn; left--) {
      this.#isDrawn = this.#batches.next().done === true;
    }
  }

  /** The next global batch. */
  #draw(number: number): IndexArray | undefined {
    const source = this.#source;
    const drawn = this.#peeked ?? this.#batches.next();
    this.#peeked = undefined;
    if (drawn.done) {
      this.#isDrawn = true;
      this.endState = source.stateDict?.();
      return undefined;
    }
    this.#positions = globalPositions(source, number);
    this.#stateBehind = source.stateDict?.();
    if (source.stateDict && !source.seek && number + 1 >= source.length) {
      // Such a sampler's state moves to the next epoch only once it has noticed the end of this one.
      this.#peeked = this.#batches.next();
      if (this.#peeked.done) this.#stateBehind = source.stateDict();
    }
    this.#checkSize(drawn.value, number);
    return drawn.value;
  }

  /** Only the last global batch of an epoch may be too small for every part to get its own samples. */
  #checkSize({ length }: IndexArray, step: number): void {
    const { worldSize, gradientAccumulationSteps } = this.#settings;
    const parts = worldSize * gradientAccumulationSteps;
    if (length >= parts || (length > 0 && step + 1 >= this.#source.length)) return;
    const name = samplerName(this.#source) ?? 'The sampler';
    const needs = `needs at least ${parts}: worldSize ${worldSize} × gradientAccumulationSteps ${gradientAccumulationSteps}`;
    const message = `${name} yielded a global batch of ${length}, and each except the last ${needs}`;
    throw new ConfigError('DataLoader', [{ field: 'batchSampler', message }], { where: { step } });
  }

  /** A copy: a sampler may write its next batch to the same array. */
  #part(globalBatch: IndexArray, { start, end }: Slice, batch: number): IndexArray {
    const { datasetLength } = this.#settings;
    const are32Bit = datasetLength <= 0x7fffffff;
    const isShort = end - start <= fewIndices;
    const indices: number[] | Int32Array | Float64Array = isShort
      ? []
      : new (are32Bit ? Int32Array : Float64Array)(end - start);
    for (let i = start; i < end; i++) {
      const index = globalBatch[i]!;
      if (!Number.isInteger(index) || index < 0 || index >= datasetLength)
        throw outOfRange(this.#source, index, batch, datasetLength);
      indices[i - start] = are32Bit ? index | 0 : index;
    }
    return indices;
  }

  /** This rank's share of a micro-batch. */
  #ownPart(globalBatch: IndexArray, microBatch: number): Slice {
    const { worldSize, gradientAccumulationSteps } = this.#settings;
    if (worldSize === 1 && gradientAccumulationSteps === 1) return { start: 0, end: globalBatch.length };
    return shareSlice(
      globalBatch.length,
      { ...this.#settings, microBatch },
      this.#source.cutPoints?.(globalBatch),
    );
  }
}

/** Global steps of the epochs before one. */
export function stepsBefore(epoch: number, sampler: BatchSource): number {
  if (sampler.startOf) return sampler.startOf(epoch);
  if (!sampler.lengthOf) return epoch * sampler.length;
  let steps = 0;
  for (let before = 0; before < epoch; before++) steps += sampler.lengthOf(before);
  return steps;
}

/**
 * Plans an epoch over an iterable dataset: batches are made inside a shard and taken from the shards in turn, so the
 * order is the same for any number of workers.
 */
export class StreamEpochPlan implements EpochPlan {
  readonly #start: PassStart;
  readonly #steps: number;
  readonly #active: number[];
  readonly #ordinals: number[];
  #turn = 0;

  /** @param steps - Micro-batches per global batch. */
  constructor(numShards: number, steps: number, start: PassStart) {
    this.#start = start;
    this.#steps = steps;
    const { streams } = start;
    const shards = Array.from({ length: numShards }, (_, shard) => shard);
    this.#active = shards.filter((shard) => !streams?.shards[shard]?.ended);
    this.#ordinals = shards.map((shard) => streams?.shards[shard]?.delivered ?? 0);
    if (streams) this.#turn = Math.max(0, this.#active.indexOf(this.#shardAfter(streams.lastShard)));
  }

  next(): PlannedTask | undefined {
    if (this.#active.length === 0) return undefined;
    const shard = this.#active[this.#turn % this.#active.length]!;
    const ordinal = this.#ordinals[shard]!++;
    if ((ordinal + 1) % this.#steps === 0) this.#turn = (this.#turn + 1) % this.#active.length;
    const { epoch, batch, streams } = this.#start;
    // With shards of unknown length, it is unknown which tasks will be batches, so only a single shard can be read
    // past at no cost.
    const discard = !streams && this.#ordinals.length === 1 && ordinal < batch;
    const progress = streams?.shards[shard];
    const resume = progress?.state && { ordinal: progress.delivered, state: progress.state };
    return {
      task: { type: 'stream', epoch, shard, ordinal, discard, ...(resume && { resume }) },
      samplerState: undefined,
    };
  }

  /** The shard after that of the last batch; the same shard while a global batch is incomplete. */
  #shardAfter(last: number): number {
    if (last >= 0 && this.#ordinals[last]! % this.#steps > 0) return last;
    return this.#active.find((shard) => shard > last) ?? -1;
  }

  ended({ shard }: StreamTask): void {
    const place = this.#active.indexOf(shard);
    if (place < 0) return;
    this.#active.splice(place, 1);
    if (place < this.#turn) this.#turn -= 1;
  }
}

function outOfRange(sampler: BatchSource, index: number, batch: number, length: number): IndexRangeError {
  const name = samplerName(sampler);
  return new IndexRangeError(
    `${name ?? 'The sampler'} yielded the index ${index}, which the dataset of ${length} samples does not have`,
    {
      where: { ...(name && { sampler: name }), batch, index, length },
      next: 'A sampler must yield integers from 0 to length - 1. Was it made for another dataset?',
    },
  );
}
