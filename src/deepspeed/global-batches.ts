import { type MillraceError, ParityError } from '../core/errors.js';
import { NumpyGenerator } from '../random/index.js';
import { takeFromCluster } from './cluster-draw.js';
import type { ClusterFiles } from './cluster-files.js';
import type { ClusterIds } from './cluster-ids.js';
import { type Difficulties, selectMembers } from './cluster-members.js';
import type { CurriculumMetrics } from './curriculum-metrics.js';
import type { SamplerSettings } from './data-sampler-options.js';
import type { SamplerCluster, SamplerSnapshot } from './data-sampler-snapshot.js';

/**
 * Makes global batches: advances the curriculum, admits clusters, draws from them. Each instance holds the generator.
 */
export class GlobalBatches {
  readonly #settings: SamplerSettings;
  readonly #metrics: CurriculumMetrics;
  readonly #files: ClusterFiles | undefined;
  readonly #rng: NumpyGenerator;

  /** @param files - The cluster files, or nothing to keep clusters in memory only. */
  constructor(
    seed: number,
    settings: SamplerSettings,
    metrics: CurriculumMetrics,
    files: ClusterFiles | undefined,
  ) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#files = files;
    this.#rng = new NumpyGenerator(seed);
  }

  /** Restores a snapshot. O(metrics). */
  restore(snapshot: SamplerSnapshot): void {
    this.#rng.setState(snapshot.rng);
    this.#metrics.restore(snapshot.difficulties);
  }

  /** Restores a snapshot from a saved state. */
  load(snapshot: SamplerSnapshot): void {
    this.restore(snapshot);
    // DeepSpeed does not save its schedules: they start again and follow from the step.
    if (this.#settings.parity) this.#metrics.restore({});
  }

  /** Advances to the next step and its difficulties, before anything is drawn. */
  advance(at: SamplerSnapshot): SamplerSnapshot {
    const curriculumStep = at.curriculumStep + 1;
    return { ...at, curriculumStep, difficulties: this.#metrics.difficultiesAt(curriculumStep) };
  }

  /**
   * Adds the cluster of a change of difficulty, if it admits any new sample.
   *
   * @param previous - The difficulties of the previous step.
   */
  admit(at: SamplerSnapshot, previous: Difficulties): SamplerSnapshot {
    if (!this.#metrics.differ(previous, at.difficulties)) return at;
    const { totalSamples, parity } = this.#settings;
    const earlier = at.clusters.map(({ order }) => order);
    const request = { previous, current: at.difficulties, earlier, datasetLength: totalSamples, parity };
    const members = selectMembers(this.#metrics.list, request);
    const name = this.#metrics.clusterName(at.difficulties);
    const clusters = members
      ? [...at.clusters, this.#newCluster(members, previous, at.difficulties, name)]
      : at.clusters;
    // DeepSpeed lists a cluster if its file exists, even if an earlier run wrote it.
    if (!members && !this.#files?.exists(name)) return at;
    return { ...at, clusters, names: [...at.names, name], positions: [...at.positions, 0] };
  }

  /** Draws the global batch of the step. */
  draw(at: SamplerSnapshot): SamplerSnapshot {
    const counts = this.#countsOfClusters(at);
    const batch: number[] = [];
    const positions = [...at.positions];
    const clusters = at.clusters.map((cluster, j) => {
      const shuffles = cluster.shuffles && [...cluster.shuffles];
      const reshuffle = (order: ClusterIds): ClusterIds => {
        shuffles?.push(this.#rng.getState());
        return this.#shuffled(order.slice(), at.names[j]!);
      };
      const wrapRule = { reshuffle, wrapOnce: this.#settings.parity };
      const moved = takeFromCluster(
        { order: cluster.order, position: positions[j]! },
        counts[j]!,
        batch,
        wrapRule,
      );
      positions[j] = moved.position;
      return moved.order === cluster.order ? cluster : { ...cluster, order: moved.order, shuffles };
    });
    this.#rng.shuffle(batch);
    return { ...at, batch, clusters, positions, rng: this.#rng.getState() };
  }

  #newCluster(
    members: ClusterIds,
    previous: Difficulties,
    difficulties: Difficulties,
    name: string,
  ): SamplerCluster {
    const shuffles = [this.#rng.getState()];
    return { previous, difficulties, order: this.#shuffled(members, name), shuffles };
  }

  #shuffled(order: ClusterIds, name: string): ClusterIds {
    this.#rng.shuffle(order);
    this.#files?.write(name, order);
    return order;
  }

  /** Number of samples from each cluster: drawn in proportion to their sizes. */
  #countsOfClusters({ clusters, difficulties }: SamplerSnapshot): number[] {
    const sizes = clusters.map(({ order }) => order.length);
    if (sizes.length === 0) throw this.#nothingToDrawFrom(difficulties);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const weights = sizes.map((size) => size / total);
    const counts = new Array<number>(sizes.length).fill(0);
    const { globalBatchSize } = this.#settings;
    for (const j of this.#rng.choice(sizes.length, globalBatchSize, { replace: true, p: weights })) {
      counts[Number(j)]! += 1;
    }
    return counts;
  }

  #nothingToDrawFrom(difficulties: Difficulties): MillraceError {
    if (!this.#settings.parity) return this.#metrics.nothingAdmitted(difficulties);
    return new ParityError('No sample is easy enough for the first step', {
      where: { original: 'ValueError', ...difficulties },
      next: 'Start at a difficulty that some samples have.',
    });
  }
}
