import { ParityError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { BatchSampler, Positions } from '../core/sampler.js';
import type { DifficultyOrder } from '../curriculum/difficulty-order.js';
import { ClusterFiles } from './cluster-files.js';
import type { Difficulties } from './cluster-members.js';
import { CurriculumMetrics, type CustomSchedules } from './curriculum-metrics.js';
import {
  type DeepSpeedDataSamplerOptions,
  resolveSamplerConfig,
  resolveSamplerSettings,
  type SamplerConfig,
  type SamplerSettings,
} from './data-sampler-options.js';
import { firstSnapshot, type SamplerSnapshot } from './data-sampler-snapshot.js';
import { DataSamplerState } from './data-sampler-state.js';
import { GlobalBatches } from './global-batches.js';
import { microStepSlice } from './micro-step-slice.js';

/** Global batches in a row without a micro-step after which DeepSpeed's sampler is assumed to loop forever. */
const fruitlessBatchLimit = 10_000;

/**
 * Selects the samples of each micro-step by curriculum: only samples that are no harder than the schedule allows,
 * each equally often. DeepSpeed's `DeepSpeedDataSampler`, with the same samples from the same seed.
 *
 * Iterating yields the sample ids of this rank, one list per micro-step, over all epochs of the configuration. The
 * position belongs to the sampler: a second iteration continues where the first one stopped. Every rank computes the
 * whole sequence and takes its share, so ranks need not communicate.
 *
 * @remarks A global batch costs O(its size + clusters); a change of difficulty costs O(samples of the dataset).
 */
export class DeepSpeedDataSampler implements BatchSampler {
  readonly #settings: SamplerSettings;
  readonly #metrics: CurriculumMetrics;
  readonly #keptFiles: ClusterFiles | undefined;
  readonly #batches: GlobalBatches;
  readonly #state: DataSamplerState;
  #now: SamplerSnapshot;
  #positions: Positions = { start: 0, step: 1 };

  /**
   * @param config - A parsed configuration, or its `data_efficiency` section.
   * @throws {@link ConfigError} for an invalid option or section, or if no sample is easy enough for the first step;
   *   then it names the metric, the difficulty and the smallest difficulty.
   */
  constructor(config: SamplerConfig, options: DeepSpeedDataSamplerOptions) {
    const parity = options.parity ?? false;
    const section = resolveSamplerConfig(config, parity);
    const { curriculum_learning, num_epochs } = section.data_sampling;
    this.#settings = resolveSamplerSettings(options, num_epochs);
    this.#metrics = new CurriculumMetrics(curriculum_learning.curriculum_metrics ?? {}, { parity });
    const { totalSamples, globalRank } = this.#settings;
    const folder = curriculum_learning.data_cluster_path;
    const files = folder === undefined ? undefined : new ClusterFiles(folder, totalSamples);
    this.#keptFiles = parity && globalRank === 0 ? files : undefined;
    this.#keptFiles?.createFolder();
    this.#batches = new GlobalBatches(section.seed, this.#settings, this.#metrics, this.#keptFiles);
    this.#state = new DataSamplerState(section, this.#settings, this.#metrics, files);
    this.#now = firstSnapshot(this.#state.firstRng);
    if (!parity) this.#metrics.checkFirstStep(totalSamples);
  }

  /** Micro-steps of all epochs. With `parity`: samples of all epochs, as in DeepSpeed. */
  get length(): number {
    const { samplesOfAllEpochs, microStepSize, dropLast, parity } = this.#settings;
    if (parity) return samplesOfAllEpochs;
    return dropLast
      ? Math.floor(samplesOfAllEpochs / microStepSize)
      : Math.ceil(samplesOfAllEpochs / microStepSize);
  }

  /** The current difficulty of each metric. */
  get currentDifficulties(): Difficulties {
    return { ...this.#now.difficulties };
  }

  /** Metric → its index, for metrics with one. */
  get difficultyIndexes(): ReadonlyMap<string, DifficultyOrder> {
    return new Map(this.#metrics.list.flatMap(({ name, index }) => (index ? [[name, index]] : [])));
  }

  /** Global batches drawn so far. */
  get curriculumStep(): number {
    return this.#now.curriculumStep;
  }

  /** Samples of all ranks delivered so far. With `parity` it lags one micro-step behind. */
  get consumedSamples(): number {
    return this.#now.consumedSamples;
  }

  /** Positions of the samples yielded last, in the order of all ranks and epochs. */
  positionsOf(): Positions {
    return this.#positions;
  }

  /** Sizes of the clusters so far. */
  get dataClusterSizes(): readonly number[] {
    return this.#now.clusters.map(({ order }) => order.length);
  }

  /**
   * Sets the schedules of metrics with `schedule_type: 'custom'`. Call it before iterating.
   *
   * @param schedules - Metric → a function from the step, counted from 1, to the difficulty. Other metrics are
   *   ignored.
   */
  setCustomCurriculumLearningSchedule(schedules: CustomSchedules): void {
    this.#metrics.setCustomSchedules(schedules);
  }

  *[Symbol.iterator](): Generator<number[]> {
    yield* this.#settings.parity ? this.#asOriginal() : this.#exactly();
  }

  /**
   * The state in DeepSpeed's keys; without `parity`, also what makes the continuation exact and identifies the
   * sampler.
   *
   * @param at - A snapshot of this sampler. @defaultValue the current one
   */
  stateDict(at: SamplerSnapshot = this.#now): JsonObject {
    return this.#state.toJson(at);
  }

  /**
   * Continues from a saved state. States that DeepSpeed wrote are accepted: clusters are then read from their files,
   * and the random numbers start again, as in DeepSpeed.
   *
   * @throws {@link StateMismatchError} naming the field, if the state was saved with another dataset length, batch
   *   size, world size, seed or metrics.
   */
  loadStateDict(state: JsonObject): void {
    this.#now = this.#state.fromJson(state, (steps) => this.#replay(steps));
    this.#batches.load(this.#now);
  }

  /** The current state as an immutable value. */
  get snapshot(): SamplerSnapshot {
    return this.#now;
  }

  /** Restores a snapshot of this sampler. O(metrics). */
  restore(snapshot: SamplerSnapshot): void {
    this.#now = snapshot;
    this.#batches.restore(snapshot);
  }

  *#exactly(): Generator<number[]> {
    const { microStepSize, samplesOfAllEpochs, dropLast } = this.#settings;
    for (;;) {
      const size = Math.min(microStepSize, samplesOfAllEpochs - this.#now.consumedSamples);
      if (size <= 0 || (size < microStepSize && dropLast)) return;
      if (this.#now.batch.length === 0) this.#drawGlobalBatch();
      const own = this.#partOf(this.#cut(size));
      this.#now = { ...this.#now, consumedSamples: this.#now.consumedSamples + size };
      yield own;
    }
  }

  *#asOriginal(): Generator<number[]> {
    try {
      for (let microStep = this.#nextOfOriginal(); microStep; microStep = this.#nextOfOriginal()) {
        this.#keptFiles?.flush();
        yield this.#partOf(microStep);
        this.#now = { ...this.#now, consumedSamples: this.#now.consumedSamples + microStep.length };
      }
    } finally {
      this.#keptFiles?.flush();
    }
  }

  /** The next micro-step that DeepSpeed does not drop. */
  #nextOfOriginal(): readonly number[] | undefined {
    const { microStepSize, samplesOfAllEpochs, dropLast } = this.#settings;
    if (this.#now.consumedSamples > samplesOfAllEpochs) return undefined;
    for (let globalBatches = 0; globalBatches <= fruitlessBatchLimit; ) {
      if (this.#now.batch.length === 0) {
        globalBatches += 1;
        this.#drawGlobalBatch();
      }
      const microStep = this.#cut(microStepSize);
      if (microStep.length === microStepSize || (microStep.length > 0 && !dropLast)) return microStep;
    }
    throw this.#spins();
  }

  #cut(size: number): readonly number[] {
    const { batch } = this.#now;
    this.#now = { ...this.#now, batch: batch.slice(size) };
    return batch.slice(0, size);
  }

  #partOf(microStep: readonly number[]): number[] {
    const { dataParallelRank, dataParallelWorldSize, parity } = this.#settings;
    const { start, end } = microStepSlice(microStep.length, dataParallelRank, dataParallelWorldSize, {
      repeatShort: !parity,
    });
    this.#positions = { start: this.#now.consumedSamples + start, step: 1 };
    return microStep.slice(start, end);
  }

  #drawGlobalBatch(): void {
    const previous = this.#now.difficulties;
    // One after another, so that a failed step leaves its partial work, as in DeepSpeed.
    this.#now = this.#batches.advance(this.#now);
    this.#now = this.#batches.admit(this.#now, previous);
    this.#now = this.#batches.draw(this.#now);
  }

  /** The snapshot after `steps` global batches from the start, without touching files. */
  #replay(steps: number): SamplerSnapshot {
    this.restore(firstSnapshot(this.#state.firstRng));
    while (this.#now.curriculumStep < steps) this.#drawGlobalBatch();
    return this.#now;
  }

  #spins(): ParityError {
    return new ParityError(
      `No global batch out of ${fruitlessBatchLimit} had enough samples for a micro-step: DeepSpeed loops forever here`,
      {
        where: {
          original: 'hang',
          curriculumStep: this.#now.curriculumStep,
          microStepSize: this.#settings.microStepSize,
        },
        next: 'Start at a difficulty that more samples have, use smaller batches, or turn parity off.',
      },
    );
  }
}
