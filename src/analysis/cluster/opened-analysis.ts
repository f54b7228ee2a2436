import { type Recipe, recipeOf } from '../../core/recipe.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { checkDescription, describeAnalysis } from '../analysis-description.js';
import { findRecord, writeRecord } from '../analysis-result.js';
import { loadMetric } from '../metric-source.js';
import { type OnSamples, RangeWork } from '../range-work.js';
import { AnalysisWorker } from '../workers/analysis-worker.js';
import type { AnalysisSetup } from '../workers/protocol.js';
import type { AllowedModules } from './allowed-modules.js';
import { type ClusterAnalysis, openFromRecipe } from './cluster-job.js';
import { readAnalysis } from './cluster-payload.js';

/** An analysis opened on this machine, with threads that work on it. */
export class OpenedAnalysis {
  readonly specification: ClusterAnalysis;
  readonly #store: ObjectStore;
  readonly #setup: AnalysisSetup;
  readonly #idle: AnalysisWorker[] = [];
  #threads = 0;

  private constructor(specification: ClusterAnalysis, store: ObjectStore, setup: AnalysisSetup) {
    this.specification = specification;
    this.#store = store;
    this.#setup = setup;
  }

  /**
   * @returns `undefined` if the analysis is complete.
   * @throws {@link StateMismatchError} if this machine has another version, dataset or metric; {@link ConfigError}
   *   for a module that is not allowed, before anything is imported; {@link FormatError} if the store does not
   *   contain the analysis.
   */
  static async open(
    outputDir: string,
    id: string,
    allowed: AllowedModules,
  ): Promise<OpenedAnalysis | undefined> {
    const store = await openObjectStore(outputDir);
    if (await findRecord(store, id)) return undefined;
    const specification = await readAnalysis(store, id);
    const { description } = specification;
    for (const recipe of [specification.dataset, ...specification.metrics])
      if (typeof recipe === 'object' && 'module' in recipe) allowed.check(recipe.module);
    const dataset = await openFromRecipe(specification.dataset);
    const metrics = await Promise.all(specification.metrics.map(loadMetric));
    checkDescription(description, describeAnalysis(dataset, metrics, description));
    const isFiles = 'files' in specification.dataset;
    const recipe = isFiles ? recipeOf(dataset, 'dataset') : (specification.dataset as Recipe);
    if (isFiles) await dataset.close?.();
    return new OpenedAnalysis(specification, store, {
      dataset: recipe,
      metrics: specification.metrics,
      outputDir,
      description,
      wholeValues: description.layout !== 'native',
    });
  }

  /** Runs work in an idle thread. */
  async use<R>(work: (thread: AnalysisWorker) => Promise<R>): Promise<R> {
    const thread = this.#idle.pop() ?? new AnalysisWorker(this.#setup, this.#threads++);
    try {
      return await work(thread);
    } finally {
      if (thread.hasFailed) await thread.close();
      else this.#idle.push(thread);
    }
  }

  /** Merges the parts, records that the analysis is complete, and removes the parts. */
  async reduce(onSamples: OnSamples): Promise<void> {
    const { description, request } = this.specification;
    const reduced = await this.use((thread) => thread.reduce(request, onSamples));
    await writeRecord(this.#store, { description, ...reduced });
    await this.#store.remove(`${RangeWork.folder(description)}/`);
    await this.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.close()));
  }
}
