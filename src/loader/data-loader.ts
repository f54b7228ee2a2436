import type { Collated } from '../core/collated.js';
import type { Dataset, IterableDataset } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { BatchSampler as BatchSource } from '../core/sampler.js';
import type { Sighting } from '../core/sighting.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import type { WorkerDataset } from '../datasets/index.js';
import { WorkerModule } from '../datasets/worker-module.js';
import type { LoaderObserver } from '../monitor/loader-events.js';
import type { Amendment } from './amend/amendment.js';
import type {
  BuiltInCollateOptions,
  DataLoaderOptions,
  ElasticLoaderOptions,
  ElasticOptions,
  InelasticOptions,
} from './data-loader-options.js';
import type { BatchEngine } from './engine/batch-engine.js';
import { Delivery } from './engine/delivery.js';
import { closeWhenCollected } from './engine/dropped-loaders.js';
import type { GivenBatch } from './engine/lent-batch.js';
import { type LoaderStats, StatsRecorder } from './engine/loader-stats.js';
import { moment } from './engine/making-times.js';
import { Observation } from './engine/observation.js';
import { publishThreads } from './engine/shared-threads.js';
import { TunedEngine } from './engine/tuned-engine.js';
import { gatherResults } from './gather.js';
import { type Lease, type LeaseOptions, Leases } from './leases.js';
import { LoaderRun } from './loader-run.js';
import { type LoaderVariant, variantOptions } from './loader-variant.js';
import { openDashboard } from './open-dashboard.js';
import { refuseOtherRanks } from './order/capabilities.js';
import { factsOf } from './order/dataset-facts.js';
import { datasetName, type LoadedSource } from './order/loader-order.js';
import {
  type LoaderPosition,
  type LoaderWhenSeenOptions,
  type PlannedBatch,
  passStartAt,
} from './order/loader-position.js';
import type { RankLayout } from './order/rank-layout.js';
import { type LoaderParts, loaderClosed, type OpenedPass, Pass, passEnded } from './pass.js';
import { type ResolvedOptions, resolveOptions } from './resolve-options.js';
import { LoaderProgress } from './state/loader-progress.js';
import { type LoaderState, readState } from './state/loader-state.js';
import type { Receipt } from './state/receipt.js';

/**
 * A separate name, because the compiler reports a wrong dataset against the last type of a union: it then says that
 * `get` is missing, not `iterate`.
 */
export interface MapStyleDataset<T> extends Dataset<T> {}

/**
 * What a loader accepts: a dataset, or the URL or name of a module that makes it. Without `toString`, which all objects have, the compiler
 * does not compare an array with a URL: it says that `get` is missing.
 */
export type DatasetSource<T> =
  | IterableDataset<T>
  | WorkerDataset<T>
  | Omit<URL, 'toString'>
  | MapStyleDataset<T>;

/** What a loader with `elastic: true` accepts: samples by index, or streams with a state. */
export type ElasticSource<T> =
  | Dataset<T>
  | (IterableDataset<T> & { readonly seekable: true })
  | WorkerDataset<T>
  | URL;

/**
 * Loads a dataset batch by batch: in order or shuffled, on this thread or in workers, one epoch an iteration.
 *
 * ```ts
 * const loader = new DataLoader(dataset, { batchSize: 32, shuffle: true, numWorkers: 2 });
 * for await (const batch of loader) train(batch);   // epoch 0; the next loop is epoch 1
 * ```
 *
 * The sequence of batches depends on the dataset, the sampler and the seed alone: not on workers, prefetch, timing or
 * restarts, and the global batches not on rank and world size either. A global batch is
 * cut into micro-batches, and each of those into the ranks' parts; see `docs/guarantees.md`.
 *
 * @typeParam T - A sample.
 * @typeParam N - Dtype of a batch of JavaScript numbers.
 * @typeParam S - A sample after `transform`.
 * @typeParam B - A batch.
 * @typeParam Reuse - Whether batches are lent.
 * @typeParam Traced - Whether batches have an origin.
 */
export class DataLoader<
  T,
  N extends DType = 'float32',
  S = T,
  B = Collated<S, N>,
  Reuse extends boolean = false,
  Traced extends boolean = false,
> implements AsyncIterable<GivenBatch<B, Reuse, Traced>>, AsyncDisposable
{
  readonly #given: object;
  readonly #options: ResolvedOptions;
  readonly #stats = new StatsRecorder();
  readonly #observation = new Observation();
  readonly #engine: TunedEngine;
  readonly #progress: LoaderProgress;
  readonly #parts: LoaderParts;
  /** What it reads, and in which order. */
  readonly #run: LoaderRun;
  #delivery: Delivery | undefined;
  #dashboard: Promise<void> | undefined;

  /**
   * @param dataset - A map-style or iterable dataset, or the URL of a module whose default export is one.
   * @throws {@link ConfigError} when an option is unknown, wrong, or contradicts another one or the kind of dataset.
   */
  constructor(
    dataset: ElasticSource<T>,
    options: BuiltInCollateOptions<T, N, S, Reuse, Traced> & ElasticOptions,
  );
  constructor(dataset: ElasticSource<T>, options: ElasticLoaderOptions<T, N, S, B, Reuse, Traced>);
  constructor(dataset: ElasticSource<T>, options: ElasticLoaderOptions<T, N, S, B>);
  constructor(
    dataset: DatasetSource<T>,
    options: BuiltInCollateOptions<T, N, S, Reuse, Traced> & InelasticOptions,
  );
  constructor(dataset: DatasetSource<T>, options?: DataLoaderOptions<T, N, S, B, Reuse, Traced>);
  // With `new DataLoader<T>`, the other type arguments are not inferred: lent batches are then typed like owned ones.
  constructor(dataset: DatasetSource<T>, options?: DataLoaderOptions<T, N, S, B>);
  constructor(
    dataset: Dataset<T> | IterableDataset<T> | WorkerDataset<T> | URL,
    options:
      | DataLoaderOptions<T, N, S, B>
      | ElasticLoaderOptions<T, N, S, B>
      | BuiltInCollateOptions<T, N, S> = {},
  ) {
    this.#given = options;
    this.#options = resolveOptions(options);
    const source: LoadedSource = dataset instanceof URL ? new WorkerModule(dataset, {}, true) : dataset;
    this.#engine = new TunedEngine(source, this.#options, this.#observation);
    this.#progress = new LoaderProgress(this.#options);
    this.#parts = {
      options: this.#options,
      engine: this.#engine,
      progress: this.#progress,
      stats: this.#stats,
      observation: this.#observation,
    };
    this.#run = new LoaderRun(source, this.#parts);
    publishThreads(this, this.#engine.threads);
    closeWhenCollected(this, this.#engine.holder);
    if (!(source instanceof WorkerModule)) this.#run.begin(factsOf(source, datasetFingerprint));
  }

  /**
   * Returns another loader of the same data in the same order, from the start, that makes its batches in another way,
   * for comparison.
   *
   * @throws {@link ConfigError} as the constructor does.
   */
  variant(how: LoaderVariant): DataLoader<T, N, S, unknown, boolean> {
    const options = variantOptions(this.#given, how);
    const other = new DataLoader<T, N, S, unknown, boolean>(this.#run.baseSource as Dataset<T>, options);
    other.#run.repeat(this.#run);
    return other;
  }

  /**
   * Imports the dataset's module, if it is named by one, and applies the amendments of a loaded state. Iterating does this too.
   *
   * @throws {@link StateMismatchError}, {@link CapabilityError} or {@link ConfigError} if this loader cannot be amended like the run of the
   *   state.
   */
  async ready(): Promise<this> {
    if (!this.#run.isKnown) this.#run.begin(await (await this.#openEngine()).facts());
    await this.#run.settle();
    return this;
  }

  /**
   * Changes the run from a global step on: weights or sources of a mixture, data, sampler, batch size, sequence length. Each source continues in
   * its own order, so that no sample is lost or repeated, over ranks, gradient accumulation and restarts. States and receipts record the amendment. Call it on
   * every rank with the same arguments.
   *
   * ```ts
   * await loader.amend({ at: 10_000, weights: [0.5, 0.5], batchSize: 1024 });
   * ```
   *
   * @throws {@link ConfigError} naming the field at fault, also if a batch of step `at` was requested before; {@link CapabilityError} if the
   *   order cannot be amended, or a lease is not acknowledged. The run then stays as it was.
   * @remarks A pass under way continues with the next batch; batches that were made ahead are made again. O(amendments).
   */
  async amend(amendment: Amendment): Promise<void> {
    await this.ready();
    await this.#run.amend(amendment);
  }

  /**
   * Batches of this rank per epoch: steps × `gradientAccumulationSteps`. The same on every rank. If
   * epochs differ, those of the epoch of the next batch.
   *
   * @throws {@link LoaderNotReadyError} when the length of the dataset is unknown, or it is named by a module that has not
   *   been imported yet.
   */
  get length(): number {
    return this.#run.order.lengthOf(this.#progress.epoch);
  }

  /**
   * The first global step, counted from 0 over epochs, of which no batch was requested: `amend` changes the run from there on by default.
   *
   * @throws {@link LoaderNotReadyError} before the dataset's module has been imported; {@link CapabilityError} for an iterable dataset.
   */
  get globalStep(): number {
    return this.#run.globalStep;
  }

  /** The current epoch, or the epoch of the next iteration. */
  get epoch(): number {
    return this.#progress.epoch;
  }

  /** The dataset that the loader reads. */
  get dataset(): Dataset<T> | IterableDataset<T> | WorkerDataset<T> {
    return this.#run.source as Dataset<T> | IterableDataset<T> | WorkerDataset<T>;
  }

  /** The sampler of the global batches; `undefined` for a stream, and until a dataset's module has been imported. */
  get batchSampler(): BatchSource | undefined {
    return this.#run.currentOrder?.batchSampler;
  }

  /** The options with their defaults filled in. */
  get options(): ResolvedOptions {
    return this.#options;
  }

  /**
   * Makes the next iteration epoch `epoch`, from its first batch. By default, each iteration is the epoch after the
   * last one.
   */
  setEpoch(epoch: number): void {
    this.seek({ epoch, step: 0 });
  }

  /**
   * Makes the next iteration start at step `step` of epoch `epoch`, as if the batches before it had been delivered. A
   * current iteration ends with a {@link LoaderClosedError}.
   *
   * @remarks Reads no sample of a map-style dataset; O(1) for samplers that compute their order, else it draws and
   *   drops indices. An iterable dataset is read up to the position.
   */
  seek(position: LoaderPosition): void {
    const start = passStartAt('DataLoader.seek', position, this.#options.gradientAccumulationSteps);
    this.#progress.seek(start);
  }

  /**
   * The position of the loader, as plain JSON. Batches that were prefetched but not delivered do not count.
   *
   * @throws {@link LoaderNotReadyError} before the dataset's module has been imported.
   */
  stateDict(): LoaderState {
    return this.#progress.state(this.#run.order);
  }

  /**
   * Continues from a saved state, so that no batch is lost or repeated, with any number of workers, rank, world size and
   * gradient accumulation steps. A state inside a global batch needs gradient accumulation steps with a boundary there.
   *
   * @throws {@link StateMismatchError} when the state belongs to another dataset, sampler, seed, batch size or version.
   */
  loadStateDict(state: LoaderState | JsonObject): void {
    const saved = readState(state);
    const order = this.#run.baseOrder;
    const { identity, batchSampler } = order;
    if (batchSampler && saved.sampler !== identity.sampler) refuseOtherRanks(batchSampler);
    this.#progress.load(saved, order, () => this.#run.adopt(saved));
  }

  /**
   * The batches of a rank from a position to the end of its epoch, without reading a sample.
   *
   * @param layout - The rank. @defaultValue that of the loader
   * @throws {@link CapabilityError} for an iterable dataset, whose samples are known by reading them;
   *   {@link LoaderNotReadyError} before the dataset's module has been imported.
   * @remarks A sampler that draws its order is drawn from.
   */
  order(position: LoaderPosition, layout: RankLayout = this.#options): Generator<PlannedBatch> {
    return this.#run.order.batches(position, layout);
  }

  /**
   * Puts what all ranks computed for their samples into the order of the dataset, for an evaluation over ranks.
   *
   * ```ts
   * const epoch = loader.epoch;
   * const scores = [];
   * for await (const batch of loader) scores.push(...score(batch));
   * const gathered = loader.gather(await allGather(scores), { epoch });   // gathered[i] is the score of sample i
   * ```
   *
   * @param results - For each rank, one result per sample, in the order in which its loader gave the samples.
   * @returns one result per sample of the dataset. A sample that came several times, as with `uneven: 'repeat'`, has its first result;
   *   one that did not come, as with `uneven: 'none'`, has `undefined`.
   * @throws {@link ShapeError} if a rank has another number of results; {@link ConfigError} if there is another number of ranks; {@link
   *   CapabilityError} for an iterable dataset.
   * @remarks O(samples). Reads no sample.
   */
  gather<R>(results: readonly ArrayLike<R>[], { epoch }: { readonly epoch: number }): (R | undefined)[] {
    const { worldSize } = this.#options;
    if (results.length !== worldSize) {
      const message = `are of ${results.length} ranks, but worldSize is ${worldSize}`;
      throw new ConfigError('DataLoader.gather', [{ field: 'results', message }]);
    }
    const batchesOf = (rank: number) => this.order({ epoch, step: 0 }, { ...this.#options, rank });
    return gatherResults(results, this.#run.order.datasetLength, batchesOf);
  }

  /**
   * The receipt of the batches that this rank delivered since the loader was created or a state was loaded: plain
   * JSON with a SHA-256 digest. A state contains the digest. {@link verifyReceipt} and `millrace verify --receipt`
   * recompute it from the order alone. For an iterable dataset it covers shards and positions, not samples.
   */
  receipt(): Receipt {
    return this.#progress.receipt(this.#run.order);
  }

  /**
   * Returns every occurrence of a sample in the given epochs: epoch, step, micro-batch, rank and slot.
   *
   * @param sample - An index of the dataset; or, for a dataset made of others, a sample of these: `{ source, index }`
   *   of a `MixtureDataset`, `{ document }` of a `PackedDataset`.
   * @throws {@link CapabilityError} naming the sampler or dataset that does not support this; {@link
   *   LoaderNotReadyError} before the dataset's module has been imported.
   * @remarks Reads no sample, and does not iterate the epoch.
   */
  whenSeen(sample: number | object, options: LoaderWhenSeenOptions = {}): Sighting[] {
    return this.#run.order.whenSeen(sample, options);
  }

  /** Waiting times, counts and skipped samples since the loader was created. */
  stats(): LoaderStats {
    return { ...this.#stats.snapshot(), ...this.#engine.stats() };
  }

  /**
   * Calls `listener` with the events of each batch: when it was requested, the worker that made it, the time of each stage,
   * and how long the consumer waited. `millrace/monitor` has observers that record or show them.
   *
   * @param listener - Runs on this thread and must return quickly. An error that it throws ends the iteration.
   * @returns a function that removes the observer
   * @remarks Without observers it costs nothing, otherwise about a microsecond per batch.
   */
  observe(listener: LoaderObserver): () => void {
    this.#observation.add(listener);
    this.#engine.observe(true);
    return () => {
      this.#observation.remove(listener);
      if (!this.#observation.active) this.#engine.observe(false);
    };
  }

  /**
   * Iterates one epoch: the first one, the one after the last iteration's, or from the position of `seek` or
   * `loadStateDict`. After an error it continues with the batch that failed. A loader has one iteration at a time:
   * starting another one ends it.
   *
   * Leaving an iteration early abandons the rest of its epoch: the next iteration is the next epoch. A state saved
   * before then still continues inside the abandoned epoch: `loader.loadStateDict(loader.stateDict())` does so in the
   * same process.
   */
  [Symbol.asyncIterator](): AsyncGenerator<GivenBatch<B, Reuse, Traced>, void, undefined> {
    return new Pass<B, Reuse, Traced>(this.#parts, (pass) => this.#openPass(pass));
  }

  /**
   * One epoch, like iterating the loader, but a batch counts as delivered when the consumer acknowledges it: for loops that finish
   * batches out of order, such as rollouts, labeling and asynchronous trainers.
   *
   * ```ts
   * for await (const lease of loader.leases({ inFlight: 16 })) {
   *   void label(lease.batch).then(() => lease.ack());
   * }
   * ```
   *
   * A loader that loads a state gives the unacknowledged batches first, and none that was acknowledged. The state lists the batches that
   * were acknowledged before an earlier one; with 64 of them, new leases wait for the earlier one. The epoch ends when all leases are
   * acknowledged.
   *
   * @throws {@link ConfigError} with `reuseBuffers`; {@link CapabilityError} for an iterable dataset; {@link LoaderTimeoutError} if no
   *   lease is acknowledged within `timeoutMs`.
   */
  leases(options: LeaseOptions): AsyncGenerator<Lease<GivenBatch<B, false, Traced>>, void, undefined> {
    return new Leases<GivenBatch<B, false, Traced>>(this.#parts, options).iterate((pass) =>
      this.#openPass(pass),
    );
  }

  /** Ends the workers and the current iteration. The dataset stays open: it belongs to the caller. */
  async close(): Promise<void> {
    if (this.#progress.isClosed) return;
    this.#progress.close();
    this.#stats.wait(undefined);
    await this.#engine.close();
    if (this.#observation.active) this.#observation.emit({ type: 'closed', at: moment() });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #openPass(pass: object): Promise<OpenedPass> {
    this.#refuseClosed();
    this.#progress.enter(pass);
    this.#delivery?.end(passEnded(this.#progress));
    this.#dashboard ??= openDashboard(this, this.#options.dashboard);
    await this.#dashboard;
    await this.ready();
    const engine = await this.#openEngine();
    const order = this.#run.order;
    const { inOrder, timeoutMs } = this.#options;
    const plan = this.#progress.begin(order);
    if (this.#observation.active) this.#emitBeginning(engine);
    this.#delivery = new Delivery(plan, engine, { inOrder, timeoutMs, observation: this.#observation });
    return { order, delivery: this.#delivery };
  }

  #emitBeginning({ numWorkers }: BatchEngine): void {
    const { rank, worldSize, gradientAccumulationSteps } = this.#options;
    const source = this.#run.source;
    this.#observation.emit({
      type: 'began',
      at: moment(),
      epoch: this.#progress.epoch,
      batch: this.#progress.batch,
      length: this.#run.order.plannedLength(this.#progress.epoch),
      rank,
      worldSize,
      gradientAccumulationSteps,
      numWorkers,
      dataset: source instanceof WorkerModule ? basename(source.module) : datasetName(source),
      sampler: this.#run.samplerOf(this.#progress.epoch),
    });
  }

  async #openEngine(): Promise<BatchEngine> {
    const engine = await this.#engine.open();
    // The loader may have been closed meanwhile.
    if (this.#progress.isClosed) await this.#engine.close();
    this.#refuseClosed();
    return engine;
  }

  #refuseClosed(): void {
    if (this.#progress.isClosed) throw loaderClosed();
  }
}

/** The last part of a URL. */
function basename(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}
