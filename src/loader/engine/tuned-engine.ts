import type { Rearrangement } from '../amend/rearrangement.js';
import type { LoadedSource } from '../order/loader-order.js';
import type { ResolvedOptions } from '../resolve-options.js';
import type { BatchEngine } from './batch-engine.js';
import { collateOnMainThread, createEngine } from './create-engine.js';
import type { EngineHolder } from './dropped-loaders.js';
import type { LoaderStats, StatsRecorder } from './loader-stats.js';
import { moment } from './making-times.js';
import type { Observation } from './observation.js';
import { type SharedThreads, threadsOf } from './shared-threads.js';
import { fixedTuner, Tuner } from './tuner.js';
import { planWorkers, type WorkerPlan } from './worker-plan.js';

/**
 * The engine of a loader. It starts on first use, and again after a failure or after a pass that closed it, with the
 * numbers of workers and batches ahead that the tuner chose.
 */
export class TunedEngine {
  #source: LoadedSource;
  /** Whether the engine makes batches of other data. */
  #isOutdated = false;
  /** What the engine must do before its next task. */
  #rearrangement: Rearrangement | undefined;
  readonly #options: ResolvedOptions;
  readonly #observation: Observation;
  readonly #plan: WorkerPlan;
  #tuner: Tuner;
  /** Outlives the loader: see `closeWhenCollected`. */
  readonly holder: EngineHolder = { engine: undefined };
  /** The threads of this loader and of those that share them. */
  readonly threads: SharedThreads;
  /** Workers that were replaced in engines before this one. */
  #restarts = 0;

  constructor(source: LoadedSource, options: ResolvedOptions, observation: Observation) {
    this.#source = source;
    this.#options = options;
    this.#observation = observation;
    this.threads = threadsOf(options.workersOf);
    this.#plan = planWorkers(options);
    this.#tuner = new Tuner(this.#plan);
  }

  async open(): Promise<BatchEngine> {
    if (this.holder.engine?.broken || this.#isOutdated) await this.close();
    if (this.holder.engine) return this.#arranged(this.holder.engine);
    const { numWorkers, prefetchFactor } = this.#tuner;
    const plan = { ...this.#plan, numWorkers, prefetchFactor };
    const engine = await createEngine(this.#source, this.#options, plan, this.threads);
    this.holder.engine = engine;
    if (this.#observation.active) engine.observe(true);
    if (engine.numWorkers !== numWorkers) this.#tuner = fixedTuner(engine);
    return engine;
  }

  /**
   * Makes the batches from another dataset when the engine opens next.
   *
   * @param rearrangement - What makes it from the data of the dataset before, if they read the same data: workers then keep running.
   */
  replace(source: LoadedSource, rearrangement: Rearrangement | undefined): void {
    this.#source = source;
    this.#rearrangement = rearrangement;
    // A cache of samples belongs to one arrangement.
    const canGoOn = rearrangement && this.holder.engine?.rearrange && !this.#options.cacheSamples;
    if (!canGoOn) this.#isOutdated = true;
  }

  #arranged(engine: BatchEngine): BatchEngine {
    if (this.#rearrangement) engine.rearrange?.(this.#rearrangement);
    this.#rearrangement = undefined;
    return engine;
  }

  async close(): Promise<void> {
    this.#isOutdated = false;
    this.#rearrangement = undefined;
    const engine = this.holder.engine;
    this.holder.engine = undefined;
    this.#restarts += engine?.restarts ?? 0;
    await engine?.close();
  }

  /** Turns the times of batches on or off. */
  observe(on: boolean): void {
    this.holder.engine?.observe(on);
  }

  /** A stream stays with the worker that opened it: with another number of workers it would be read again. */
  keepWorkers(): void {
    this.#tuner = new Tuner({ ...this.#plan, maxWorkers: this.#plan.numWorkers });
  }

  /** Called at intervals: applies new numbers of workers and batches ahead. */
  tune(stats: StatsRecorder): void {
    if (!this.#tuner.mayChange) return;
    const period = stats.takePeriod();
    if (!period || !this.#tuner.observe(period)) return;
    const { numWorkers, prefetchFactor, decision } = this.#tuner;
    this.holder.engine?.resize(numWorkers, prefetchFactor);
    if (!this.#observation.active) return;
    this.#observation.emit({ type: 'tuned', at: moment(), numWorkers, prefetchFactor, decision });
  }

  stats(): Pick<LoaderStats, 'numWorkers' | 'prefetchFactor' | 'tuning' | 'restarts'> {
    const { numWorkers, decision } = this.#tuner;
    const prefetchFactor = numWorkers === 0 ? 0 : this.#tuner.prefetchFactor;
    const restarts = this.#restarts + (this.holder.engine?.restarts ?? 0);
    return { numWorkers, prefetchFactor, tuning: decision, restarts };
  }

  /** Whether workers send samples, because the collate is a function on the loader's thread. */
  get collatesHere(): boolean {
    return this.holder.engine?.numWorkers !== 0 && collateOnMainThread(this.#options);
  }
}
