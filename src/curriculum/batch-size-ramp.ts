import * as v from 'valibot';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import type { Positions, Sampler } from '../core/sampler.js';
import { type Sighting, sightingsIn } from '../core/sighting.js';
import { type BatchWhenSeenOptions, GroupedIndices } from '../samplers/grouped-indices.js';
import { OrderIterator } from '../samplers/index-order.js';
import { epochsOf, resolveWhenSeen } from '../samplers/when-seen.js';
import {
  type BatchSizeStage,
  BatchSizeStages,
  type EpochSamples,
  type EpochStage,
} from './batch-size-stages.js';

export interface BatchSizeRampOptions {
  /** Global batch sizes by global step: the first stage begins at step 0, the last one lasts. */
  readonly schedule: readonly BatchSizeStage[];
  /** Whether to drop a last batch of an epoch that is not full. @defaultValue `false` */
  readonly dropLast?: boolean;
}

const schema = v.strictObject({
  schedule: v.pipe(
    v.array(v.strictObject({ step: integerFrom(0), batchSize: integerFrom(1) }), 'must be a list of stages'),
    v.minLength(1, 'must have a stage'),
  ),
  dropLast: v.optional(booleanOption, false),
});

/**
 * Groups the indices of a sampler into global batches whose size follows a schedule over global steps: a batch-size ramp or
 * warm-up. The order of the samples is the sampler's, and an epoch has each of them once, whatever the schedule. Pass it as the
 * `batchSampler` of a loader. The gradient accumulation steps of the loader stay as they are, and micro-batches grow.
 *
 * @example
 * ```ts
 * const batchSampler = new BatchSizeRamp(new RandomSampler(dataset, { seed: 1 }), {
 *   schedule: [{ step: 0, batchSize: 64 }, { step: 1000, batchSize: 128 }, { step: 3000, batchSize: 256 }],
 * });
 * ```
 *
 * @remarks It seeks, is elastic and saves a state if the sampler does. O(stages) for any step.
 */
export class BatchSizeRamp<S extends Sampler = Sampler> extends GroupedIndices<S> {
  readonly schedule: readonly BatchSizeStage[];
  /** The smallest global batch of the schedule: each part gets a sample of it. */
  readonly maxParts: number;
  readonly worldSize: number | undefined;
  #epoch = 0;
  /** The step at which the next iteration begins. */
  #start = 0;
  #stages: BatchSizeStages;
  #samples: number;

  /** @throws {@link ConfigError} naming the option at fault, or a sampler that has a batch size itself. */
  constructor(sampler: S, options: BatchSizeRampOptions) {
    const { schedule, dropLast } = parseOptions('BatchSizeRamp options', schema, options);
    const problems = scheduleProblems(schedule);
    if (schedule.some(({ batchSize }) => batchSize !== (sampler.batchSize ?? batchSize))) {
      const message = `${sampler.constructor.name} makes global batches of ${sampler.batchSize} itself`;
      problems.push({ field: 'sampler', message });
    }
    if (problems.length > 0) throw new ConfigError('BatchSizeRamp options', problems);
    super('BatchSizeRamp', sampler, dropLast);
    this.schedule = schedule;
    this.maxParts = Math.min(...schedule.map(({ batchSize }) => batchSize));
    this.worldSize = sampler.worldSize;
    this.#samples = sampler.length;
    this.#stages = new BatchSizeStages(schedule, epochSamplesOf(sampler) ?? this.#samples, dropLast);
  }

  /** Global batches of the current epoch. */
  get length(): number {
    return this.lengthOf(this.#epoch);
  }

  /** Global batches of an epoch: fewer than in earlier ones, as batches grow. */
  lengthOf(epoch: number): number {
    return this.#known().lengthOf(epoch);
  }

  /** The first global step of an epoch. */
  startOf(epoch: number): number {
    return this.#known().startOf(epoch);
  }

  /** Where the global batches of the run are. @internal */
  get stages(): BatchSizeStages {
    return this.#known();
  }

  setEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.sampler.setEpoch?.(epoch);
  }

  fingerprint(): string {
    const { sampler, dropLast } = this;
    const inner = sampler.fingerprint?.() ?? sampler.constructor.name;
    const schedule = this.schedule.map(({ step, batchSize }) => [step, batchSize]);
    return fingerprint({ sampler: 'BatchSizeRamp', of: inner, schedule, dropLast });
  }

  positionsOf(step: number): Positions {
    const { start, step: stride } = this.sampler.positions ?? { start: 0, step: 1 };
    const stages = this.#known();
    const { position } = stages.batchAt(this.#epoch, stages.stagesOf(this.#epoch), step);
    return { start: start + position * stride, step: stride };
  }

  /** Each batch is a new array. */
  *[Symbol.iterator](): Generator<number[]> {
    const first = this.#start;
    this.#start = 0;
    const indices = this.sampler[Symbol.iterator]();
    const stages = this.#known().stagesOf(this.#epoch);
    for (const { step, steps, batchSize } of stages) {
      for (let k = Math.max(0, first - step); k < steps; k++) {
        const batch = taken(indices, batchSize);
        if (batch.length > 0) yield batch;
      }
    }
    // A sampler whose order is drawn has to see the end of its epoch.
    if (!(indices instanceof OrderIterator)) while (!indices.next().done);
  }

  protected override seekTo(step: number): number {
    const stages = this.#known();
    const epoch = this.#epoch;
    this.#start = step;
    if (step === this.length) return stages.samplesOf(epoch);
    return stages.batchAt(epoch, stages.stagesOf(epoch), step).position;
  }

  protected override sightings(sample: number, given: BatchWhenSeenOptions): Sighting[] {
    const options = resolveWhenSeen('BatchSizeRamp', given);
    const stages = this.#known();
    const sightings: Sighting[] = [];
    for (const epoch of epochsOf(options)) {
      const ofEpoch: EpochStage[] = stages.stagesOf(epoch);
      // In one batch that holds the whole epoch, the slot is the position.
      const whole = { epoch, batchSize: Math.max(1, stages.samplesOf(epoch)) };
      for (const { slot: position } of this.sampler.whenSeen!(sample, whole)) {
        const step = stages.stepOf(ofEpoch, position);
        if (step === undefined) continue;
        const batch = stages.batchAt(epoch, ofEpoch, step);
        sightings.push(...sightingsIn({ epoch, step }, position - batch.position, batch.size, options));
      }
    }
    return sightings;
  }

  /** The stages for the sampler's length, which may have changed. */
  #known(): BatchSizeStages {
    const { length } = this.sampler;
    if (length !== this.#samples && !epochSamplesOf(this.sampler)) {
      this.#samples = length;
      this.#stages = new BatchSizeStages(this.schedule, length, this.dropLast);
    }
    return this.#stages;
  }
}

function taken(indices: Iterator<number>, count: number): number[] {
  if (indices instanceof OrderIterator) return indices.take(count);
  const batch: number[] = [];
  while (batch.length < count) {
    const next = indices.next();
    if (next.done) break;
    batch.push(next.value);
  }
  return batch;
}

function scheduleProblems(schedule: readonly BatchSizeStage[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (schedule[0]!.step !== 0)
    problems.push({
      field: 'schedule.0.step',
      message: `is ${schedule[0]!.step}, but the first stage begins at step 0`,
    });
  for (let k = 1; k < schedule.length; k++) {
    const [before, { step }] = [schedule[k - 1]!.step, schedule[k]!];
    if (step > before) continue;
    problems.push({ field: `schedule.${k}.step`, message: `is ${step}, but must be above ${before}` });
  }
  return problems;
}

/** The samples of each epoch, where a sampler has epochs of different lengths. */
function epochSamplesOf(sampler: Sampler): readonly EpochSamples[] | undefined {
  return (sampler as { readonly epochSamples?: readonly EpochSamples[] }).epochSamples;
}
