import * as v from 'valibot';
import { ConfigError, StateMismatchError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { Json, JsonObject } from '../core/json.js';
import { integerFrom, parseOptions, recordOf } from '../core/options.js';
import { ownValue } from '../core/record.js';
import { NumpyGenerator } from '../random/index.js';
import { Mt19937 } from '../random/mt19937.js';
import { type ClusterFiles, clusterFileName } from './cluster-files.js';
import { type ClusterIds, clusterIds } from './cluster-ids.js';
import { selectMembers } from './cluster-members.js';
import type { CurriculumMetrics } from './curriculum-metrics.js';
import type { DataEfficiencyConfig } from './data-efficiency-config.js';
import type { SamplerSettings } from './data-sampler-options.js';
import {
  firstSnapshot,
  type RngState,
  type SamplerCluster,
  type SamplerSnapshot,
} from './data-sampler-snapshot.js';

const stateVersion = 1;

const ids = v.array(integerFrom(0), 'must be a list of whole numbers');
const difficulties = recordOf(v.number('must be a number'));
const rngState = v.custom<RngState>(
  (value) => typeof value === 'object' && value !== null,
  'must be a numpy state',
);

/** Fields of DeepSpeed's state. */
const originalSchema = v.looseObject({
  batch: ids,
  consumed_samples: integerFrom(0),
  curriculum_step: integerFrom(0),
  current_difficulties: difficulties,
  data_cluster_paths: v.array(v.string('must be a string')),
  data_cluster_current_position: ids,
});

const ownSchema = v.looseObject({
  ...originalSchema.entries,
  np_rng_state: rngState,
  data_clusters: v.array(
    v.strictObject({
      previous: difficulties,
      difficulties,
      shuffles: v.optional(v.array(rngState)),
      order: v.optional(ids),
    }),
  ),
});

/** Converts the state of a sampler to JSON and back. */
export class DataSamplerState {
  /** The generator before its first draw. */
  readonly firstRng: RngState;
  readonly #settings: SamplerSettings;
  readonly #metrics: CurriculumMetrics;
  readonly #files: ClusterFiles | undefined;
  readonly #identity: JsonObject;
  readonly #seed: number;

  constructor(
    section: DataEfficiencyConfig,
    settings: SamplerSettings,
    metrics: CurriculumMetrics,
    files: ClusterFiles | undefined,
  ) {
    this.#seed = section.seed;
    this.firstRng = new NumpyGenerator(section.seed).getState();
    this.#settings = settings;
    this.#metrics = metrics;
    this.#files = files;
    this.#identity = {
      version: stateVersion,
      total_samples: settings.totalSamples,
      micro_batch_size: settings.microBatchSize,
      data_parallel_world_size: settings.dataParallelWorldSize,
      gradient_accumulation_steps: settings.gradientAccumulationSteps,
      num_epochs: section.data_sampling.num_epochs,
      seed: section.seed,
      metrics: fingerprint(metrics.description),
    };
  }

  toJson(snapshot: SamplerSnapshot): JsonObject {
    const { parity, globalRank } = this.#settings;
    // In DeepSpeed only global rank 0 draws, so the others never advance.
    const positions = parity && globalRank !== 0 ? snapshot.positions.map(() => 0) : [...snapshot.positions];
    const original = {
      batch: [...snapshot.batch],
      consumed_samples: snapshot.consumedSamples,
      curriculum_step: snapshot.curriculumStep,
      current_difficulties: { ...snapshot.difficulties },
      data_cluster_paths: [...snapshot.names],
      data_cluster_current_position: positions,
    };
    if (parity) return { ...original, np_rng_state: legacyNumpyState(this.#seed) };
    return {
      ...original,
      np_rng_state: structuredClone(snapshot.rng) as unknown as Json,
      data_clusters: snapshot.clusters.map(clusterToJson),
      ...this.#identity,
    };
  }

  /**
   * @param replay - Returns the snapshot after a number of global batches from the start.
   * @throws {@link StateMismatchError} naming the field that differs, {@link ConfigError} naming a missing key.
   */
  fromJson(state: JsonObject, replay: (steps: number) => SamplerSnapshot): SamplerSnapshot {
    if (this.#settings.parity) return this.#fromOriginal(state, replay);
    if (state.version !== undefined) return this.#fromOwn(state);
    process.emitWarning(
      'DeepSpeed wrote this sampler state. Its random numbers start again from the seed, as in DeepSpeed, ' +
        'so the batches differ from those of an uninterrupted run.',
      { code: 'MILLRACE_DEEPSPEED_STATE' },
    );
    return this.#fromOriginal(state, replay);
  }

  #fromOwn(state: JsonObject): SamplerSnapshot {
    for (const [field, own] of Object.entries(this.#identity))
      this.#mustEqual(field, ownValue(state, field), own);
    const parsed = parseOptions('DeepSpeedDataSampler state', ownSchema, state);
    const clusters: SamplerCluster[] = [];
    for (const saved of parsed.data_clusters) {
      const { previous, difficulties: current, shuffles, order } = saved;
      clusters.push({
        previous,
        difficulties: current,
        shuffles,
        order: order
          ? clusterIds(this.#settings.totalSamples, order)
          : this.#rebuild(saved, shuffles ?? [], clusters),
      });
    }
    return {
      batch: parsed.batch,
      consumedSamples: parsed.consumed_samples,
      curriculumStep: parsed.curriculum_step,
      difficulties: parsed.current_difficulties,
      clusters,
      names: parsed.data_cluster_paths,
      positions: parsed.data_cluster_current_position,
      rng: parsed.np_rng_state,
    };
  }

  /** The order of a cluster: its members from the index, shuffled equally often with the same random numbers. */
  #rebuild(
    { previous, difficulties: current }: Pick<SamplerCluster, 'previous' | 'difficulties'>,
    shuffles: readonly RngState[],
    before: readonly SamplerCluster[],
  ): ClusterIds {
    const { totalSamples, parity } = this.#settings;
    const earlier = before.map(({ order }) => order);
    const request = { previous, current, earlier, datasetLength: totalSamples, parity };
    const order = selectMembers(this.#metrics.list, request);
    if (!order) throw this.#differs('data_clusters', 'a cluster that this index lacks');
    const rng = new NumpyGenerator(this.#seed);
    for (const shuffle of shuffles) {
      rng.setState(shuffle);
      rng.shuffle(order);
    }
    return order;
  }

  #fromOriginal(state: JsonObject, replay: (steps: number) => SamplerSnapshot): SamplerSnapshot {
    const parsed = parseOptions('DeepSpeedDataSampler state', originalSchema, state);
    const positions = parsed.data_cluster_current_position;
    const names = parsed.data_cluster_paths.map(clusterFileName);
    const base = {
      ...firstSnapshot(this.firstRng),
      batch: parsed.batch,
      consumedSamples: parsed.consumed_samples,
      curriculumStep: parsed.curriculum_step,
      difficulties: parsed.current_difficulties,
      names,
    };
    // Ranks other than the first never had the positions; repeating the same steps from the start yields them.
    if (this.#settings.globalRank !== 0 && positions.every((position) => position === 0)) {
      const { clusters, positions: replayed } = replay(parsed.curriculum_step);
      return { ...base, clusters, positions: replayed };
    }
    return { ...base, positions, clusters: names.map((name) => this.#readCluster(name)) };
  }

  #readCluster(name: string): SamplerCluster {
    if (!this.#files) {
      throw new ConfigError(
        'DeepSpeedDataSampler',
        [
          {
            field: 'data_efficiency.data_sampling.curriculum_learning.data_cluster_path',
            message: 'is missing',
          },
        ],
        { next: `A state of DeepSpeed requires its cluster files: set their folder.` },
      );
    }
    return { previous: {}, difficulties: {}, order: this.#files.read(name), shuffles: undefined };
  }

  #mustEqual(field: string, saved: Json | undefined, own: Json): void {
    if (saved !== own) throw this.#differs(field, JSON.stringify(saved), JSON.stringify(own));
  }

  #differs(field: string, saved: string | undefined, own?: string): StateMismatchError {
    return new StateMismatchError(
      `The state belongs to another sampler: its ${field} is ${saved ?? 'missing'}${own ? `, and this sampler's is ${own}` : ''}`,
      {
        where: { field },
        next: 'Create the sampler with the configuration, dataset and number of ranks with which the state was saved.',
      },
    );
  }
}

/**
 * A state of numpy's legacy generator. DeepSpeed saves and restores the process-wide generator, from which the
 * sampler never draws. Millrace has none, so this is a newly seeded one.
 */
function legacyNumpyState(seed: number): Json {
  const engine = new Mt19937();
  engine.seed(seed);
  return ['MT19937', [...Uint32Array.from(engine.words)], engine.words.length, 0, 0];
}

/**
 * The shuffles or the order itself, whichever is shorter: a small cluster is shuffled more often than it has samples.
 */
function clusterToJson({ previous, difficulties: current, order, shuffles }: SamplerCluster): JsonObject {
  const characters = { aShuffle: 200, anId: 7 };
  const base = { previous: { ...previous }, difficulties: { ...current } };
  if (!shuffles || shuffles.length * characters.aShuffle > order.length * characters.anId) {
    return { ...base, order: [...order] };
  }
  return { ...base, shuffles: structuredClone(shuffles) as unknown as Json };
}
