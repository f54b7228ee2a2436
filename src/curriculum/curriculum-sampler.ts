import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { integerFrom, parseOptions, recordOf } from '../core/options.js';
import { lengthOf, type Sized } from '../core/sampler.js';
import type { Sighting, WhenSeenOptions } from '../core/sighting.js';
import { EpochSampler } from '../samplers/epoch-sampler.js';
import type { IndexOrder } from '../samplers/index-order.js';
import { type Admissions, admissionsOf, type Cluster } from './admissions.js';
import type { CurriculumHistogram } from './curriculum-histogram.js';
import { CurriculumMetric, type CurriculumMetricInput } from './curriculum-metric.js';
import { CurriculumOrder } from './curriculum-order.js';

export interface CurriculumSamplerOptions {
  /**
   * Samples per global batch, over all ranks. Schedules count global batches. Must equal the loader's `batchSize`.
   */
  readonly batchSize: number;
  /** The metrics by name. A sample is admitted once all of them admit it. */
  readonly metrics: Readonly<Record<string, CurriculumMetricInput>>;
  /** Fixes the order inside each cluster. @defaultValue `0` */
  readonly seed?: number;
  /** Global batches per epoch. @defaultValue the dataset's length / batchSize, rounded down, at least 1 */
  readonly stepsPerEpoch?: number;
}

const schema = v.strictObject({
  batchSize: integerFrom(1),
  metrics: v.pipe(
    recordOf(
      v.custom<CurriculumMetricInput>(
        (value) => typeof value === 'object' && value !== null,
        'must be an object',
      ),
    ),
    v.check((metrics) => Object.keys(metrics).length > 0, 'must name a metric'),
  ),
  seed: v.optional(integerFrom(0), 0),
  stepsPerEpoch: v.optional(integerFrom(1)),
});

/**
 * Curriculum learning: each global batch contains only samples that the schedules admit at its step, and every
 * admitted sample is drawn equally often.
 *
 * The samples that one change of difficulty admits are a cluster. The number of slots of each cluster is computed,
 * and so is the order inside a cluster, pass by pass. Any step of the run is therefore known at once, on any rank,
 * without state, files or messages. Every prefix of the run contains each cluster's exact share within
 * `log2(clusters) + 1` samples; if clusters are drawn at random, as in DeepSpeed's `DeepSpeedDataSampler`
 * (`millrace/deepspeed`), the error grows with the square root of the number of draws. The slots of a cluster are
 * spread evenly over a batch, so every rank and micro-batch has nearly the same mix.
 *
 * The run is one sequence: epoch e starts at global step `e · stepsPerEpoch`, and schedules and passes continue
 * across epochs.
 *
 * @example
 * ```ts
 * const sampler = new CurriculumSampler(dataset, {
 *   batchSize: 512,
 *   metrics: { seqlen: { index: lengths, minDifficulty: 64, maxDifficulty: 2048,
 *     schedule: { type: 'linear', totalSteps: 10_000, difficultyStep: 8 } } },
 * });
 * const loader = new DataLoader(dataset, { batchSize: 512, sampler, rank, worldSize });
 * ```
 *
 * @remarks O(log clusters) per sample at any position. With one metric it is ready in O(clusters · log n) and keeps
 *   nothing of a mapped index in memory; several metrics are combined in O(n), at 8 bytes per sample.
 */
export class CurriculumSampler extends EpochSampler {
  override readonly batchSize: number;
  readonly elastic = true;
  /** Global batches per epoch. */
  readonly stepsPerEpoch: number;
  readonly #samples: number;
  readonly #seed: number;
  readonly #metrics: readonly CurriculumMetric[];
  readonly #admissions: Admissions;
  readonly #order: CurriculumOrder;

  /**
   * @param source - The dataset, or its length.
   * @throws {@link ConfigError} naming the invalid option; also if an index has another number of samples than the
   *   dataset, or no sample is easy enough for the first step.
   */
  constructor(source: Sized, options: CurriculumSamplerOptions) {
    super();
    const { batchSize, metrics, seed, stepsPerEpoch } = parseOptions(
      'CurriculumSampler options',
      schema,
      options,
    );
    const samples = lengthOf(source);
    if (samples === 0) throw sourceProblem('is a dataset without samples');
    if ((source as { variesByEpoch?: boolean }).variesByEpoch) {
      const { name } = source.constructor;
      throw sourceProblem(
        `is a ${name}, in which an index is a different sample in each epoch and therefore has no difficulty`,
      );
    }
    this.batchSize = batchSize;
    this.stepsPerEpoch = stepsPerEpoch ?? Math.max(1, Math.floor(samples / batchSize));
    this.#samples = samples;
    this.#seed = seed;
    this.#metrics = Object.entries(metrics).map(([name, metric]) => new CurriculumMetric(name, metric));
    this.#admissions = admissionsOf(this.#metrics, samples);
    this.#order = new CurriculumOrder({ admissions: this.#admissions, batchSize, seed });
  }

  /** Samples per epoch. */
  get length(): number {
    return this.stepsPerEpoch * this.batchSize;
  }

  /** The clusters, by ascending step of admission. */
  get clusters(): readonly Cluster[] {
    return this.#admissions.clusters;
  }

  /** The metrics, with their schedules and the number of samples that a difficulty admits. */
  get metrics(): readonly CurriculumMetric[] {
    return this.#metrics;
  }

  /** Number of samples of each cluster in the first `batches` global batches of the run. O(clusters). */
  countsAfter(batches: number): Float64Array {
    return this.#order.countsAfter(batches * this.batchSize);
  }

  /** The difficulty of every metric in global batch `batch` of epoch `epoch`. */
  difficultiesAt(epoch: number, batch: number): Record<string, number> {
    const step = epoch * this.stepsPerEpoch + batch + 1;
    return Object.fromEntries(this.#metrics.map(({ name, difficultyAt }) => [name, difficultyAt(step)]));
  }

  /**
   * Returns the distribution of difficulties for each metric that holds samples back.
   *
   * @param bins - Number of bins of equal width; the last bin extends to the hardest sample.
   * @remarks O(bins · log n) per metric.
   */
  histograms(bins: number): CurriculumHistogram[] {
    return this.#metrics.flatMap((metric) => metric.histogram(bins) ?? []);
  }

  override whenSeen(sample: number, options: WhenSeenOptions = {}): Sighting[] {
    checkIndex(sample, this.#samples, 'CurriculumSampler');
    return super.whenSeen(sample, options);
  }

  fingerprint(): string {
    const { clusters } = this.#admissions;
    return fingerprint({
      sampler: 'CurriculumSampler',
      samples: this.#samples,
      batchSize: this.batchSize,
      stepsPerEpoch: this.stepsPerEpoch,
      seed: this.#seed,
      // Covers the difficulties themselves, so that schedules that are functions count too.
      clusters: fingerprintBytes(Float64Array.from(clusters.flatMap(({ step, size }) => [step, size]))),
      index: this.#admissions.fingerprint(),
    });
  }

  protected order(epoch: number): IndexOrder {
    return this.#order.part(epoch * this.length, this.length);
  }
}

function sourceProblem(message: string): ConfigError {
  return new ConfigError('CurriculumSampler', [{ field: 'source', message }]);
}
